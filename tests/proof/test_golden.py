"""Golden samples come back as they were written, damaged ones are one line, and answers that are off are seen."""

import io

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.proof import golden

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
ANSWERS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0, 0, 1]], np.float32)


@pytest.fixture
def path(tmp_path):
    golden.write(tmp_path / "golden.npz", PIXELS, {"keras": ANSWERS, "int8": ANSWERS[::-1]})
    return tmp_path / "golden.npz"


def refused(path) -> str:
    """The one line that reading leads to."""
    with pytest.raises(CvappError) as error:
        golden.read(path)
    line = str(error.value)
    assert error.value.code == Exit.BAD_DATA and "\n" not in line
    assert line.startswith(f"{path}: golden samples cannot be read (") and line.endswith("); export the model again")
    return line


def test_what_was_written_comes_back(path):
    pixels, answers = golden.read(path)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert list(answers) == ["keras", "int8"] and pixels.dtype == np.uint8
    np.testing.assert_array_equal(answers["int8"], ANSWERS[::-1])
    assert all(values.dtype == np.float32 for values in answers.values())


def test_noise_and_the_pictures_of_it_come_back(tmp_path):
    noise, pictures = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32), np.zeros((4, 5, 6, 1), np.float32)
    golden.write(tmp_path / "golden.npz", noise, {"keras": pictures, "int8": pictures + 0.5})
    given, answers = golden.read(tmp_path / "golden.npz")
    np.testing.assert_array_equal(given, noise)
    assert given.dtype == np.float32 and list(answers) == ["keras", "int8"] and (answers["int8"] == 0.5).all()
    with np.load(tmp_path / "golden.npz") as file:
        assert set(file.files) == {"noise", "keras", "int8"}
    assert golden.differ("float32", pictures + 0.0039, pictures) == [] == golden.differ("int8", pictures + 0.031, pictures)
    assert golden.differ("float32", pictures + 0.0041, pictures) == ["a number differs from the golden sample's by 0.0041 (at most 0.0040)"]
    assert golden.differ("int8", pictures + 0.032, pictures) == ["a number differs from the golden sample's by 0.0320 (at most 0.0312)"]


def test_answers_in_double_are_kept_as_float32(path):
    golden.write(path, PIXELS, {"keras": ANSWERS.astype(np.float64) / 3})
    assert golden.read(path)[1]["keras"].dtype == np.float32


def test_the_same_samples_give_the_same_bytes(path):
    first = path.read_bytes()
    golden.write(path, PIXELS, {"keras": ANSWERS, "int8": ANSWERS[::-1]})
    assert path.read_bytes() == first
    golden.write(path, PIXELS, {"keras": ANSWERS, "int8": ANSWERS})
    assert path.read_bytes() != first


def test_a_damaged_file_is_one_line_or_holds_what_it_held(path):
    good, rng, whole = path.read_bytes(), np.random.default_rng(3), 0
    for number in range(600):
        data, place = bytearray(good), int(rng.integers(len(good)))
        if number % 4 == 0:
            data[place] ^= 1 << int(rng.integers(8))
        elif number % 4 == 1:
            data[place : place + 4] = rng.bytes(4)
        elif number % 4 == 2:
            data[place : place + 30] = bytes(30)
        else:
            del data[place:]
        path.write_bytes(data)
        try:
            pixels, answers = golden.read(path)
        except CvappError as error:
            assert error.code == Exit.BAD_DATA and "\n" not in str(error)
            continue
        np.testing.assert_array_equal(pixels, PIXELS)  # what was hit is of no account, such as a date in the archive
        assert all(np.array_equal(values, golden_values) for values, golden_values in zip(answers.values(), (ANSWERS, ANSWERS[::-1])))
        whole += 1
    assert whole < 120


def test_an_archive_that_says_it_is_encrypted_is_a_line(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in refused(path)


def npy(values) -> bytes:
    """An array as a file of its own."""
    data = io.BytesIO()
    np.save(data, values)
    return data.getvalue()


def save(path, **arrays):
    """An archive of arrays, as `write` would not make it."""
    np.savez(path, **{"pixels": PIXELS, **arrays})


ODD = {
    "no file": lambda path: path.unlink(),
    "an empty file": lambda path: path.write_bytes(b""),
    "a text": lambda path: path.write_text("no archive"),
    "an array alone": lambda path: path.write_bytes(npy(PIXELS)),
    "no pixels": lambda path: np.savez(path, keras=ANSWERS),
    "no answers": lambda path: save(path),
    "answers to fewer photos": lambda path: save(path, keras=ANSWERS[:3]),
    "answers of two shapes": lambda path: save(path, keras=ANSWERS, int8=ANSWERS[:, :2]),
    "one number an answer": lambda path: save(path, keras=ANSWERS[:, 0]),
    "one number": lambda path: save(path, keras=np.float32(1)),
    "no classes": lambda path: save(path, keras=ANSWERS[:, :0]),
    "no photos": lambda path: save(path, pixels=PIXELS[:0], keras=ANSWERS[:0]),
    "grey photos": lambda path: save(path, pixels=PIXELS[..., :1], keras=ANSWERS),
    "photos in float": lambda path: save(path, pixels=PIXELS.astype(np.float32), keras=ANSWERS),
    "one photo": lambda path: save(path, pixels=PIXELS[0], keras=ANSWERS),
    "answers that are NaN": lambda path: save(path, keras=ANSWERS * np.float32(np.nan)),
    "words for answers": lambda path: save(path, keras=ANSWERS.astype(str)),
    "whole numbers for answers": lambda path: save(path, keras=ANSWERS.astype(np.int32)),
    "noise that is NaN": lambda path: np.savez(path, noise=np.full((4, 9), np.nan, np.float32), keras=np.zeros((4, 5, 6, 1), np.float32)),
    "noise in double": lambda path: np.savez(path, noise=np.zeros((4, 9)), keras=np.zeros((4, 5, 6, 1), np.float32)),
    "probabilities of noise": lambda path: np.savez(path, noise=np.zeros((4, 9), np.float32), keras=ANSWERS),
    "a variant nobody knows": lambda path: save(path, int4=ANSWERS),
}


@pytest.mark.parametrize("damage", ODD)
def test_what_is_not_golden_is_refused(path, damage):
    ODD[damage](path)
    refused(path)


def test_objects_are_never_unpickled(path):
    save(path, keras=np.array([print] * 4, object))
    assert "Object arrays cannot be loaded" in refused(path)


def two(first: float) -> np.ndarray:
    """An answer of two classes by its first probability."""
    return np.array([[first, 1 - first]], np.float32)


FAR, OTHER = "a probability differs from the golden sample's by {} (at most {})", "the first answer to 1 of 1 golden photos is another"
CASES = [  # variant, golden, found, reasons
    ("float32", 0.6, 0.6, []),
    ("float32", 0.6, 0.6009, []),
    ("float32", 0.6, 0.601, []),  # 1e-3, but for the rounding of float32
    ("float32", 0.6, 0.6015, [FAR.format("0.0015", "0.0010")]),
    ("float16", 0.6, 0.5985, [FAR.format("0.0015", "0.0010")]),
    ("keras", 0.6, 0.5985, [FAR.format("0.0015", "0.0010")]),
    ("int8", 0.6, 0.6015, []),
    ("int8", 0.6, 0.6 - 2 / 256, []),
    ("int8", 0.6, 0.609, [FAR.format("0.0090", "0.0078")]),
    ("dynamic", 0.6, 0.607, []),
    ("dynamic", 0.6, 0.591, [FAR.format("0.0090", "0.0078")]),
    ("int8", 0.503, 0.4975, []),  # 0.503 to 0.497: a margin within two steps
    ("int8", 0.504, 0.4965, [OTHER]),  # 0.504 to 0.496: 0.008 is more than 2/256
    ("float32", 0.5, 0.4995, []),  # a tie
    ("float32", 0.5004, 0.4996, []),
    ("float32", 0.5006, 0.4997, [OTHER]),
    ("float32", 0.6, 0.4, [FAR.format("0.2000", "0.0010"), OTHER]),
]


@pytest.mark.parametrize("variant, expected, found, reasons", CASES)
def test_answers_differ_where_they_are_off_or_the_first_is_clearly_another(variant, expected, found, reasons):
    assert golden.differ(variant, two(found), two(expected)) == reasons


def test_the_photos_answered_otherwise_are_counted():
    found = ANSWERS[[0, 0, 0, 0]]
    assert golden.differ("float32", found, ANSWERS) == [
        FAR.format("0.9000", "0.0010"),
        "the first answer to 2 of 4 golden photos is another",
    ]
    assert golden.differ("float32", ANSWERS, ANSWERS) == []


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_seen(number):
    found = ANSWERS.copy()
    found[2, 1] = number
    assert golden.differ("int8", found, ANSWERS) == ["answers (4, 3) for golden answers of (4, 3), or numbers that are none"]


@pytest.mark.parametrize("found", [ANSWERS[:3], ANSWERS[:, :2], ANSWERS[0], ANSWERS[None]])
def test_answers_of_another_shape_are_seen(found):
    (reason,) = golden.differ("float32", found, ANSWERS)
    assert reason.startswith(f"answers {found.shape} for golden answers of (4, 3)")


def test_a_model_of_one_class_is_compared_too():
    one = np.ones((2, 1), np.float32)
    assert golden.differ("float32", one, one) == []
    assert golden.differ("float32", one - 0.5, one) == [FAR.format("0.5000", "0.0010")]


def test_the_tolerances_are_those_that_are_promised():
    floats, eighths = {"keras": 0.001, "float32": 0.001, "float16": 0.001}, {"dynamic": 0.0078125, "int8": 0.0078125}
    assert golden.TOLERANCES == {**floats, **eighths, "attention": 0.02}
