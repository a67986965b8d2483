"""The split over photos with copies in all places: nothing is lost, nothing moves, and the second run is the first."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st

from cvapp.data import split
from cvapp.data.capture import Capture
from cvapp.data.listing import Listing, Photo
from cvapp.data.sessions import grouped
from tests.properties import examples

CONTENTS = [f"{number:064x}" for number in range(10)]
PARTS = {"none": [None], "train and test": ["train", "test"], "all": ["train", "val", "test"], "some": [None, "train", "val", "test"]}


@st.composite
def sets(draw):
    """Photos of a few contents in many places, their near copies, and the shares."""
    parts = draw(st.sampled_from(sorted(PARTS)))
    labels = draw(st.lists(st.sampled_from("ab"), min_size=len(CONTENTS), max_size=len(CONTENTS)))
    sessions = draw(st.lists(st.sampled_from(["", "", "monday", "tuesday", "friday"]), min_size=len(CONTENTS), max_size=len(CONTENTS)))
    kinds = st.tuples(st.sampled_from(range(len(CONTENTS))), st.sampled_from(PARTS[parts]), st.booleans())
    photos = [
        Photo(f"{part}/{number:02}.png", "c" if wrong and number % 7 == 0 else labels[content], part, CONTENTS[content], sessions[content])
        for number, (content, part, wrong) in enumerate(draw(st.lists(kinds, min_size=1, max_size=16)))
    ]
    pairs = draw(st.lists(st.tuples(st.sampled_from(CONTENTS), st.sampled_from(CONTENTS)), max_size=6))
    shares = draw(st.sampled_from([(0.2, 0.2), (0.3, 0.0), (0.1, 0.6)]))
    return photos, [pair for pair in pairs if pair[0] != pair[1]], shares, draw(st.integers(0, 3))


def divided(photos, copies, shares, seed, frozen=()):
    """Rows, what is left out, and what the file holds then."""
    rows, left_out = split.divide(photos, *shares, seed, frozen, copies)
    return rows, left_out, split.lasting(rows, frozen, left_out)


@examples(100)
@given(sets())
def test_the_second_run_is_the_first(made):
    photos, copies, shares, seed = made
    rows, left_out, file = divided(photos, copies, shares, seed)
    again, still_out, same = divided(photos, copies, shares, seed, file)
    assert (again, set(still_out), same) == (rows, set(left_out), file)
    other, _, kept = divided(photos, copies, (0.5, 0.1), seed + 1, same)
    assert (other, kept) == (rows, file), "neither shares nor a seed move what is frozen"


@examples(80)
@given(sets())
def test_every_photo_is_used_where_its_source_says_or_left_out_with_a_reason(made):
    photos, copies, shares, seed = made
    rows, left_out, _ = divided(photos, copies, shares, seed)
    part_of = {row.path: row.part for row in rows}
    assert part_of.keys() | left_out.keys() == {photo.name for photo in photos} and not part_of.keys() & left_out.keys()
    assert all(left_out.values())
    draws_val = all(photo.part != "val" for photo in photos) and any(photo.part for photo in photos)
    for photo in photos:
        if photo.part and photo.name in part_of:
            assert part_of[photo.name] in ({"train", "val"} if draws_val and photo.part == "train" else {photo.part})
    parts = {row.hash: row.part for row in rows}
    assert all(parts[row.hash] == row.part for row in rows), "one content lies in one part"
    assert all(parts[one] == parts[other] for one, other in copies if one in parts and other in parts), "nor do copies lie in two"


@examples(80)
@given(sets(), st.integers(1, 15))
def test_what_is_frozen_stays_as_photos_are_added(made, first):
    photos, copies, shares, seed = made
    early = [photo for photo in photos if draws(photo, photos)][:first]
    if not early:
        return
    rows, _, file = divided(early, copies, shares, seed)
    later, left_out, grown = divided(photos, copies, shares, seed, file)
    part_of = {row.path: row.part for row in later}
    for row in rows:
        assert part_of.get(row.path, row.part) == row.part and (row.path in part_of or row.path in left_out)
    assert divided(photos, copies, shares, seed, grown)[2] == grown


@examples(80)
@given(sets(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_count(made, random):
    photos, copies, shares, seed = made
    rows, left_out, _ = divided(photos, copies, shares, seed)
    random.shuffle(photos)
    again, out, _ = divided(photos, [pair[::-1] for pair in reversed(copies)], shares, seed)
    assert again == rows and set(out) == set(left_out)


@examples(80)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6), st.integers(1, 5)), min_size=6, max_size=20), st.integers(0, 3))
def test_sessions_are_whole_where_each_class_has_enough(counts, seed):
    photos = [
        Photo(f"{label}/{session}-{place}-{shot}.png", label, None, f"{session}{label}{place}{shot}", f"day {session}")
        for place, (label, session, count) in enumerate(counts)
        for shot in range(count)
    ]
    rows, left_out, _ = divided(photos, [], (0.2, 0.2), seed)
    sessions = {label: {photo.group for photo in photos if photo.label == label} for label in "ab"}
    if all(len(some) >= 3 or not some for some in sessions.values()):
        assert all(len({row.part for row in rows if row.group == group}) == 1 for group in sessions["a"] | sessions["b"])
    assert len(rows) == len(photos) and not left_out


@examples(60)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 900)), min_size=4, max_size=20, unique=True), st.integers(2, 19), st.integers(0, 3))
def test_neither_parts_nor_sessions_change_as_photos_are_added(taken, first, seed):
    photos = [Photo(f"{label}/{at}.png", label, None, f"{label}{at:03}", "", Capture(float(at))) for label, at in taken]
    blank = {photo.hash: np.zeros((32, 32), np.uint8) for photo in photos}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def frozen(some):
            listing = grouped(Listing(folder, folder, list(some), {}, lambda photo: b"", folder / split.FILE), blank)
            rows, _ = split.divide(listing.photos, 0.2, 0.2, seed, split.beside(listing))
            split.write(folder / split.FILE, rows)
            return {row.path: row for row in rows}

        early, later = frozen(photos[:first]), frozen(photos)
        assert frozen(photos[::-1]) == later, "the second run is the first, in any order"
    for path, row in early.items():
        assert later[path].part == row.part and later[path].group == (row.group or later[path].group)


def draws(photo, photos):
    """Photos that can come first without the source changing its mind about val."""
    return photo.part is None or photo.part == "train" or all(other.part != "val" for other in photos)
