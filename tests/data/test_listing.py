"""A listing: what it reads, how its photos are hashed, and what becomes of those that cannot be."""

import os

import pytest

from cvapp.data.folders import scan
from cvapp.data.listing import Photo, hashed, natural, part_named, without
from tests.data.test_folders import fill


@pytest.mark.parametrize(
    "words, expected",
    [
        ({"10", "2", "1"}, ["1", "2", "10"]),
        ({"a10", "a9", "a"}, ["a", "a9", "a10"]),
        ({"b", "A", "c", "3"}, ["3", "A", "b", "c"]),
        ({"01", "1"}, ["01", "1"]),
        ({"v1.10", "v1.9"}, ["v1.9", "v1.10"]),
        ({"Bär", "Bad", "猫"}, ["Bad", "Bär", "猫"]),
        (set(), []),
    ],
)
def test_words_are_sorted_as_a_person_would(words, expected):
    assert natural(words) == expected


@pytest.mark.parametrize(
    "word, part",
    [("train", "train"), ("Valid", "val"), ("VALIDATION", "val"), ("training", "train"), ("Test", "test"), ("dev", None), ("", None)],
)
def test_words_for_the_parts(word, part):
    assert part_named(word) == part


def test_a_listing_reads_its_photos_and_says_where_its_split_belongs(tmp_path):
    listing = scan(fill(tmp_path, "train/a/1.jpg", "val/b/2 ü.jpg"))
    assert [listing.read(photo).decode() for photo in listing.photos] == ["train/a/1.jpg", "val/b/2 ü.jpg"]
    assert (listing.source, listing.folder, listing.split_file) == (tmp_path, tmp_path, tmp_path / "split.csv")


def test_hashes_are_of_the_content_and_what_cannot_be_read_is_a_stray(tmp_path):
    fill(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "train/b/3.jpg")
    (tmp_path / "train/a/1.jpg").write_bytes(b"abc")
    listing = scan(tmp_path)
    os.remove(tmp_path / "train/b/2.jpg")
    told = []
    found = hashed(listing, lambda *state: told.append(state))
    assert told[-1] == ("reading photos", 3, 3)
    assert found.photos[0] == Photo("train/a/1.jpg", "a", "train", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert [photo.name for photo in found.photos] == ["train/a/1.jpg", "train/b/3.jpg"]
    assert found.stray == {"train/b/2.jpg": "cannot be read (No such file or directory); mend its permissions or remove it"}
    assert listing.stray == {} and len(listing.photos) == 3, "the listing itself is as it was"


def test_photos_that_cannot_be_used_join_the_strays(tmp_path):
    listing = without(scan(fill(tmp_path, "a/1.jpg", "a/2.jpg", "a/x.txt")), {"a/2.jpg": "is bad"})
    assert [photo.name for photo in listing.photos] == ["a/1.jpg"]
    assert listing.stray == {"a/x.txt": "not a picture's suffix (.txt)", "a/2.jpg": "is bad"}
