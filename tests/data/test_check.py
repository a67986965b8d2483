"""The check: everything wrong is named with its reason, the unusual too, and what is good is passed over."""

import json
import shutil
import struct

import cv2
import numpy as np
import pytest

from cvapp import images, limits, signs
from cvapp.cli import main
from cvapp.data import parted
from cvapp.data.check import Findings, check
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Data, Recipe
from tests.data.test_duplicates import CHANGES
from tests.test_headers import Image, animation, encoded, picture

GOOD = encoded(picture(), "JPEG")
SMALL = "small, 20 are a start"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Two classes of twenty different scenes."""
    folder = tmp_path_factory.mktemp("good")
    for label in ("a", "b"):
        for number in range(20):
            images.write(folder / label / f"{number:02}.png", scene(label, number))
    return folder


def scene(label, number):
    """A scene of its own, large enough to be compared."""
    return signs.photo(2, {"a": "cup", "b": "key", "c": "star"}[label], number, (80, 100))


@pytest.fixture
def folder(good, tmp_path):
    """A copy of the good folder."""
    return shutil.copytree(good, tmp_path / "data")


def lay(folder, files):
    """Write files by their name, made of bytes or of pixels."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content) if isinstance(content, bytes) else images.write(folder / name, content)
    return folder


def turned(orientation, kind="JPEG", mode="RGB"):
    """A picture that asks to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture(mode), kind, exif=exif)


def test_a_good_folder_has_nothing_wrong(good):
    told = []
    assert check(good, lambda *state: told.append(state)) == Findings(photos={"a": 20, "b": 20})
    assert told[-1] == ("checking photos", 40, 40) and not check(good).wrong


def test_every_bad_file_is_named_with_its_reason(folder):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    found = check(lay(folder, {"a/cut.jpg": GOOD[:300], "a/empty.png": b"", "a/text.jpg": b"hello", "b/phone.heic": heic, "top.jpg": GOOD,
                               "b/notes.txt": b"x"}))  # fmt: skip
    assert found.unusable.pop("a/text.jpg").startswith("not a picture (unknown file signature)")
    assert found.unusable == {
        "a/cut.jpg": "the JPEG file is truncated (300 bytes); copy it again",
        "a/empty.png": "the file is empty (0 bytes); copy it again",
        "b/phone.heic": "the HEIC file is truncated (88 bytes); copy it again",
        "top.jpg": "lies in no class folder; move it into one",
        "b/notes.txt": "not a picture's suffix (.txt)",
    }
    assert found.wrong and found == Findings(photos={"a": 20, "b": 20}, unusable=found.unusable)


@pytest.mark.parametrize(
    "name, content, note",
    [
        ("grey.png", encoded(picture("L"), "PNG"), "grey"),
        ("four.jpg", encoded(picture("CMYK"), "JPEG"), "CMYK: programs differ in its colours; save it as RGB"),
        ("deep.png", encoded(Image.fromarray(np.asarray(picture("L")).astype(np.uint16) * 257), "PNG"), "grey; 16-bit"),
        ("clear.png", encoded(picture("RGBA"), "PNG"), "transparent parts: laid on white"),
        ("film.gif", animation("GIF"), "animated: the first picture is used; all of one colour"),
        ("really.jpg", encoded(picture(), "PNG"), "a PNG file named .jpg: read by its content, rename it"),
        ("really.HEIC", GOOD, "a JPEG file named .HEIC: read by its content, rename it"),
        ("plain.png", np.full((90, 90, 3), (9, 200, 30), np.uint8), "all of one colour"),
        ("plain.jpeg", np.full((9, 9, 3), 255, np.uint8), "all of one colour"),
    ],
)
def test_what_is_unusual_is_named_and_used(folder, name, content, note):
    found = check(lay(folder, {f"b/{name}": content}))
    assert found == Findings(photos={"a": 20, "b": 21}, unusual={f"b/{name}": note}) and not found.wrong


LIES = {2: "mirrored", 3: "upside down", 4: "upside down, mirrored", 5: "on its side, mirrored", 6: "on its side", 7: "on its side, mirrored",
        8: "on its side"}  # fmt: skip


@pytest.mark.parametrize("kind, suffix", [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")])
def test_the_orientation_is_named(folder, kind, suffix):
    found = check(lay(folder, {f"b/{number}.{suffix}": turned(number, kind) for number in range(1, 9)}))
    expected = {
        f"b/{number}.{suffix}": f"EXIF orientation {number}: stored {lies}, turned upright here but not by every program"
        for number, lies in LIES.items()
    }
    assert found.unusual == expected


def test_a_makers_note_with_a_header_of_its_own_does_not_count(folder):
    """Some cameras put a second TIFF header, in another byte order, into the note."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    body = b"Exif\0\0" + tiff + bytes(600) + b"MM\0*\0\0\0\x08\0\0"
    data = GOOD[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + GOOD[2:]
    assert images.decode(data, "x").shape == (40, 24, 3) and images.decode(GOOD, "x").shape == (24, 40, 3)
    assert check(lay(folder, {"b/noted.jpg": data})).unusual["b/noted.jpg"].startswith("EXIF orientation 6: stored on its side")


def deep(peak, mode="L", kind="PNG"):
    """A scene in a file of 16 bits whose largest value is `peak`."""
    values = np.asarray(Image.fromarray(scene("c", 1)).convert(mode)).astype(float)
    values = np.round(values / values.max() * peak).astype(np.uint16)
    return cv2.imencode(f".{kind.lower()}", values)[1].tobytes()


@pytest.mark.parametrize(
    "name, content, note",
    [
        ("x.png", deep(4095), "grey; 16-bit; uses only values up to 4095 of 65535: it looks almost black; --set images.bits=12 stretches it"),
        ("x.png", deep(1023, "RGB"), "16-bit; uses only values up to 1023 of 65535: it looks almost black; --set images.bits=10 stretches it"),
        ("x.tif", deep(16000, kind="TIF"), "16-bit; grey; uses only values up to 16000 of 65535: it looks dark; --set images.bits=14 stretches it"),
        ("x.png", deep(90, "RGB"), "16-bit; uses only values up to 90 of 65535: it looks almost black; --set images.bits=8 stretches it"),
        ("x.png", deep(17000), "grey; 16-bit"),
        ("x.png", deep(65535, "RGB"), "16-bit"),
    ],
)
def test_few_bits_in_a_file_of_sixteen_are_told_by_what_the_model_will_see(folder, name, content, note):
    assert check(lay(folder, {f"b/{name}": content})).unusual == {f"b/{name}": note}


def test_photos_of_one_camera_get_one_setting(folder):
    found = check(lay(folder, {"a/dim.png": deep(900), "b/light.png": deep(4000)})).unusual
    assert all(note.endswith("--set images.bits=12 stretches it") for note in found.values()) and len(found) == 2


def test_a_photo_that_is_read_reduced_is_told(folder, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 4000)
    found = check(lay(folder, {"b/large.png": scene("c", 2)[:64, :96]})).unusual
    assert found["b/large.png"] == "96x64 pixels: read at 1/2 of its sides"


def test_grey_is_not_unusual_where_all_are_grey(tmp_path):
    for label in "ab":
        lay(tmp_path, {f"{label}/{number}.png": encoded(Image.fromarray(scene(label, number)).convert("L"), "PNG") for number in range(20)})
    assert check(tmp_path) == Findings(photos={"a": 20, "b": 20})


def test_copies_are_grouped_and_those_of_two_labels_are_wrong(folder):
    first = (folder / "a" / "00.png").read_bytes()
    lay(folder, {"a/exact.png": first, "b/exact.png": (folder / "b" / "03.png").read_bytes(),
                 "a/near.jpg": CHANGES["brighter"](scene("a", 0)), "a/near 5.jpg": CHANGES["mirrored"](scene("a", 5))})  # fmt: skip
    found = check(folder)
    groups = [["a/00.png", "a/exact.png", "a/near.jpg"], ["a/05.png", "a/near 5.jpg"], ["b/03.png", "b/exact.png"]]
    assert found.within == groups and found.across == [] and not found.wrong
    assert found.duplicates == [groups[0][:2], groups[2]] and found.near_duplicates == groups[:2]
    lay(folder, {"b/near.jpg": CHANGES["saved at quality 15"](scene("a", 0)), "b/theft.png": (folder / "a" / "07.png").read_bytes()})
    found = check(folder)
    assert found.wrong and found.across == [[*groups[0], "b/near.jpg"], ["a/07.png", "b/theft.png"]] and found.within == groups[1:]


def test_small_and_uneven_classes_are_told(folder):
    lay(folder, {f"c/{number}.png": scene("c", number) for number in range(2)} | {"d/one.png": scene("c", 3), "d/two.png": scene("c", 3)})
    lay(folder, {"e/none.png": b"", "f/1.png": scene("c", 4), "f/2.jpg": CHANGES["brighter"](scene("c", 4))})
    found = check(folder)
    assert found.photos == {"a": 20, "b": 20, "c": 2, "d": 2, "e": 0, "f": 2} and found.wrong
    assert found.unlearnable == [
        "class 'd' has 2 usable photos, 1 of them different: 2 are the least, 20 a start",
        "class 'e' has 0 usable photos: 2 are the least, 20 a start",
    ]
    assert found.classes == [
        f"class 'c' has 2 usable photos: {SMALL}",
        "class 'f' has 2 usable photos, copies of one another: they train, but nothing measures them; add different ones",
    ]
    shutil.rmtree(folder / "d"), shutil.rmtree(folder / "e")
    found = check(folder)
    assert not found.wrong and found.classes[2:] == ["class 'a' has 20 photos, class 'c' 2; --set train.class_weights=True makes up for it"]


def test_one_class_is_told(tmp_path):
    lay(tmp_path, {f"only/{number}.png": scene("a", number) for number in range(2)})
    assert check(tmp_path).unlearnable == ["only one class ('only'): a classifier needs at least 2"]


def test_a_folder_without_photos_is_bad_data(tmp_path):
    with pytest.raises(CvappError, match="expected class folders with photos") as error:
        check(tmp_path)
    assert error.value.code == Exit.BAD_DATA


@pytest.fixture
def faulty(folder):
    """Twenty pictures of one class in another, five files that cannot be read, a wrong suffix, and a class of two."""
    for number in range(20):
        data = (folder / "a" / f"{number:02}.png").read_bytes()
        lay(
            folder, {f"b/theft {number:02}.{'png' if number % 2 else 'jpg'}": data if number % 2 else CHANGES["darker"](scene("a", number))}
        )
    lay(folder, {"a/empty.jpg": b"", "a/cut.png": (folder / "a" / "00.png").read_bytes()[:900], "b/text.png": b"text", "b/notes.txt": b"text",
                 "c/loose/x/y.png": b"deep"})  # fmt: skip
    return lay(folder, {"c/1.jpg": encoded(Image.fromarray(scene("c", 1)), "PNG"), "c/2.png": scene("c", 2)})


def test_planted_faults_are_all_found_and_nothing_else(faulty):
    found = check(faulty)
    assert set(found.unusable) == {"a/empty.jpg", "a/cut.png", "b/text.png", "b/notes.txt", "c/loose/x/y.png"}
    thefts = [[f"a/{number:02}.png", f"b/theft {number:02}.{'png' if number % 2 else 'jpg'}"] for number in range(20)]
    assert found == Findings(
        photos={"a": 20, "b": 40, "c": 2},
        unusable=found.unusable,
        across=thefts,
        classes=[
            f"class 'c' has 2 usable photos: {SMALL}",
            "class 'b' has 40 photos, class 'c' 2; --set train.class_weights=True makes up for it",
        ],
        duplicates=thefts[1::2],
        near_duplicates=thefts[::2],
        unusual={"c/1.jpg": "a PNG file named .jpg: read by its content, rename it"},
        left_out=found.left_out,
    )
    assert set(found.left_out) == {name for pair in thefts[1::2] for name in pair}, "of the very same content; near copies are used"


def test_the_command_puts_the_most_important_first_and_names_all_in_json(faulty, capsys):
    assert main(["data", "check", str(faulty)]) == Exit.BAD_DATA
    text = capsys.readouterr().out
    heads = [
        "files that cannot be used (5)",
        "the same picture, or nearly, under different labels: training leaves exact copies out (20)",
        "classes that are hard to learn (2)",
        "unusual files, all used (1)",
    ]
    places = [text.index(head) for head in heads]
    assert places == sorted(places) and "  a/00.png, b/theft 00.jpg\n" in text and "more;" not in text
    assert text.endswith("42 photos of 3 classes can be used: mend what stands first, then train\n")
    lay(faulty, {f"a/bad {number}.png": b"" for number in range(19)})
    main(["data", "check", str(faulty)])
    assert "files that cannot be used (24)\n" in (text := capsys.readouterr().out) and "  4 more; --json names them all\n" in text
    assert main(["data", "check", str(faulty), "--json"]) == Exit.BAD_DATA
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {
        "folder", "photos", "unusable", "unusual", "classes", "duplicates", "near_duplicates", "across_labels", "sessions", "left_out", "notes"
    }  # fmt: skip
    assert len(values["unusable"]) == 24 and len(values["near_duplicates"]) == len(values["duplicates"]) == 10
    assert values["classes"][0] == f"class 'c' has 2 usable photos: {SMALL}"


def test_the_command_is_content_with_small_classes_and_long_groups(folder, capsys):
    lay(folder, {f"a/copy {number}.png": (folder / "a" / "00.png").read_bytes() for number in range(6)})
    (folder / "b" / "00.png").unlink()
    assert main(["data", "check", str(folder)]) == Exit.DONE
    text = capsys.readouterr().out
    assert "  a/00.png, a/copy 0.png, a/copy 1.png, a/copy 2.png, a/copy 3.png and 2 more\n" in text
    assert f"class 'b' has 19 usable photos: {SMALL}" in text and text.endswith("45 photos of 2 classes can be used: ready to train\n")


def test_the_table_has_the_sessions_of_each_class_where_any_is_known(folder, capsys):
    """Class a comes from two sessions, b from none that is known; without the list no column tells of them."""
    names = [f"{label}/{number:02}.png" for label in "ab" for number in range(20)]
    rows = [f"{name},{name[0]},{f'day {int(name[2:4]) % 2}' if name[0] == 'a' else ''}" for name in names]
    (folder / "list.csv").write_text("\n".join(["path,label,group", *rows]))
    assert main(["data", "check", str(folder / "list.csv")]) == Exit.DONE
    told = capsys.readouterr().out.splitlines()
    assert [line.split() for line in told[:3]] == [["class", "usable", "photos", "sessions"], ["a", "20", "2"], ["b", "20"]]
    (folder / "list.csv").unlink()
    main(["data", "check", str(folder)])
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:2]] == [["class", "usable", "photos"], ["a", "20"]]


def test_the_split_command_freezes_and_names_what_it_leaves_out(faulty, capsys):
    assert main(["data", "split", str(faulty), "--json"]) == Exit.DONE
    values = json.loads(capsys.readouterr().out)
    assert values["split"] == str(faulty / "split.csv") and values["kept"] == 0 and len(values["left_out"]) == 5 + 20
    assert sum(values["photos"]["a"].values()) == 10 and values["notes"][0].startswith("near copies bear different labels")
    assert main(["data", "split", str(faulty)]) == Exit.DONE
    text = capsys.readouterr().out
    assert "left out (25)\n" in text and "  5 more; --json names them all\n" in text and text.endswith("split.csv: 42 photos\n")


def test_a_csv_is_checked_too(folder):
    (folder / "list.csv").write_text(
        "path,label\n" + "".join(f"{label}/{number:02}.png,{label}\n" for label in "ab" for number in range(20)) + "x.png,a\n"
    )
    assert check(folder / "list.csv") == Findings(photos={"a": 20, "b": 20}, unusable={"x.png": "line 42: no such file"})


@pytest.mark.shared
def test_real_photos_are_all_usable_and_different(shared_data):
    found = check(shared_data / "hymenoptera-256")
    assert sum(found.photos.values()) > 300 and found == Findings(photos=found.photos)


def test_copies_of_test_photos_are_left_out_each_time_and_check_says_so(workspace, capsys):
    """Twenty photos to test on stay twenty, however often the photos are parted, and by whom."""
    for label in "ab":
        lay(workspace, {f"d/{part}/{label}/{number}.png": scene(label, number + 20 * (part == "test"))
                        for part in ("train", "test") for number in range(10)})  # fmt: skip
    copies = {"d/train/a/copy.png": "d/test/a/3.png", "d/train/b/again.png": "d/test/b/4.png"}
    lay(workspace, {copy: (workspace / photo).read_bytes() for copy, photo in copies.items()})
    lay(workspace, {"d/train/a/near.png": CHANGES["darker"](scene("a", 25))})
    reasons = {"train/a/copy.png": "same picture as test/a/3.png, which is in test",
               "train/a/near.png": "near copy of test/a/5.png, which is in test",
               "train/b/again.png": "same picture as test/b/4.png, which is in test"}  # fmt: skip
    files = []
    for _ in range(2):
        found = check(workspace / "d")
        assert found.left_out == reasons and found.within == [] and not found.wrong
        assert main(["data", "split", str(workspace / "d"), "--json"]) == Exit.DONE
        values = json.loads(capsys.readouterr().out)
        assert values["left_out"] == reasons and sum(parts["test"] for parts in values["photos"].values()) == 20
        files.append((workspace / "d" / "split.csv").read_bytes())
    found = parted.prepare(workspace / "d", Recipe(images=Images((16, 16)), seed=5))
    assert found.left_out == reasons and sum(row.part == "test" for row in found.rows) == 20
    assert {*files, (workspace / "d" / "split.csv").read_bytes()} == {files[0]}
    main(["data", "check", str(workspace / "d")])
    text = capsys.readouterr().out
    assert "photos that training leaves out (3)\n" in text and "copies, all used" not in text
    assert text.endswith("40 photos of 2 classes can be used: ready to train\n")


def test_what_training_refuses_is_not_called_ready(workspace):
    """One class lies in val/ alone, another is a copy of it photo by photo: nothing is left to train on."""
    lay(workspace, {f"d/train/{label}/{number}.png": scene(label, number) for label in "ab" for number in range(3)})
    lay(workspace, {f"d/test/{path.parent.name}/{path.name}": path.read_bytes() for path in (workspace / "d").rglob("*.png")})
    found = check(workspace / "d")
    assert found.wrong and found.unlearnable[0].startswith("no photo to train on and none to validate with")


def test_classes_that_look_alike_and_those_without_a_file_are_told(workspace):
    labels = ("Cat", "cat", "cafe\u0301", "caf\u00e9", "stop sign", "stop  sign")
    scenes = {f"d/{label}/{number}.png": scene("a", number + 5 * place) for place, label in enumerate(labels) for number in range(5)}
    lay(workspace, scenes)
    (workspace / "d" / "lost").mkdir()
    found = check(workspace / "d")
    assert found.photos == {"caf\u00e9": 10, "Cat": 5, "cat": 5, "stop  sign": 5, "stop sign": 5}
    assert found.notes == [
        "class 'caf\u00e9' has 2 folders, whose names differ in how accents or blanks around them are written: they are one class",
        "lost/ is empty: it makes no class",
        "classes 'Cat' and 'cat' look alike; if they are one, give it one name",
        "classes 'stop  sign' and 'stop sign' look alike; if they are one, give it one name",
    ]


def test_a_photo_of_a_list_may_have_a_bad_row_and_be_left_out_for_another(workspace):
    """Both are told, and the photos that can be used are counted as training counts them."""
    lay(workspace, {f"{label}{number}.png": scene(label, number) for label in "ab" for number in range(4)})
    lay(workspace, {"x.png": scene("a", 0)})
    rows = [f"{label}{number}.png,{label}" for label in "ab" for number in range(4)]
    (workspace / "l.csv").write_text("\n".join(("path,label", *rows, 'x.png,"a\tb"', "x.png,b")))
    found = check(workspace / "l.csv")
    assert list(found.unusable) == ["x.png"] and "a control character" in found.unusable["x.png"]
    assert found.left_out == {
        "a0.png": "same picture as x.png, which is labelled 'b'",
        "x.png": "same picture as a0.png, which is labelled 'a'",
    }
    assert sum(found.photos.values()) - len(found.left_out) == 7 == len(parted.freeze(workspace / "l.csv", Data(), 0).rows)
