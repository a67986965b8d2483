"""The split over photos with copies in all places: nothing is lost, nothing moves, and the second run is the first."""

from hypothesis import given, strategies as st

from cvapp.data import split
from cvapp.data.listing import Photo
from tests.properties import examples

CONTENTS = [f"{number:064x}" for number in range(10)]
PARTS = {"none": [None], "train and test": ["train", "test"], "all": ["train", "val", "test"], "some": [None, "train", "val", "test"]}


@st.composite
def sets(draw):
    """Photos of a few contents in many places, their near copies, and the shares."""
    parts = draw(st.sampled_from(sorted(PARTS)))
    labels = draw(st.lists(st.sampled_from("ab"), min_size=len(CONTENTS), max_size=len(CONTENTS)))
    kinds = st.tuples(st.sampled_from(range(len(CONTENTS))), st.sampled_from(PARTS[parts]), st.booleans())
    photos = [
        Photo(f"{part}/{number:02}.png", "c" if wrong and number % 7 == 0 else labels[content], part, CONTENTS[content])
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


def draws(photo, photos):
    """Photos that can come first without the source changing its mind about val."""
    return photo.part is None or photo.part == "train" or all(other.part != "val" for other in photos)
