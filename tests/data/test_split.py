"""The split: fair to every class, frozen as photos are added, and whole through its file, whatever the photos are called."""

import hashlib
import os
import random
from collections import Counter, defaultdict

import pytest

from cvapp.data import split
from cvapp.data.listing import PARTS, Photo
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit

SEEDS = range(6)


def photos(label: str, count: int, part: str | None = None, salt: str = "") -> list[Photo]:
    """Photos whose contents are all different."""
    names = [f"{part or ''}{salt}/{label}/{number}.jpg".lstrip("/") for number in range(count)]
    return [Photo(name, label, part, hashlib.sha256(name.encode()).hexdigest()) for name in names]


def made(*arguments, **options) -> list[Row]:
    """The rows of a split that leaves nothing out."""
    rows, left_out = split.make(*arguments, **options)
    assert left_out == {}
    return rows


def parts(rows: list[Row]) -> dict[str, str]:
    """The part of each content."""
    return {row.hash: row.part for row in rows}


@pytest.mark.parametrize("val, test", [(0.2, 0.2), (0.1, 0.1), (0.01, 0.01), (0.3, 0.4), (0.2, 0.0), (0.5, 0.4), (0.8, 0.1), (0.1, 0.8)])
def test_every_class_has_photos_in_every_part_and_the_shares_asked_for(val, test):
    for seed in SEEDS:
        sizes = {f"c{size}": size for size in (3, 4, 5, 7, 8, 10, 23, 100)}
        counts = split.counts(made([photo for label, size in sizes.items() for photo in photos(label, size)], val, test, seed))
        for label, size in sizes.items():
            held = counts[label]
            assert sum(held.values()) == size
            assert held["train"] >= 1 and held["val"] >= 1 and (held["test"] >= 1) == (test > 0), (label, held)
            off = max(abs(held["val"] - val * size), abs(held["test"] - test * size))
            assert off <= (1.01 if size >= 7 else 2), (label, held)


@pytest.mark.parametrize("val, test", [(0.2, 0.2), (0.8, 0.1), (0.01, 0.8)])
def test_of_two_photos_one_trains_and_one_validates(val, test):
    for seed in SEEDS:
        counts = split.counts(made(photos("a", 2) + photos("b", 9), val, test, seed))
        assert counts["a"] == {"train": 1, "val": 1, "test": 0}


def test_a_hundred_photos_are_parted_exactly():
    assert split.counts(made(photos("a", 100) + photos("b", 10), 0.2, 0.1, 0)) == {
        "a": {"train": 70, "val": 20, "test": 10},
        "b": {"train": 7, "val": 2, "test": 1},
    }


def test_content_and_seed_alone_decide():
    some = photos("a", 40) + photos("b", 30)
    rows = made(some, 0.2, 0.2, 3)
    shuffled = random.Random(0).sample(some, len(some))
    assert made(shuffled, 0.2, 0.2, 3) == rows == sorted(rows, key=lambda row: row.path)
    renamed = [Photo(f"moved {photo.name}", photo.label, None, photo.hash) for photo in some]
    assert parts(made(renamed, 0.2, 0.2, 3)) == parts(rows)
    assert all(parts(made(some, 0.2, 0.2, seed)) != parts(rows) for seed in (0, 1, 2))


def test_adding_photos_moves_none_of_the_old():
    for seed in SEEDS:
        draw = random.Random(seed)
        sizes, rows = {"a": 3, "b": 2}, []
        for _ in range(5):
            sizes = {label: size + draw.randrange(0, 40) for label, size in sizes.items()}
            sizes.setdefault(f"new {len(sizes)}", draw.randrange(2, 10))
            grown = made([photo for label, size in sizes.items() for photo in photos(label, size)], 0.2, 0.2, seed, rows)
            now = parts(grown)
            assert {digest: now[digest] for digest in parts(rows)} == parts(rows)
            rows = grown
        for label, held in split.counts(rows).items():
            size = sum(held.values())
            assert held["train"] >= 1 and held["val"] >= 1 and abs(held["val"] - 0.2 * size) <= 1.01, (label, held)


def test_frozen_rows_of_photos_that_are_gone_are_forgotten():
    rows = made(photos("a", 20) + photos("b", 20), 0.2, 0.2, 0)
    left = made(photos("a", 10) + photos("b", 20), 0.2, 0.2, 0, rows)
    assert len(left) == 30 and parts(left).items() <= parts(rows).items()


def test_parts_of_the_folder_are_obeyed():
    some = [photo for label in "ab" for part, count in (("train", 5), ("val", 1), ("test", 9)) for photo in photos(label, count, part)]
    for seed in SEEDS:
        assert split.counts(made(some, 0.5, 0.4, seed)) == {label: {"train": 5, "val": 1, "test": 9} for label in "ab"}
    assert all(row.part == row.path.split("/")[0] for row in made(some, 0.5, 0.4, 0))


def test_a_folder_of_train_and_val_gets_no_test():
    some = [photo for label in "ab" for part in ("train", "val") for photo in photos(label, 10, part)]
    assert split.counts(made(some, 0.2, 0.2, 0))["a"] == {"train": 10, "val": 10, "test": 0}


@pytest.mark.parametrize("train, test", [(20, 5), (10, 0), (10, 90), (3, 9), (2, 20)])
def test_where_the_folder_has_no_val_it_is_taken_from_train_alone(train, test):
    some = [photo for label in "ab" for part, count in (("train", train), ("test", test)) for photo in photos(label, count, part)]
    for seed in SEEDS:
        rows = made(some, 0.2, 0.2, seed)
        held = split.counts(rows)["a"]
        assert held["test"] == test and held["val"] >= 1 and held["train"] >= train / 2, held
        assert all(row.part in ("train", "val") for row in rows if row.path.startswith("train"))
        grown = made(some + photos("a", 5, "train", " more"), 0.2, 0.2, seed, rows)
        assert parts(rows).items() <= parts(grown).items()


def test_the_same_photo_twice_in_a_class_lies_in_one_part():
    twice = photos("a", 30) + [Photo(f"copy {photo.name}", "a", None, photo.hash) for photo in photos("a", 30)] + photos("b", 9)
    for seed in SEEDS:
        rows = made(twice, 0.3, 0.3, seed)
        assert len(rows) == 69 and len(set((row.hash, row.part) for row in rows)) == 39


def test_the_same_photo_under_two_labels_is_left_out():
    """Neither is known to be right, and either would be measured by the other."""
    both = photos("a", 30) + [Photo(f"b/copy {number}.jpg", "b", None, photo.hash) for number, photo in enumerate(photos("a", 2))]
    for seed in SEEDS:
        rows, left_out = split.make(both + photos("b", 20), 0.3, 0.3, seed)
        assert len(rows) == 48 and left_out == {
            "a/0.jpg": "same picture as b/copy 0.jpg, which is labelled 'b'",
            "a/1.jpg": "same picture as b/copy 1.jpg, which is labelled 'b'",
            "b/copy 0.jpg": "same picture as a/0.jpg, which is labelled 'a'",
            "b/copy 1.jpg": "same picture as a/1.jpg, which is labelled 'a'",
        }


def components(hashes, pairs):
    """The oracle of groups: spread from each content over all pairs until nothing is added."""
    held = []
    for digest in hashes:
        group = {digest}
        while grown := {other for pair in pairs if group & set(pair) for other in pair if other in hashes} - group:
            group |= grown
        held.append(group)
    return held


def random_photos(draw, count, ways):
    """Photos of three classes, exact copies in a class and across classes among them, and pairs of contents that are near copies."""
    some = []
    for number in range(count):
        label, part, digest = draw.choice("abc"), draw.choice(ways), hashlib.sha256(f"{draw.random()}".encode()).hexdigest()
        if some and draw.random() < 0.15:
            old = draw.choice(some)
            label, digest = old.label if draw.random() < 0.8 else label, old.hash
        some.append(Photo(f"{label}/{number}.jpg", label, part, digest))
    hashes = sorted({photo.hash for photo in some})
    pairs = {tuple(sorted(draw.sample(hashes, 2))) for _ in range(draw.randrange(count // 4))}
    return some, sorted(pairs)


WAYS = [[None], ["train", "val"], ["train", "test"], ["train", "val", "test"], [None, None, "val", "train"]]


@pytest.mark.parametrize("ways", WAYS, ids=str)
def test_no_group_of_copies_lies_in_two_parts_and_what_is_left_out_has_to_be(ways):
    straddling = 0
    for seed in range(60):
        some, pairs = random_photos(random.Random(seed), 60, ways)
        rows, left_out = split.make(some, 0.3, 0.2, seed, copies=pairs)
        part_of = {row.hash: row.part for row in rows}
        assert {row.path for row in rows} | set(left_out) == {photo.name for photo in some} and not {row.path for row in rows} & set(
            left_out
        )
        assert len({(row.hash, row.part) for row in rows}) == len(part_of)
        assert all(len({part_of[digest] for digest in group}) == 1 for group in components(set(part_of), pairs))
        given = {photo.name: photo.part for photo in some}
        if None not in ways and "val" in ways:
            assert all(row.part == given[row.path] for row in rows), "what the source says is kept"
        if ways == ["train", "test"]:
            assert all((row.part == "test") == (given[row.path] == "test") for row in rows)
        labels = defaultdict(set)
        for photo in some:
            labels[photo.hash].add(photo.label)
        groups = components({photo.hash for photo in some}, pairs)
        for photo in some:
            if photo.name in left_out:
                group = next(group for group in groups if photo.hash in group)
                assert len(labels[photo.hash]) > 1 or len({other.part for other in some if other.hash in group}) > 1
        apart, _ = split.make(some, 0.3, 0.2, seed)
        loose = {row.hash: row.part for row in apart}
        straddling += any(len({loose[digest] for digest in group}) > 1 for group in components(set(loose), pairs))
    assert straddling > 40, "without the pairs copies do lie in two parts, or this proves nothing"


def test_of_copies_in_given_parts_the_most_measured_stay():
    some = photos("a", 4, "train") + photos("a", 3, "val") + photos("a", 2, "test") + photos("b", 3, "train") + photos("b", 3, "val")
    name = {photo.name: photo.hash for photo in some}
    copies = [
        (name["train/a/0.jpg"], name["val/a/0.jpg"]),
        (name["val/a/0.jpg"], name["test/a/0.jpg"]),
        (name["train/a/1.jpg"], name["val/a/1.jpg"]),
    ]
    exact = Photo("train/a/copy.jpg", "a", "train", name["test/a/1.jpg"])
    rows, left_out = split.make([*some, exact], 0.2, 0.2, 0, copies=copies)
    assert left_out == {
        "train/a/0.jpg": "near copy of test/a/0.jpg, which is in test",
        "val/a/0.jpg": "near copy of test/a/0.jpg, which is in test",
        "train/a/1.jpg": "near copy of val/a/1.jpg, which is in val",
        "train/a/copy.jpg": "same picture as test/a/1.jpg, which is in test",
    }
    assert all(row.part == row.path.split("/")[0] for row in rows) and len(rows) == 12


def test_a_new_copy_goes_where_the_old_one_is_and_one_of_two_parts_nowhere():
    rows = made(photos("a", 20) + photos("b", 20), 0.2, 0.2, 0)
    first = {part: next(row for row in rows if row.part == part) for part in PARTS}
    new = [Photo(f"{first[part].label}/new {part}.jpg", first[part].label, None, f"{number}" * 64) for number, part in enumerate(PARTS)]
    bridge, follower = Photo("a/bridge.jpg", "a", None, "3" * 64), Photo("a/z.jpg", "a", None, "4" * 64)
    copies = [(photo.hash, first[part].hash) for photo, part in zip(new, PARTS)]
    copies += [(bridge.hash, first["train"].hash), (first["val"].hash, bridge.hash), (bridge.hash, follower.hash)]
    grown, left_out = split.make(photos("a", 20) + photos("b", 20) + new + [bridge, follower], 0.2, 0.2, 0, rows, copies)
    assert {row.path: row.part for row in grown if "new" in row.path} == {photo.name: part for photo, part in zip(new, PARTS)}
    assert parts(rows).items() <= parts(grown).items()
    reason = f"near copy of {first['train'].path} in train and of {first['val'].path} in val"
    assert left_out == {"a/bridge.jpg": reason, "a/z.jpg": reason}


def test_adding_photos_with_copies_among_them_never_moves_an_old_one():
    """Nor is an old one left out, unless its very content came again under another label."""
    moved_without = 0
    for seed in range(40):
        draw = random.Random(seed)
        some, pairs = random_photos(draw, 120, [None])
        held, rows = some[:40], []
        for end in (40, 60, 61, 90, 120):
            held = some[:end]
            labels = defaultdict(set)
            for photo in held:
                labels[photo.hash].add(photo.label)
            grown, left_out = split.make(draw.sample(held, end), 0.2, 0.2, seed, rows, pairs)
            now = {row.path: row.part for row in grown}
            for row in rows:
                assert now.get(row.path) == row.part or (row.path in left_out and len(labels[row.hash]) > 1), (seed, end)
            assert all(len({parts(grown)[digest] for digest in group}) == 1 for group in components(set(parts(grown)), pairs))
            rows = grown
        again = {row.path: row.part for row in split.make(some, 0.2, 0.2, seed, copies=pairs)[0]}
        moved_without += any(again.get(row.path) != row.part for row in rows)
    assert moved_without > 30, "what is not frozen does move, or this proves nothing"


def test_frozen_rows_of_one_content_in_two_parts_keep_the_measured_one():
    some = photos("a", 9) + photos("b", 9)
    rows = [row._replace(part="train") for row in made(some, 0.2, 0.0, 0)]
    rows[0], rows[1], rows[2] = rows[0]._replace(part="val"), rows[1]._replace(part="val"), rows[2]._replace(hash=rows[0].hash)
    again = [photo if photo.name != rows[2].path else Photo(photo.name, "a", None, rows[0].hash) for photo in some]
    grown, left_out = split.make(again, 0.2, 0.0, 0, rows)
    assert left_out == {rows[2].path: f"same picture as {rows[0].path}, which is in val"}
    assert grown == [row for row in rows if row.path != rows[2].path]


@pytest.mark.parametrize("sizes", [(1, 1), (5, 1), (1, 9, 2), (60, 3, 2), (60, 50, 40), (7, 7, 7, 7), (2,) * 30, (1,) * 20 + (15,)])
def test_shares_are_met_as_near_as_whole_groups_can(sizes):
    """Each part gets a group where there are enough, and is off its share by no more than the largest group."""
    for seed in SEEDS:
        some = photos("a", sum(sizes))
        starts = [sum(sizes[:place]) for place in range(len(sizes))]
        copies = [(some[start].hash, some[start + step].hash) for start, size in zip(starts, sizes) for step in range(1, size)]
        held = split.counts(made(some + photos("b", 9), 0.2, 0.2, seed, copies=copies))["a"]
        assert held["train"] and held["val"] and bool(held["test"]) == (len(sizes) > 2), held
        for part in ("val", "test"):
            assert abs(held[part] - 0.2 * sum(sizes)) <= max(sizes) + 0.5, held


def test_a_class_of_one_group_trains_even_where_it_is_a_copy_of_another_classs():
    """The class with the fewest groups is served first."""
    for seed in SEEDS:
        a, b = photos("a", 3), photos("b", 12)
        copies = [(a[0].hash, a[1].hash), (a[1].hash, a[2].hash), (a[0].hash, b[5].hash)]
        rows = made(a + b + photos("c", 5), 0.3, 0.3, seed, copies=copies)
        assert split.counts(rows)["a"] == {"train": 3, "val": 0, "test": 0} and parts(rows)[b[5].hash] == "train"


@pytest.mark.parametrize(
    "some, words",
    [
        (photos("a", 9), "only one class ('a'): a classifier needs at least 2 class folders; add one, if only 'background'"),
        ([], "only one class ('none')"),
        (photos("a", 9) + photos("b", 1), "class 'b' has one photo: 2 are the least (one trains, one validates), 20 a start; add"),
        (photos("a", 9) + 3 * photos("b", 1), "class 'b' has one photo"),
        (
            photos("a", 9) + [photo.__class__(f"b/{photo.name}", "b", None, photo.hash) for photo in photos("a", 2)],
            "class 'b' has no photo (b/a/0.jpg is left out: same picture as a/0.jpg, which is labelled 'a'): 2 are the least",
        ),
        (photos("a", 9, "val") + photos("b", 9, "val"), "no photo to train on: add different photos (copies of one another lie in one"),
    ],
    ids=["one class", "no class", "one photo", "one photo three times", "all are another class's", "none to train on"],
)
def test_too_little_is_bad_data(some, words):
    with pytest.raises(CvappError) as error:
        made(some, 0.2, 0.2, 0)
    assert str(error.value).startswith(words) and error.value.code == Exit.BAD_DATA


def test_where_all_photos_of_a_class_are_copies_nothing_is_left_to_validate_with():
    some = photos("a", 3) + photos("b", 3)
    copies = [(one.hash, other.hash) for one, other in zip(some, some[1:]) if one.label == other.label]
    with pytest.raises(
        CvappError, match=r"^no photo to validate with: add different photos \(copies of one another lie in one part\)"
    ) as error:
        split.make(some, 0.2, 0.2, 0, copies=copies)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize(
    "name", ["plain", "a,b", 'a "quoted" one', "new\nline", "carriage\rreturn", "ü 猫 🐝", " blanks ", "=1+1", "", os.fsdecode(b"caf\xe9")]
)
def test_the_file_gives_back_what_was_written(tmp_path, name):
    rows = [Row("0" * 64, f"{name}/{name}.jpg", name, "train"), Row("f" * 64, "b/1.jpg", "b", "val")]
    split.write(tmp_path / "split.csv", rows)
    assert split.read(tmp_path / "split.csv") == rows


def test_the_file_is_a_table_that_a_person_can_read(tmp_path):
    split.write(tmp_path / "split.csv", [Row("00", "Bär/1.jpg", "Bär", "test")])
    assert (tmp_path / "split.csv").read_text("utf-8") == "hash,path,label,group,part\n00,Bär/1.jpg,Bär,,test\n"


def test_a_file_from_before_sessions_were_told_is_read(tmp_path):
    (tmp_path / "split.csv").write_text("hash,path,label,part\n00,b/1.jpg,b,test\n")
    assert split.read(tmp_path / "split.csv") == [Row("00", "b/1.jpg", "b", "test", "")]


@pytest.mark.parametrize(
    "content, words",
    [
        (None, r"cannot be read as a split \(.*No such file.*\); delete it to split again"),
        (b"", "not a split; expected the columns hash,path,label,group,part and the parts train, val, test"),
        (b"hash,path,label\n", "not a split"),
        (b"hash,path,label,part\n1,2,3\n", "cannot be read as a split"),
        (b"hash,path,label,part\n1,2,3,4,5\n", "cannot be read as a split"),
        (b"hash,path,label,part\n00,a/1.jpg,a,dev\n", "not a split; expected .* the parts train, val, test"),
        (b"path,hash,label,part\n", "not a split"),
        (b"\xff\xfe\x00", "not a split"),
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
    rows = made(photos("a", 9) + photos("b", 9), 0.2, 0.2, 0)
    same = split.fingerprint(rows)
    assert len(same) == 64 and split.fingerprint(reversed(rows)) == same
    assert split.fingerprint([row._replace(path=f"moved/{row.path}") for row in rows]) == same
    other = {"hash": "0" * 64, "label": "c", "part": "test" if rows[0].part != "test" else "train"}
    assert all(split.fingerprint([rows[0]._replace(**{name: value}), *rows[1:]]) != same for name, value in other.items())
    assert Counter(row.part for row in rows).keys() == set(PARTS)


def test_photos_are_taken_from_the_classes_in_turn():
    rows = [Row(str(index), "", label, "train") for index, label in enumerate("aaaaab")]
    assert [row.label for row in split.balanced(rows, 4)] == ["a", "b", "a", "a"]


def test_what_lasts_in_the_file_is_each_photo_once():
    """A photo that is away, one that is left out, and one that a list names twice, so that it is used and left out by one path."""
    rows = [Row("h1", "a.png", "a", "train"), Row("h2", "b.png", "b", "val")]
    away, out, moved = Row("h3", "c.png", "a", "test"), Row("h1", "d.png", "a", "train"), Row("h2", "e.png", "b", "val")
    kept = split.lasting(rows, [*rows, away, out, moved], {"a.png": "line 3 repeats line 2", "d.png": "same picture as a.png"})
    assert kept == [*rows, away, out]
