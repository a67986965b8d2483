"""The check: every file that cannot be used is named with the reason, the unusual too, and what is good is passed over."""

import numpy as np
import pytest

from cvapp import images
from cvapp.data.check import check
from cvapp.errors import CvappError, Exit
from tests.test_headers import encoded, picture

GOOD = encoded(picture(), "JPEG")


def lay(folder, **contents):
    """Class folders a and b with two good photos each, and files by their path with __ for a slash and _ before the suffix."""
    named = {name.replace("__", "/").replace("_", "."): data for name, data in contents.items()}
    for name, data in ({f"{label}/{number}.jpg": GOOD for label in "ab" for number in (1, 2)} | named).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_good_folder_has_nothing_wrong(tmp_path):
    found = check(lay(tmp_path))
    assert (found.unusable, found.unusual, found.classes, found.photos) == ({}, {}, [], {"a": 2, "b": 2})


def test_every_bad_file_is_named_with_its_reason(tmp_path):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    found = check(lay(tmp_path, a__cut_jpg=GOOD[:300], a__empty_png=b"", a__text_jpg=b"hello", b__phone_heic=heic, top_jpg=GOOD,
                      b__notes_txt=b"x", b__grey_png=encoded(picture("L"), "PNG"), b__four_jpg=encoded(picture("CMYK"), "JPEG")))
    assert found.unusable.pop("b/phone.heic").startswith("a HEIC photo, which OpenCV cannot read; convert it to JPEG")
    assert found.unusable.pop("a/text.jpg").startswith("not a picture (unknown file signature)")
    assert found.unusable == {
        "a/cut.jpg": "the JPEG file is truncated (300 bytes); copy it again",
        "a/empty.png": "the file is empty (0 bytes); copy it again",
        "top.jpg": "lies in no class folder; move it into one",
        "b/notes.txt": "not a picture's suffix (.txt)",
    }
    assert found.unusual == {"b/grey.png": "grey", "b/four.jpg": "CMYK: programs differ in its colours; save it as RGB"}
    assert found.photos == {"a": 2, "b": 4} and found.classes == []


def test_classes_too_small_are_told(tmp_path):
    found = check(lay(tmp_path, c__one_jpg=GOOD, d__none_jpg=b""))
    assert found.photos == {"a": 2, "b": 2, "c": 1, "d": 0}
    assert found.classes == [
        "class 'c' has 1 usable photo: 2 are the least, 20 a start",
        "class 'd' has 0 usable photos: 2 are the least, 20 a start",
    ]


def test_one_class_is_told(tmp_path):
    for number in range(2):
        images.write(tmp_path / "only" / f"{number}.png", np.full((9, 9, 3), number, np.uint8))
    assert check(tmp_path).classes == ["only one class ('only'): a classifier needs at least 2"]


def test_a_folder_without_photos_is_bad_data(tmp_path):
    with pytest.raises(CvappError, match="expected class folders with photos") as error:
        check(tmp_path)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.shared
def test_real_photos_are_all_usable(shared_data):
    told = []
    found = check(shared_data / "hymenoptera-256", lambda *state: told.append(state))
    assert found.unusable == {} and found.classes == [] and sum(found.photos.values()) == told[-1][1] == told[-1][2] > 300
