"""Raw files: what a DNG written by hand holds, every orientation and pattern, mosaics in NumPy files, and files that cannot be used."""

import io
import sys

import numpy as np
import pytest

from cvapp import installing
from cvapp.errors import CvappError, Exit
from cvapp.isp import layout_of, read_raw
from cvapp.isp.raw import ORIENTATIONS
from cvapp.isp.shapes import PATTERNS
from cvapp.isp.tone import camera_to_srgb
from tests.isp.small_dng import BLACK, CAMERA, dng


@pytest.fixture
def values(rng):
    """Sensor values over the whole range and a little beyond."""
    return rng.integers(BLACK - 20, BLACK + 4200, (40, 56)).astype(np.uint16)


def written(folder, data, name="a.dng"):
    """The path of a file with these bytes."""
    (folder / name).write_bytes(data)
    return folder / name


def refusal(path, pattern=None):
    """Exit code and line."""
    with pytest.raises(CvappError) as caught:
        read_raw(path, pattern)
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_dng_says_all_that_is_needed(pattern, values, tmp_path):
    raw = read_raw(written(tmp_path, dng(values, pattern)))
    assert raw.values == pytest.approx(np.minimum((values.astype(float) - BLACK) / 4096, 1), abs=1e-6)
    assert raw.pattern == pattern and raw.orientation == 1
    assert raw.multipliers == pytest.approx((2, 1, 1.6)), "one over the neutral 0.5, 1, 0.625"
    assert raw.matrix == pytest.approx(camera_to_srgb(CAMERA), abs=1e-3), "LibRaw's way to sRGB is ours"


def test_every_orientation_is_known(values, tmp_path):
    assert [read_raw(written(tmp_path, dng(values, orientation=turn))).orientation for turn in range(1, 9)] == list(range(1, 9))
    assert sorted(ORIENTATIONS.values()) == list(range(1, 9))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_file_is_one_line_and_nothing_else(share, values, tmp_path, capfd):
    data = dng(values)
    code, line = refusal(written(tmp_path, data[: int(share * len(data))]))
    assert code == Exit.BAD_DATA and "a.dng: the file ends early, or is damaged" in line
    assert capfd.readouterr().err == "", "LibRaw writes to the terminal itself"


def test_silence_ends(values, tmp_path, capfd):
    read_raw(written(tmp_path, dng(values)))
    print("heard", file=sys.stderr)
    assert capfd.readouterr().err == "heard\n"


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "damaged|not a camera's raw file"),
        (b"hello" * 1000, "not a camera's raw file that LibRaw knows"),
        (b"\xff\xd8\xff" + bytes(5000), "not a camera's raw file|damaged"),
    ],
)
def test_other_files_are_refused(data, words, tmp_path):
    path = written(tmp_path, data)
    with pytest.raises(CvappError, match=words) as caught:
        read_raw(path)
    assert caught.value.code == Exit.BAD_DATA


def test_absurd_sizes_are_refused_before_room_is_made(values, tmp_path):
    code, line = refusal(written(tmp_path, dng(values, tag256=60000, tag257=60000)))
    assert code == Exit.BAD_DATA and "60000x60000 pixels" in line


def test_a_developed_dng_is_refused(values, tmp_path):
    code, line = refusal(written(tmp_path, dng(values, tag262=34892)))
    assert code == Exit.BAD_DATA and ("no 2x2 pattern" in line or "damaged" in line or "LibRaw" in line)


def test_no_file_another_pattern_and_no_rawpy(values, tmp_path, monkeypatch):
    assert refusal(tmp_path / "none.dng") == (Exit.BAD_DATA, f"{tmp_path}/none.dng: cannot be read (No such file or directory)")
    assert refusal(tmp_path / "none.npy")[0] == Exit.BAD_DATA
    path = written(tmp_path, dng(values))
    assert "its pattern is RGGB, not GBRG" in refusal(path, "GBRG")[1]
    assert "pattern 'XYZ': choose one of RGGB" in refusal(path, "XYZ")[1]
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert refusal(path) == (Exit.USAGE, f"rawpy is not installed: {installing.command('raw')}")


def test_mosaics_of_floats_and_of_whole_numbers(tmp_path, rng):
    floats = rng.random((20, 30), np.float32)
    np.save(tmp_path / "a.npy", floats)
    raw = read_raw(tmp_path / "a.npy", "GRBG")
    assert np.array_equal(raw.values, floats) and raw.pattern == "GRBG" and raw.multipliers is None
    np.save(tmp_path / "b.npy", (floats * 65535).astype(np.uint16))
    assert read_raw(tmp_path / "b.npy", "GRBG").values == pytest.approx(floats, abs=2e-5)
    np.savez(tmp_path / "c.npz", cfa_BGGR=floats.astype(np.float16), truth=np.zeros((4, 4, 3)))
    assert read_raw(tmp_path / "c.npz").pattern == "BGGR"
    assert read_raw(tmp_path / "c.npz", "BGGR").pattern == "BGGR"
    assert "c.npz: its pattern is BGGR, not RGGB; leave --pattern out" in refusal(tmp_path / "c.npz", "RGGB")[1]
    np.savez(tmp_path / "d.npz", mine=floats)
    assert np.array_equal(read_raw(tmp_path / "d.npz", "RGGB").values, floats)


def _npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "name, data, pattern, words",
    [
        ("a.npy", _npy(np.zeros((20, 20), np.float32)), None, "a mosaic does not say its pattern; give --pattern"),
        ("a.npy", _npy(np.zeros((20, 20, 3), np.float32)), "RGGB", r"this is float32 \(20, 20, 3\)"),
        ("a.npy", _npy(np.zeros((20, 20), np.int64)), "RGGB", "unsigned whole numbers .* this is int64"),
        ("a.npy", _npy(np.full((20, 20), 900.0)), "RGGB", "holds 900 to 900; take black off"),
        ("a.npy", _npy(np.full((20, 20), np.nan)), "RGGB", "floats of a mosaic are 0..1"),
        ("a.npy", _npy(np.zeros((4, 4), np.float32)), "RGGB", "4x4 pixels; a photo has sides of at least 8"),
        ("a.npy", _npy(np.zeros((20, 20), np.float32))[:500], "RGGB", "not a whole NumPy file"),
        ("a.npy", _npy(np.array([{}], object), allow_pickle=True), "RGGB", "not a whole NumPy file"),
        ("a.npy", b"", "RGGB", "not a whole NumPy file"),
        ("a.npz", _npz(a=np.zeros((20, 20)), b=np.zeros((20, 20))), "RGGB", "which array. it holds a, b; name the mosaic cfa_RGGB"),
        ("a.npz", _npz(cfa_RGGB=np.zeros((20, 20)))[:300], None, "not a whole NumPy file"),
        ("a.npz", b"PK hello", None, "not a whole NumPy file"),
    ],
)
def test_wrong_numpy_files_are_one_line(name, data, pattern, words, tmp_path):
    path = written(tmp_path, data, name)
    with pytest.raises(CvappError, match=words) as caught:
        read_raw(path, pattern)
    assert caught.value.code == (Exit.USAGE if pattern is None and "--pattern" in words else Exit.BAD_DATA)


@pytest.mark.shared
def test_a_real_raw_file(shared_data):
    raw = read_raw(shared_data / "raw" / "colorchart.dng")
    assert raw.values.shape == (1156, 1734) and raw.pattern == "RGGB"
    assert raw.multipliers == pytest.approx((1, 1 / 2.477, 1 / 1.462), abs=1e-4)
    matrix = np.array([6461, -1164, -857, -3825, 11597, 2534, -416, 1540, 6039]).reshape(3, 3) / 10000  # its ColorMatrix1
    assert raw.matrix == pytest.approx(camera_to_srgb(matrix), abs=1e-3)
    assert -0.01 < raw.values.min() < 0 and raw.values.max() == pytest.approx((12128 - 2056) / (15000 - 2056))


def packed(values, bits):
    """Values as MIPI CSI-2 packs them, one bit after the other: the upper 8 bits of a group, then all lower bits, the first value's lowest."""
    group, low = {10: 4, 12: 2, 14: 4}[bits], bits - 8
    out = bytearray()
    for start in range(0, values.size, group):
        some = [int(value) for value in values.ravel()[start : start + group]]
        out += bytes(value >> low for value in some)
        out += sum((value & (1 << low) - 1) << low * place for place, value in enumerate(some)).to_bytes(group * low // 8, "little")
    return bytes(out)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_dump_without_a_header_is_read_by_its_layout(bits, rng, tmp_path):
    values = rng.integers(0, 1 << bits, (40, 56))
    files = [values.astype(np.uint8 if bits == 8 else "<u2").tobytes()] + ([packed(values, bits)] if bits in (10, 12, 14) else [])
    for data in files:
        raw = read_raw(written(tmp_path, data, "a.bin"), layout=layout_of(f"56x40,{bits},gbrg"))
        assert raw.values == pytest.approx(values / ((1 << bits) - 1), abs=1e-6) and raw.pattern == "GBRG" and raw.multipliers is None
    half = read_raw(tmp_path / "a.bin", white=(1 << bits) // 2, layout=layout_of(f"56x40,{bits},GBRG"))
    assert half.values == pytest.approx(np.minimum(values / ((1 << bits) // 2), 1), abs=1e-6)


@pytest.mark.parametrize(
    "data, words",
    [
        (bytes(4479), "4479 bytes, but 56x40 values of 12 bits take 3360 (packed) or 4480 (not packed)"),
        (bytes(4481), "4481 bytes"),
        (b"", "0 bytes"),
        (np.full((40, 56), 4096, "<u2").tobytes(), "values up to 4096, but 12 bits end at 4095; it uses 13 bits, or its bytes are swapped"),
        (np.full((40, 56), 4095, ">u2").tobytes(), "its bytes are swapped"),
    ],
)
def test_a_dump_of_another_layout_is_refused(data, words, tmp_path):
    with pytest.raises(CvappError) as caught:
        read_raw(written(tmp_path, data, "a.bin"), layout=layout_of("56x40,12,RGGB"))
    assert caught.value.code == Exit.BAD_DATA and words in str(caught.value)


@pytest.mark.parametrize("text", ["", "56x40", "56x40,12", "56x40,11,RGGB", "56x40,12,XXXX", "56,40,12,RGGB", "56x40,12,RGGB,1", "-5x40,12,RGGB"])
def test_a_layout_that_is_none_is_one_line(text):
    with pytest.raises(CvappError, match="--raw 640x480,12,RGGB$") as caught:
        layout_of(text)
    assert caught.value.code == Exit.USAGE


def test_a_layout_of_an_absurd_size_makes_no_room(tmp_path):
    with pytest.raises(CvappError, match="60000x60000 pixels"):
        read_raw(written(tmp_path, b"", "a.bin"), layout=layout_of("60000x60000,8,RGGB"))


@pytest.mark.parametrize("length", [640 * 480, 1447680, 15467760])
def test_what_libraw_guesses_by_the_length_alone_is_refused(length, rng, tmp_path, capfd):
    """Lengths of a webcam's, a machine camera's and a compact camera's dumps, in LibRaw's table."""
    path = written(tmp_path, b"\1" + rng.bytes(length - 1), "a.raw")
    code, line = refusal(path)
    assert code == Exit.BAD_DATA and "it has no header" in line and "--raw WIDTHxHEIGHT,BITS,PATTERN" in line and "\n" not in line
    raw = read_raw(path, "BGGR")
    assert raw.pattern == "BGGR" and "LibRaw's guess by the file's length" in raw.notes[0]
    assert capfd.readouterr().err == ""


def test_a_dng_that_does_not_say_its_pattern_takes_the_given_one(values, tmp_path):
    data = dng(values, "BGGR").replace(b"\x8e\x82\x01\0\x04\0\0\0", b"\x8f\x82\x01\0\x04\0\0\0")
    path = written(tmp_path, data)
    code, line = refusal(path)
    assert code == Exit.BAD_DATA and "or does not name it: then give --pattern RGGB, or another" in line
    for pattern in PATTERNS:
        raw = read_raw(path, pattern)
        assert raw.pattern == pattern and raw.values == pytest.approx(np.minimum((values.astype(float) - BLACK) / 4096, 1), abs=1e-6)
    known = written(tmp_path, dng(values, "BGGR"))
    assert refusal(known, "RGGB") == (Exit.USAGE, f"{known}: its pattern is BGGR, not RGGB; leave --pattern out")


def test_white_is_the_value_where_the_sensor_saturates(rng, tmp_path):
    values = rng.integers(0, 4096, (40, 56))
    for dtype in (np.uint16, np.uint32, np.float32):
        np.save(tmp_path / "a.npy", values.astype(dtype))
        assert read_raw(tmp_path / "a.npy", "RGGB", white=4095).values == pytest.approx(values / 4095, abs=1e-6)
        assert read_raw(tmp_path / "a.npy", "RGGB", white=2000).values == pytest.approx(np.minimum(values / 2000, 1), abs=1e-6)
    np.savez(tmp_path / "a.npz", cfa_GRBG=values.astype(np.uint16))
    assert read_raw(tmp_path / "a.npz", white=4095).values.max() > 0.99


@pytest.mark.parametrize("dtype, peak, note", [
    (np.uint16, 4095, "uint16 values up to 4095 of 65535: white is taken to be 65535; --white 4095 for a sensor of 12 bits"),
    (np.uint16, 1000, "--white 1023 for a sensor of 10 bits"),
    (np.uint32, 60000, "--white 65535 for a sensor of 16 bits"),
    (np.uint16, 40000, ""), (np.uint8, 20, ""), (np.uint16, 0, ""),
])  # fmt: skip
def test_a_mosaic_far_below_white_is_told_in_a_line(dtype, peak, note, tmp_path):
    np.save(tmp_path / "a.npy", np.full((40, 56), peak, dtype))
    notes = read_raw(tmp_path / "a.npy", "RGGB").notes
    assert (note in notes[0] and len(notes) == 1) if note else notes == ()
    assert read_raw(tmp_path / "a.npy", "RGGB", white=max(peak, 1)).notes == ()


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("a.npy", {"white": 70000}, "--white 70000: the values of .*a.npy end at 65535"),
        ("a.npy", {"white": 0}, "--white 0: give the value where the sensor saturates"),
        ("a.npy", {"white": float("nan")}, "--white nan: give the value"),
        ("a.npy", {"layout": "56x40,16,RGGB"}, "--raw is for dumps without a header"),
        ("a.dng", {"white": 100}, "--white is for mosaics"),
        ("a.bin", {"layout": "56x40,16,BGGR"}, "--raw says BGGR, not RGGB; leave --pattern out"),
    ],
)
def test_settings_that_do_not_fit_the_file_are_usage(name, options, words, values, tmp_path):
    np.save(tmp_path / "a.npy", values)
    written(tmp_path, dng(values)), written(tmp_path, values.tobytes(), "a.bin")
    if "layout" in options:
        options = {"layout": layout_of(options["layout"])}
    with pytest.raises(CvappError, match=words) as caught:
        read_raw(tmp_path / name, "RGGB", **options)
    assert caught.value.code == Exit.USAGE
