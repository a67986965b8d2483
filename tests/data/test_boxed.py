"""Photos with boxes as examples of a class each: the rarest that they show."""

from pathlib import Path

import pytest

from cvapp.data.boxed import NOTHING, Box, BoxedListing, BoxedPhoto, as_listing, other_boxes
from cvapp.data.listing import Photo
from tests.data.formats.sets import picture


def box(label):
    return Box(label, (0.0, 0.0, 5.0, 5.0))


def photo(name, *labels, **more):
    return BoxedPhoto(name, tuple(map(box, labels)), (48, 64), **more)


@pytest.mark.parametrize(
    "labels, expected",
    [
        (("ant",), "ant"),
        (("ant", "bee"), "bee"),  # 3 ants in all, 2 bees
        (("bee", "ant", "wasp", "ant"), "wasp"),
        ((), NOTHING),
    ],
)
def test_a_photo_is_an_example_of_the_rarest_class_it_shows(labels, expected):
    rest = {"ant": 3, "bee": 2, "wasp": 1}
    others = [label for label, count in rest.items() for _ in range(count - labels.count(label))]
    listing = as_listing(BoxedListing(Path("x"), Path("x"), [photo("a.jpg", *labels), photo("b.jpg", *others)], list(rest)))
    assert listing.photos[0].label == expected


def test_of_two_that_are_as_rare_the_word_decides_not_the_order():
    for labels in (("bee", "ant"), ("ant", "bee")):
        assert as_listing(BoxedListing(Path("x"), Path("x"), [photo("a.jpg", *labels)], ["bee", "ant"])).photos[0].label == "ant"


def test_names_parts_hashes_strays_and_bytes_are_handed_on(tmp_path):
    picture(tmp_path / "deep" / "a.png")
    photos = [photo("deep/a.png", "ant", part="val", hash="ab"), photo("b.png")]
    boxed = BoxedListing(tmp_path / "set.json", tmp_path, photos, ["ant"], {"c.png": "the file is empty"})
    listing = as_listing(boxed)
    assert listing.photos == [Photo("deep/a.png", "ant", "val", "ab"), Photo("b.png", NOTHING, None, "")]
    assert (listing.source, listing.folder, listing.stray) == (tmp_path / "set.json", tmp_path, {"c.png": "the file is empty"})
    assert listing.read(listing.photos[0]) == (tmp_path / "deep" / "a.png").read_bytes()
    assert listing.split_file == tmp_path / "split.csv"
    listing.stray["d.png"] = "another"
    assert boxed.stray == {"c.png": "the file is empty"}, "a dictionary of its own"


def test_a_listing_without_photos_has_none():
    assert as_listing(BoxedListing(Path("x"), Path("x"), [], [])).photos == []


def test_copies_with_other_boxes_are_named_each_with_one_that_differs():
    labels = {"1.jpg": ("ant", "bee"), "2.jpg": ("bee", "ant"), "3.jpg": ("ant",), "4.jpg": ("wasp",)}
    photos = [photo(name, *some, hash="aa") for name, some in labels.items()]
    lone = [photo("5.jpg", "ant", hash="bb"), photo("6.jpg", "ant", hash="bb"), photo("7.jpg", "ant"), photo("8.jpg")]
    others = {"1.jpg": "3.jpg", "2.jpg": "3.jpg", "3.jpg": "1.jpg", "4.jpg": "1.jpg"}
    assert other_boxes([*photos, *lone]) == {
        name: f"same picture as {other}, which has other boxes; keep the one that is right" for name, other in others.items()
    }


def test_many_copies_are_compared_once_each():
    class Counted(tuple):
        compared = 0

        def __lt__(self, other):
            Counted.compared += 1
            return tuple.__lt__(self, other)

    photos = [BoxedPhoto(f"{place}.jpg", (Counted(box("a")), Counted(box("b"))), hash="aa") for place in range(500)]
    assert other_boxes(photos) == {} and Counted.compared <= 2 * len(photos)
