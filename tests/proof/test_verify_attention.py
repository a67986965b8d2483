"""The companion that shows where a model looks is verified like a variant: there, unaltered, its golden maps as where it was made."""

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.proof import apart, golden
from cvapp.proof.verify import verify
from cvapp.tflite import open_tflite
from tests.tiny_attention import FILE, brightness, put, save_looking, tiny_attention
from tests.tiny_tflite import change_export, with_metadata


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Let LiteRT work in this process, which is quicker."""
    monkeypatch.setattr(apart, "answers", lambda path, pixels: open_tflite(path)(golden.read(pixels)[0]))
    return save_looking(tmp_path / "saved_models" / "tiny")


def correct_golden(folder, change):
    """Change the golden answers, and correct their hash."""
    pixels, answers = golden.read(folder / "lite" / golden.FILE)
    golden.write(folder / "lite" / golden.FILE, pixels, change(pixels, answers))
    change_export(folder, lambda values: values["files"].update({golden.FILE: sha256(folder / "lite" / golden.FILE)}))


def test_a_whole_one_has_no_reasons_and_is_told_beside_the_variants(model):
    told = []
    found = verify(model, lambda text, done, total: told.append((done, total)))
    assert found["reasons"] == [] and list(found["variants"]) == ["float32"] and told[-1] == (2, 2)
    assert 0 <= found["attention"]["largest_difference"] < 1e-3 and found["attention"]["reasons"] == []


def test_a_model_without_one_has_none_to_tell(model):
    change_export(model, lambda values: values.pop("attention"))
    found = verify(model)
    assert found["reasons"] == [] and "attention" not in found


DAMAGED = {
    "missing": (lambda folder: (folder / FILE).unlink(), "missing"),
    "altered": (lambda folder: (folder / FILE).write_bytes(tiny_attention()[:-1] + b"!"), "altered since it was exported"),
    "a classifier": (
        lambda folder: put(folder, with_metadata("tiny")),
        "answers (4, 3) for golden answers of (4, 8, 8), or numbers that are none",
    ),
    "of other places": (lambda folder: put(folder, tiny_attention(2)), "answers (4, 8, 3) for golden answers of (4, 8, 8)"),
    "no golden maps": (
        lambda folder: correct_golden(folder, lambda _, answers: {name: answers[name] for name in ("keras", "float32")}),
        "golden.npz holds no answers of it",
    ),
    "another model's": (
        lambda folder: correct_golden(folder, lambda pixels, answers: {**answers, "attention": brightness(pixels) + 0.03}),
        "a number differs from the golden sample's by 0.0300 (at most 0.0200)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_wrong_is_said_by_name(model, damage):
    change, text = DAMAGED[damage]
    change(model)
    (reason,) = verify(model)["reasons"]
    assert reason.startswith("lite/attention.tflite: ") and text in reason


def test_less_than_the_tolerance_is_another_processor(model):
    correct_golden(model, lambda pixels, answers: {**answers, "attention": brightness(pixels) - 0.019})
    assert verify(model)["reasons"] == []


def test_any_altered_byte_is_noticed(model):
    good = (model / FILE).read_bytes()
    for place in range(0, len(good), 7):
        (model / FILE).write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert verify(model)["reasons"] == ["lite/attention.tflite: altered since it was exported"], place


ODD = {
    "of fewer photos": lambda maps: maps[:3],
    "flat": lambda maps: maps.reshape(4, 64),
    "empty": lambda maps: maps[:, :0],
    "no numbers": lambda maps: maps * np.float32(np.nan),
}


@pytest.mark.parametrize("damage", ODD)
def test_odd_golden_maps_are_one_line(model, damage):
    with np.load(model / "lite" / golden.FILE) as file:
        answers = {name: file[name] for name in file.files}
    np.savez(model / "lite" / golden.FILE, **{**answers, "attention": ODD[damage](answers["attention"])})
    with pytest.raises(CvappError, match=r"golden samples cannot be read \(ValueError: .*attention") as error:
        golden.read(model / "lite" / golden.FILE)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)
