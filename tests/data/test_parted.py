"""From a source of data to parted photos: what is used, what is left out and told, and what is frozen beside the source."""

import gzip
import os
import threading

import cv2
import numpy as np
import pytest

from cvapp import images, signs
from cvapp.data import parted, split
from cvapp.data.folders import scan
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Data, Recipe, Train
from tests.data.test_duplicates import CHANGES
from tests.data.test_idx import idx

RECIPE = Recipe(images=Images((16, 24)), data=Data(val=0.25, test=0.25))
LABELS = ("heart", "moon")


def scene(label, number):
    """A scene of its own, large enough to be compared."""
    return signs.photo(1, label, number, (80, 100))


@pytest.fixture
def folder(workspace):
    """Two classes of eight scenes."""
    for label in LABELS:
        for number in range(8):
            images.write(workspace / "photos" / label / f"{number}.png", scene(label, number))
    return workspace / "photos"


def prepared(source, recipe=RECIPE):
    """What was prepared, and the lines that were told."""
    lines = []
    found = parted.prepare(source, recipe, lambda text, done=None, total=None: lines.append(text) if done is None else None)
    return found, lines


def test_photos_are_listed_fitted_parted_and_frozen(folder):
    found, lines = prepared(folder)
    assert split.counts(found.rows) == {label: {"train": 4, "val": 2, "test": 2} for label in LABELS}
    assert (found.left_out, found.notes, lines) == ({}, [], ["16 photos of 2 classes: 8 train, 4 val, 4 test"])
    assert split.read(folder / "split.csv") == found.rows
    for row, pixels in zip(found.rows, found.pixels.read(row.hash for row in found.rows)):
        np.testing.assert_array_equal(pixels, images.fit(images.read(folder / row.path), RECIPE.images))


def test_what_is_frozen_stays_whatever_the_recipe_says_and_whoever_is_away(folder):
    first, _ = prepared(folder)
    away = (folder / "moon" / "3.png").rename(folder.parent / "3.png")
    images.write(folder / "moon" / "new.png", scene("moon", 20))
    second, _ = prepared(folder, Recipe(images=Images((16, 24)), seed=9, data=Data(val=0.5, test=0.1)))
    rows = {row.path: row for row in first.rows}
    assert {row.path: row for row in second.rows}.items() >= {name: row for name, row in rows.items() if name != "moon/3.png"}.items()
    table = split.read(folder / "split.csv")
    assert {row.path for row in table} == {*rows, "moon/new.png"} and rows["moon/3.png"] in table
    away.rename(folder / "moon" / "back.png")
    again = {row.path: row.part for row in prepared(folder)[0].rows}
    assert again["moon/back.png"] == rows["moon/3.png"].part
    before = os.stat(folder / "split.csv").st_mtime_ns
    prepared(folder)
    assert os.stat(folder / "split.csv").st_mtime_ns == before, "nothing new, nothing written"


def test_a_copy_goes_where_its_picture_is_and_what_is_left_out_is_named(folder):
    first, _ = prepared(folder)
    part = {row.path: row.part for row in first.rows}
    for number in range(8):
        images.write(
            folder / "heart" / f"copy {number}.jpg", CHANGES["mirrored, cropped, brighter and saved again"](scene("heart", number))
        )
    (folder / "heart" / "theft.png").write_bytes((folder / "moon" / "0.png").read_bytes())
    for number in range(6):
        (folder / "moon" / f"broken {number}.jpg").write_bytes(b"")
    found, lines = prepared(folder)
    now = {row.path: row.part for row in found.rows}
    assert all(now[f"heart/copy {number}.jpg"] == part[f"heart/{number}.png"] for number in range(8))
    assert found.left_out == {
        **{f"moon/broken {number}.jpg": "the file is empty (0 bytes); copy it again" for number in range(6)},
        "heart/theft.png": "same picture as moon/0.png, which is labelled 'moon'",
        "moon/0.png": "same picture as heart/theft.png, which is labelled 'heart'",
    }
    assert lines[0] == "left out: moon/broken 0.jpg: the file is empty (0 bytes); copy it again" and len(lines) == 7
    assert lines[5] == f"left out: 3 more files; cvapp data split {folder} --json names them all"
    assert next(row for row in split.read(folder / "split.csv") if row.path == "moon/0.png") in first.rows, "its old row is kept"


def test_the_split_without_training_is_the_same(folder, workspace):
    images.write(folder / "heart" / "copy.jpg", CHANGES["brighter"](scene("heart", 2)))
    division = parted.freeze(folder, RECIPE.data, RECIPE.seed)
    assert division.file == folder / "split.csv" and division.frozen == [] and not (workspace / "saved_models").exists()
    assert split.read(division.file) == division.rows
    division.file.unlink()
    assert prepared(folder)[0].rows == division.rows
    assert parted.freeze(folder, Data(val=0.5), 3).frozen == division.rows


def test_shares_or_a_seed_that_are_asked_for_make_the_split_anew(folder):
    """Of eight photos a class a quarter is 2, a half is 4; a photo that is away loses its row."""
    old = {row.path: row.part for row in parted.freeze(folder, RECIPE.data, 0).rows}
    (folder / "moon" / "3.png").unlink()
    made = parted.freeze(folder, Data(val=0.5, test=0.25), 0, asked={"val": "--val 0.5"})
    assert split.counts(made.rows)["heart"] == {"train": 2, "val": 4, "test": 2} and made.frozen == []
    assert made.moved == sum(old[row.path] != row.part for row in made.rows) >= 2
    assert split.read(folder / "split.csv") == made.rows and len(made.rows) == 15
    same = parted.freeze(folder, Data(val=0.5, test=0.25), 0, asked={"val": "--val 0.5"})
    assert (same.moved, same.replaced, same.notes) == (0, made.rows, [])
    kept = parted.freeze(folder, RECIPE.data, 0)
    assert (kept.rows, kept.frozen, kept.replaced, kept.moved) == (made.rows, made.rows, [], 0), "without being asked for it stays"
    assert kept.notes == [f"{folder}/split.csv is kept: 8 val photos, where a share of 0.25 would give 4"]
    assert parted.freeze(folder, Data(val=0.5, test=0.25), 5, asked={"seed": "--seed 5"}).moved > 0


def test_a_source_that_gives_all_parts_is_left_as_it_is(folder, workspace):
    for part, numbers in (("train", range(5)), ("val", range(5, 8))):
        for label in LABELS:
            for number in numbers:
                images.write(workspace / "given" / part / label / f"{number}.png", scene(label, number))
    images.write(workspace / "given" / "train" / "moon" / "leak.jpg", CHANGES["brighter"](scene("moon", 6)))
    found, _ = prepared(workspace / "given")
    assert found.left_out == {"train/moon/leak.jpg": "near copy of val/moon/6.png, which is in val"}
    assert split.counts(found.rows)["moon"] == {"train": 5, "val": 3, "test": 0}
    assert not list(workspace.glob("given/*.csv")) and parted.freeze(workspace / "given", Data(), 0).file is None
    with pytest.raises(CvappError, match="^--val 0.3: .*given decides which photos are for validation, by its folders or its list") as error:
        parted.freeze(workspace / "given", Data(val=0.3), 0, asked={"val": "--val 0.3"})
    assert error.value.code == Exit.USAGE and found.source.fixed == ("val", "test") and not found.source.frozen


def test_a_csv_has_its_split_beside_it(folder, workspace):
    lines = [f"photos/{photo.name},{photo.label}" for photo in scan(folder).photos]
    (workspace / "list.csv").write_text("\n".join(["path,label", *lines, "photos/gone.png,moon"]))
    found, told = prepared(workspace / "list.csv")
    assert split.read(workspace / "list.split.csv") == found.rows and len(found.rows) == 16
    assert told[0] == "left out: photos/gone.png: line 18: no such file" and not (folder / "split.csv").exists()
    assert {row.hash: row.part for row in prepared(workspace / "list.split.csv")[0].rows} == {row.hash: row.part for row in found.rows}


def test_idx_files_are_prepared_and_their_split_lives_in_the_model(workspace, rng):
    for begin, count in (("train", 40), ("t10k", 10)):
        pictures, labels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 2
        (workspace / f"{begin}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
        (workspace / f"{begin}-labels-idx1-ubyte").write_bytes(idx(labels))
    found, lines = prepared(workspace, Recipe(images=Images((28, 28))))
    assert (found.source.fixed, found.source.frozen) == (("test",), False)
    assert lines == [
        "there is no place for a split beside these files: it lives in the model alone",
        "50 photos of 2 classes: 32 train, 8 val, 10 test",
    ]
    tests = [row.hash for row in found.rows if row.part == "test"]
    np.testing.assert_array_equal(found.pixels.read(tests)[..., 0], pictures)


def test_a_split_that_cannot_be_written_is_told_and_does_not_stop_training(folder):
    (folder / "split.csv").mkdir()
    found, lines = prepared(folder)
    assert len(found.rows) == 16 and found.notes == lines[:1] and not found.source.frozen
    assert lines[0].startswith(f"{folder}/split.csv: cannot write") and lines[0].endswith("; the split lives in the model alone")
    with pytest.raises(CvappError, match="split.csv: cannot write") as error:
        parted.freeze(folder, Data(), 0)
    assert error.value.code == Exit.CANNOT_WRITE


def test_one_at_a_time_parts_the_photos_of_a_source(folder):
    """Else the one that writes last would move the photos of a model that is being trained."""
    made = {}
    other = threading.Thread(target=lambda: made.update(split=parted.freeze(folder, Data(), 1)))
    with split.parting(scan(folder)):
        other.start()
        other.join(1.0)
        assert other.is_alive() and not (folder / "split.csv").exists()
    other.join()
    assert split.read(folder / "split.csv") == made["split"].rows == parted.freeze(folder, Data(), 0).rows
    assert not list(folder.glob(".split*"))


def test_a_broken_split_is_not_written_over(folder):
    (folder / "split.csv").write_text("hash,path\n")
    with pytest.raises(CvappError, match="not a split"):
        prepared(folder)
    assert (folder / "split.csv").read_text() == "hash,path\n"


def test_a_class_of_copies_alone_trains_and_is_told(folder):
    for number in range(4):
        images.write(folder / "tree" / f"{number}.png", cv2.add(scene("tree", 0), 3 * number))
    found, lines = prepared(folder)
    assert split.counts(found.rows)["tree"] == {"train": 4, "val": 0, "test": 0}
    assert (
        found.notes
        == lines[:1]
        == ["class 'tree' is not measured: its 4 photos are copies of one another, and all train; add different ones"]
    )


def test_classes_that_given_parts_pass_over_are_told(workspace):
    for part, label, numbers in [
        ("train", "heart", range(3)),
        ("val", "heart", range(3, 6)),
        ("train", "moon", range(3)),
        ("val", "tree", range(3)),
    ]:
        for number in numbers:
            images.write(workspace / "given" / part / label / f"{number}.png", scene(label, number))
    assert prepared(workspace / "given")[0].notes == [
        "class 'moon' is not measured: all of its photos train; give it some in val or test",
        "class 'tree' has no photo to train on; a model cannot learn it",
    ]


def test_near_copies_with_different_labels_are_told_and_stay_together(folder):
    for number in (1, 5):
        images.write(folder / "moon" / f"copy {number}.jpg", CHANGES["brighter"](scene("heart", number)))
    found, _ = prepared(folder)
    words = "near copies bear different labels: heart/1.png and moon/copy 1.jpg (2 such groups)"
    assert found.notes == [f"{words}; cvapp data check {folder} names them all"] and found.left_out == {}
    part = {row.path: row.part for row in found.rows}
    assert all(part[f"heart/{number}.png"] == part[f"moon/copy {number}.jpg"] for number in (1, 5))


@pytest.mark.parametrize("count, told", [(15, False), (16, True)])
def test_uneven_classes_are_told_with_what_to_try(folder, count, told):
    for number in range(8, 8 + count):
        images.write(folder / "moon" / f"{number}.png", scene("moon", number))
    line = "class 'moon' has 24 photos, class 'heart' 8; --set train.class_weights=True makes up for it"
    assert prepared(folder)[0].notes == [line] * told
    assert prepared(folder, Recipe(images=Images((16, 24)), data=RECIPE.data, train=Train(class_weights=True)))[0].notes == []


@pytest.mark.parametrize("content, words", [(b"", "the file is empty"), (b"hello", "not a picture")])
def test_a_class_without_a_usable_photo_is_bad_data(folder, content, words):
    (folder / "tree").mkdir()
    (folder / "tree" / "1.jpg").write_bytes(content)
    with pytest.raises(CvappError, match=rf"^no photo of class 'tree' can be used \(tree/1.jpg: {words}.*\); mend them or remove") as error:
        prepared(folder)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.shared
def test_real_photos_with_train_and_val(shared_data, workspace):
    found, lines = prepared(shared_data / "hymenoptera-256", Recipe(images=Images((32, 32))))
    assert lines == ["396 photos of 2 classes: 243 train, 153 val"] and found.left_out == {} and found.notes == []


def test_for_a_generator_one_class_and_no_class_folders_will_do(folder, workspace):
    making = Recipe("generate", images=Images((32, 32)), data=Data(val=0.25, test=0.25))
    flat = (folder / "moon").rename(workspace / "moons")
    found, lines = prepared(flat, making)
    assert split.counts(found.rows) == {"moons": {"train": 4, "val": 2, "test": 2}} and lines == [
        "8 photos of 1 class: 4 train, 2 val, 2 test"
    ]
    assert split.counts(prepared(folder, making)[0].rows) == {"heart": {"train": 4, "val": 2, "test": 2}}
    with pytest.raises(CvappError, match="only one class"):
        prepared(folder)
    with pytest.raises(CvappError, match="lies in no class folder"):
        prepared(flat)
