"""Class folders: which file is an example of what, and why each of the others is none."""

import contextlib
import os
import socket
from pathlib import Path

import pytest

from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.errors import CvappError, Exit


def fill(folder: Path, *names: str) -> Path:
    """Files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def found(folder: Path) -> list[tuple[str, str, str | None]]:
    return [(photo.name, photo.label, photo.part) for photo in scan(folder).photos]


def test_class_folders_give_labels_and_names(tmp_path):
    fill(tmp_path, "10/a.jpg", "2/a.jpg", "dog s/ü 猫.PNG", "Bär/x.webp", "phone/IMG_1.HEIC")
    assert found(tmp_path) == [
        ("10/a.jpg", "10", None),
        ("2/a.jpg", "2", None),
        ("Bär/x.webp", "Bär", None),
        ("dog s/ü 猫.PNG", "dog s", None),
        ("phone/IMG_1.HEIC", "phone", None),
    ]
    assert scan(str(tmp_path)).labels == ["2", "10", "Bär", "dog s", "phone"] and scan(tmp_path).stray == {}


@pytest.mark.parametrize("train, val", [("train", "val"), ("Training", "valid"), ("TRAIN", "Validation")])
def test_parts_are_taken_from_the_folders(tmp_path, train, val):
    fill(tmp_path, f"{train}/a/1.jpg", f"{val}/a/1.jpg", "test/b/1.jpg", "split.csv", "extra/c/1.jpg", f"{train}/loose.jpg")
    assert set(found(tmp_path)) == {(f"{train}/a/1.jpg", "a", "train"), (f"{val}/a/1.jpg", "a", "val"), ("test/b/1.jpg", "b", "test")}
    assert scan(tmp_path).stray == {
        "extra/c/1.jpg": "lies beside train/; move it into train/, val/ or test/",
        f"{train}/loose.jpg": "lies in no class folder; move it into one",
    }


def test_testing_is_the_test_of_training(tmp_path):
    fill(tmp_path, "training/a/1.jpg", "Testing/a/1.jpg")
    assert set(found(tmp_path)) == {("training/a/1.jpg", "a", "train"), ("Testing/a/1.jpg", "a", "test")}


def test_without_train_a_part_is_a_class_like_any_other(tmp_path):
    fill(tmp_path, "test/1.jpg", "val/1.jpg")
    assert found(tmp_path) == [("test/1.jpg", "test", None), ("val/1.jpg", "val", None)]


def test_a_class_may_be_called_train(tmp_path):
    """As among cars, buses and trains: there is no class folder in it, so it is one itself."""
    fill(tmp_path, "train/1.jpg", "car/1.jpg")
    assert found(tmp_path) == [("car/1.jpg", "car", None), ("train/1.jpg", "train", None)]


def test_files_that_are_no_examples_are_named_with_the_reason(tmp_path):
    fill(tmp_path, "cats/1.jpg", "cats/notes.txt", "cats/noext", "top.jpg", "cats/x/deep.jpg", "cats/x/y/deeper.png")
    assert found(tmp_path) == [("cats/1.jpg", "cats", None)]
    assert scan(tmp_path).stray == {
        "cats/notes.txt": "not a picture's suffix (.txt)",
        "cats/noext": "not a picture's suffix (none)",
        "top.jpg": "lies in no class folder; move it into one",
        "cats/x/deep.jpg": f"lies 2 folders deep; expected {tmp_path.name}/CLASS/photo.jpg",
        "cats/x/y/deeper.png": f"lies 3 folders deep; expected {tmp_path.name}/CLASS/photo.png",
    }


def test_hidden_files_and_our_own_are_passed_over(tmp_path):
    fill(tmp_path, "a/1.jpg", ".git/a/1.jpg", "a/.hidden.jpg", "a/._1.jpg", ".DS_Store", "a/Thumbs.db", "split.csv", "README.md")
    assert found(tmp_path) == [("a/1.jpg", "a", None)] and scan(tmp_path).stray == {}
    hidden = fill(tmp_path / ".cache" / "photos", "a/1.jpg")
    assert found(hidden) == [("a/1.jpg", "a", None)], "only what is hidden inside the folder counts"


def test_a_class_folder_may_be_a_link(tmp_path):
    fill(tmp_path, "elsewhere/1.jpg", "data/a/1.jpg")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a" / "2.jpg").symlink_to(tmp_path / "elsewhere" / "1.jpg")
    assert found(tmp_path / "data") == [("a/1.jpg", "a", None), ("a/2.jpg", "a", None), ("b/1.jpg", "b", None)]


@pytest.mark.parametrize(
    "names, words",
    [
        ([], r"expected class folders with photos, .*/CLASS/photo.jpg; found nothing$"),
        ([".hidden/a/1.jpg"], "found nothing$"),
        (["1.jpg", "2.jpg"], r"found 2 files but none that can be used, such as 1.jpg: lies in no class folder; move it into one$"),
        (["a/b/c/1.jpg"], "found 1 files? but none that can be used, such as a/b/c/1.jpg: lies 3 folders deep"),
        (["a/1.txt"], r"such as a/1.txt: not a picture's suffix \(.txt\)$"),
    ],
)
def test_a_folder_without_photos_is_told_with_an_example(tmp_path, names, words):
    with pytest.raises(CvappError, match=words) as error:
        scan(fill(tmp_path, *names))
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("name", ["gone", "file"])
def test_what_is_no_folder_is_told(tmp_path, name):
    (tmp_path / "file").touch()
    words = f"^no folder .*/{name}: give a folder of class folders, such as .*/{name}/cats/1.jpg, or a CSV of path,label$"
    with pytest.raises(CvappError, match=words) as error:
        scan(tmp_path / name)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.shared
def test_a_real_folder_with_train_and_val(shared_data):
    listing = scan(shared_data / "hymenoptera-256")
    assert listing.labels == ["ants", "bees"] and listing.stray == {}
    assert {photo.part for photo in listing.photos} == {"train", "val"}
    assert len(listing.photos) == len(list((shared_data / "hymenoptera-256").glob("*/*/*.jpg"))) > 300


def test_a_class_whose_name_is_no_text_is_told(tmp_path):
    """Such a label would break the card and the drawing of it."""
    fill(tmp_path, "ants/1.jpg", "bees/1.jpg")
    (tmp_path / "b\udcff").mkdir()
    (tmp_path / "b\udcff" / "1.jpg").write_bytes(b"a photo")
    listing = scan(tmp_path)
    assert listing.labels == ["ants", "bees"]
    words = "label 'b\\udcff' is not readable text: it holds a byte that is no text (U+DCFF)"
    assert listing.stray == {"b\udcff/1.jpg": f"lies in a folder whose name cannot be a label: {words}; rename the folder"}


def test_photos_without_class_folders_are_one_class_where_that_is_allowed(tmp_path):
    folder = fill(tmp_path / "pets", "1.jpg", "2.png", "notes.txt", ".hidden.jpg", "split.csv")
    listing = scan(folder, loose=True)
    assert [(photo.name, photo.label, photo.part) for photo in listing.photos] == [("1.jpg", "pets", None), ("2.png", "pets", None)]
    assert listing.stray == {"notes.txt": "not a picture's suffix (.txt)"} and listing.read(listing.photos[0]) == b"1.jpg"
    fill(folder, "cats/1.jpg")
    assert [photo.label for photo in scan(folder, loose=True).photos] == ["cats"], "class folders, where there are any"
    with pytest.raises(CvappError, match="found 1 files but none that can be used"):
        scan(fill(tmp_path / "texts", "notes.txt"), loose=True)


def test_what_cannot_be_opened_is_named_and_never_opened(tmp_path, monkeypatch):
    """A link to nowhere, a pipe, a socket, a device, a circle of links, a folder that is closed, one that leads back."""
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "shut/1.jpg")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.jpg").symlink_to("../.git/annex/objects/1")
    (tmp_path / "c" / "2.jpg").symlink_to("2.jpg")
    os.mkfifo(tmp_path / "c" / "3.jpg")
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(tmp_path / "c"):
        bound.bind("4.jpg")
    (tmp_path / "c" / "5.jpg").symlink_to("/dev/zero")
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a" / "pipe")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: listdir(place) if Path(place).name != "shut" else listdir("/gone"))
    listing = hashed(scan(tmp_path))
    assert scan(tmp_path).labels == ["a", "b", "c"], "a class whose photos are all links to nowhere is not passed over"
    assert [photo.name for photo in listing.photos] == ["a/1.jpg", "b/1.jpg"]
    assert listing.stray == {
        "a/pipe": "a named pipe, not a file; remove it",
        "again": f"the same folder as {tmp_path}/a, whose files are taken once",
        "b/round": f"the same folder as {tmp_path}, whose files are taken once",
        "c/1.jpg": "a link to nowhere (../.git/annex/objects/1); fetch what it stands for, or remove it",
        "c/2.jpg": "a link to nowhere (2.jpg); fetch what it stands for, or remove it",
        "c/3.jpg": "a named pipe, not a file; remove it",
        "c/4.jpg": "a socket, not a file; remove it",
        "c/5.jpg": "a device, not a file; remove it",
        "shut": "a folder that cannot be read (No such file or directory); mend its permissions or remove it",
    }


def test_a_train_folder_that_cannot_be_read_is_no_reason_to_take_val_for_a_class(tmp_path, monkeypatch):
    fill(tmp_path, "train/a/1.jpg", "val/a/1.jpg", "val/b/1.jpg")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: listdir(place) if Path(place).name != "train" else listdir("/gone"))
    assert found(tmp_path) == [("val/a/1.jpg", "a", "val"), ("val/b/1.jpg", "b", "val")] and "train" in scan(tmp_path).stray


def test_a_hidden_class_folder_is_named(tmp_path):
    fill(tmp_path, "a/1.jpg", ".b/1.jpg", ".b/2.jpg", ".git/objects/1.jpg", ".cache/notes.txt", "a/.thumbs/1.jpg")
    assert found(tmp_path) == [("a/1.jpg", "a", None)]
    assert scan(tmp_path).stray == {".b": "a hidden folder with 2 pictures; if it is a class, rename it without the dot"}
    fill(tmp_path / "parted", "train/a/1.jpg", "train/.c/1.jpg", ".d/1.jpg")
    assert set(scan(tmp_path / "parted").stray) == {"train/.c"}


def test_a_cameras_raw_files_are_pointed_to_the_command_that_develops_them(tmp_path):
    listing = scan(fill(tmp_path, "a/1.jpg", "a/2.DNG"))
    assert listing.stray == {"a/2.DNG": "a camera's raw file (.DNG); develop it first, with cvapp isp"}


def test_loose_photos_that_cannot_be_opened_are_named_too(tmp_path):
    """As a generator takes them."""
    folder = fill(tmp_path / "pets", "1.jpg", "2.dng")
    (folder / "3.jpg").symlink_to("gone")
    os.mkfifo(folder / "4.jpg")
    listing = hashed(scan(folder, loose=True))
    assert [(photo.name, photo.label) for photo in listing.photos] == [("1.jpg", "pets")]
    assert {name: reason.split("(")[0] for name, reason in listing.stray.items()} == {
        "2.dng": "a camera's raw file ",
        "3.jpg": "a link to nowhere ",
        "4.jpg": "a named pipe, not a file; remove it",
    }


def test_class_folders_in_two_spellings_are_one_class(tmp_path):
    fill(tmp_path, "train/caf\u00e9/1.jpg", "val/cafe\u0301/2.jpg", "train/ tea/1.jpg", "train/Tea/1.jpg")
    listing = scan(tmp_path)
    assert listing.labels == ["caf\u00e9", "Tea", "tea"]
    told = [note.split(",")[0] for note in listing.notes]
    assert told == ["class 'caf\u00e9' has 2 folders", "classes 'Tea' and 'tea' look alike; if they are one"]
