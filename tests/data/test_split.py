"""The split: fair to every class, frozen as photos are added, and whole through its file, whatever the photos are called."""

import hashlib
import os
import random
from collections import Counter, defaultdict

import pytest

from cvapp.data import split
from cvapp.data.folders import PARTS, Photo
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit

SEEDS = range(6)


def photos(label: str, count: int, part: str | None = None, salt: str = "") -> list[Photo]:
    """Photos whose contents are all different."""
    names = [f"{part or ''}{salt}/{label}/{number}.jpg".lstrip("/") for number in range(count)]
    return [Photo(name, label, part, hashlib.sha256(name.encode()).hexdigest()) for name in names]


def parts(rows: list[Row]) -> dict[str, str]:
    """The part of each content."""
    return {row.hash: row.part for row in rows}


@pytest.mark.parametrize("val, test", [(0.2, 0.2), (0.1, 0.1), (0.01, 0.01), (0.3, 0.4), (0.2, 0.0), (0.5, 0.4), (0.8, 0.1), (0.1, 0.8)])
def test_every_class_has_photos_in_every_part_and_the_shares_asked_for(val, test):
    for seed in SEEDS:
        sizes = {f"c{size}": size for size in (3, 4, 5, 7, 8, 10, 23, 100)}
        counts = split.counts(split.make([photo for label, size in sizes.items() for photo in photos(label, size)], val, test, seed))
        for label, size in sizes.items():
            held = counts[label]
            assert sum(held.values()) == size
            assert held["train"] >= 1 and held["val"] >= 1 and (held["test"] >= 1) == (test > 0), (label, held)
            off = max(abs(held["val"] - val * size), abs(held["test"] - test * size))
            assert off <= (1.01 if size >= 7 else 2), (label, held)


@pytest.mark.parametrize("val, test", [(0.2, 0.2), (0.8, 0.1), (0.01, 0.8)])
def test_of_two_photos_one_trains_and_one_validates(val, test):
    for seed in SEEDS:
        counts = split.counts(split.make(photos("a", 2) + photos("b", 9), val, test, seed))
        assert counts["a"] == {"train": 1, "val": 1, "test": 0}


def test_a_hundred_photos_are_parted_exactly():
    assert split.counts(split.make(photos("a", 100) + photos("b", 10), 0.2, 0.1, 0)) == {
        "a": {"train": 70, "val": 20, "test": 10}, "b": {"train": 7, "val": 2, "test": 1},
    }


def test_content_and_seed_alone_decide():
    some = photos("a", 40) + photos("b", 30)
    rows = split.make(some, 0.2, 0.2, 3)
    shuffled = random.Random(0).sample(some, len(some))
    assert split.make(shuffled, 0.2, 0.2, 3) == rows == sorted(rows, key=lambda row: row.path)
    renamed = [Photo(f"moved {photo.name}", photo.label, None, photo.hash) for photo in some]
    assert parts(split.make(renamed, 0.2, 0.2, 3)) == parts(rows)
    assert all(parts(split.make(some, 0.2, 0.2, seed)) != parts(rows) for seed in (0, 1, 2))


def test_adding_photos_moves_none_of_the_old():
    for seed in SEEDS:
        draw = random.Random(seed)
        sizes, rows = {"a": 3, "b": 2}, []
        for _ in range(5):
            sizes = {label: size + draw.randrange(0, 40) for label, size in sizes.items()}
            sizes.setdefault(f"new {len(sizes)}", draw.randrange(2, 10))
            grown = split.make([photo for label, size in sizes.items() for photo in photos(label, size)], 0.2, 0.2, seed, rows)
            now = parts(grown)
            assert {digest: now[digest] for digest in parts(rows)} == parts(rows)
            rows = grown
        for label, held in split.counts(rows).items():
            size = sum(held.values())
            assert held["train"] >= 1 and held["val"] >= 1 and abs(held["val"] - 0.2 * size) <= 1.01, (label, held)


def test_frozen_rows_of_photos_that_are_gone_are_forgotten():
    rows = split.make(photos("a", 20) + photos("b", 20), 0.2, 0.2, 0)
    left = split.make(photos("a", 10) + photos("b", 20), 0.2, 0.2, 0, rows)
    assert len(left) == 30 and parts(left).items() <= parts(rows).items()


def test_parts_of_the_folder_are_obeyed():
    some = [photo for label in "ab" for part, count in (("train", 5), ("val", 1), ("test", 9)) for photo in photos(label, count, part)]
    for seed in SEEDS:
        assert split.counts(split.make(some, 0.5, 0.4, seed)) == {label: {"train": 5, "val": 1, "test": 9} for label in "ab"}
    assert all(row.part == row.path.split("/")[0] for row in split.make(some, 0.5, 0.4, 0))


def test_a_folder_of_train_and_val_gets_no_test():
    some = [photo for label in "ab" for part in ("train", "val") for photo in photos(label, 10, part)]
    assert split.counts(split.make(some, 0.2, 0.2, 0))["a"] == {"train": 10, "val": 10, "test": 0}


@pytest.mark.parametrize("train, test", [(20, 5), (10, 0), (10, 90), (3, 9), (2, 20)])
def test_where_the_folder_has_no_val_it_is_taken_from_train_alone(train, test):
    some = [photo for label in "ab" for part, count in (("train", train), ("test", test)) for photo in photos(label, count, part)]
    for seed in SEEDS:
        rows = split.make(some, 0.2, 0.2, seed)
        held = split.counts(rows)["a"]
        assert held["test"] == test and held["val"] >= 1 and held["train"] >= train / 2, held
        assert all(row.part in ("train", "val") for row in rows if row.path.startswith("train"))
        grown = split.make(some + photos("a", 5, "train", " more"), 0.2, 0.2, seed, rows)
        assert parts(rows).items() <= parts(grown).items()


def test_the_same_photo_twice_in_a_class_lies_in_one_part():
    twice = photos("a", 30) + [Photo(f"copy {photo.name}", "a", None, photo.hash) for photo in photos("a", 30)] + photos("b", 9)
    for seed in SEEDS:
        rows = split.make(twice, 0.3, 0.3, seed)
        assert len(rows) == 69 and len(set((row.hash, row.part) for row in rows)) == 39


def test_the_same_photo_in_two_classes_lies_in_one_part():
    """Else what a model is tested on is among what it was trained on."""
    both = photos("a", 30) + [Photo(f"b/copy {number}.jpg", "b", None, photo.hash) for number, photo in enumerate(photos("a", 12))]
    for seed in SEEDS:
        held = defaultdict(set)
        for row in split.make(both + photos("b", 20), 0.3, 0.3, seed):
            held[row.hash].add(row.part)
        assert max(map(len, held.values())) == 1


@pytest.mark.parametrize(
    "some, words",
    [
        (photos("a", 9), "only one class ('a'): a classifier needs at least 2 class folders; add one, if only 'background'"),
        ([], "only one class ('none')"),
        (photos("a", 9) + photos("b", 1), "class 'b' has one photo: 2 are the least (one trains, one validates), 20 a start; add"),
        (photos("a", 9) + 3 * photos("b", 1), "class 'b' has one photo"),
    ],
    ids=["one class", "no class", "one photo", "one photo three times"],
)
def test_too_little_is_bad_data(some, words):
    with pytest.raises(CvappError) as error:
        split.make(some, 0.2, 0.2, 0)
    assert str(error.value).startswith(words) and error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize(
    "name",
    ["plain", "a,b", 'a "quoted" one', "new\nline", "carriage\rreturn", "ü 猫 🐝", " blanks ", "=1+1", "", os.fsdecode(b"caf\xe9")],
)
def test_the_file_gives_back_what_was_written(tmp_path, name):
    rows = [Row("0" * 64, f"{name}/{name}.jpg", name, "train"), Row("f" * 64, "b/1.jpg", "b", "val")]
    split.write(tmp_path / "split.csv", rows)
    assert split.read(tmp_path / "split.csv") == rows


def test_the_file_is_a_table_that_a_person_can_read(tmp_path):
    split.write(tmp_path / "split.csv", [Row("00", "Bär/1.jpg", "Bär", "test")])
    assert (tmp_path / "split.csv").read_text("utf-8") == "hash,path,label,part\n00,Bär/1.jpg,Bär,test\n"


@pytest.mark.parametrize(
    "content, words",
    [
        (None, r"cannot be read as a split \(.*No such file.*\); make it again with cvapp data split"),
        (b"", "not a split; expected the columns hash,path,label,part and the parts train, val, test"),
        (b"hash,path,label\n", "cannot be read as a split"),
        (b"hash,path,label,part\n1,2,3\n", "cannot be read as a split"),
        (b"hash,path,label,part\n1,2,3,4,5\n", "cannot be read as a split"),
        (b"hash,path,label,part\n00,a/1.jpg,a,dev\n", "not a split; expected .* the parts train, val, test"),
        (b"path,hash,label,part\n", "not a split"),
        (b"\xff\xfe\x00", "cannot be read as a split"),
        (b'hash,path,label,part\n00,"a/1.jpg,a,train\n', "cannot be read as a split"),
    ],
)
def test_a_broken_file_is_bad_data(tmp_path, content, words):
    if content is not None:
        (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(CvappError, match=f"^{tmp_path}/split.csv: {words}") as error:
        split.read(tmp_path / "split.csv")
    assert error.value.code == Exit.BAD_DATA


def test_the_fingerprint_is_of_contents_labels_and_parts():
    rows = split.make(photos("a", 9) + photos("b", 9), 0.2, 0.2, 0)
    same = split.fingerprint(rows)
    assert len(same) == 64 and split.fingerprint(reversed(rows)) == same
    assert split.fingerprint([row._replace(path=f"moved/{row.path}") for row in rows]) == same
    other = {"hash": "0" * 64, "label": "c", "part": "test" if rows[0].part != "test" else "train"}
    assert all(split.fingerprint([rows[0]._replace(**{name: value}), *rows[1:]]) != same for name, value in other.items())
    assert Counter(row.part for row in rows).keys() == set(PARTS)
