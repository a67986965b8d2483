"""`cvapp isp`: a raw file becomes a picture beside it, and the answer says what was done."""

import json

import numpy as np
import pytest

from cvapp import images
from cvapp.cli import main
from cvapp.errors import Exit
from cvapp.isp import parse
from tests.isp.small_dng import BLACK, dng


@pytest.fixture
def raw_file(workspace, rng):
    """A raw file in the current folder."""
    (workspace / "a.dng").write_bytes(dng(rng.integers(BLACK, BLACK + 4096, (40, 56)).astype(np.uint16), "GBRG", 6))
    return workspace


def run(capsys, *words):
    """Exit code, standard output and the error line."""
    try:
        code = main(["isp", *map(str, words)])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def test_a_raw_file_becomes_a_picture_beside_it(raw_file, capsys):
    code, out, err = run(capsys, "a.dng")
    assert (code, err) == (0, "")
    assert out == (
        "a.dng: 40x56 pixels, pattern GBRG, white balance camera, multipliers 2.000 1.000 1.600, demosaic edge-aware, exposure automatic; "
        "wrote a.png\n"
    )
    assert images.read("a.png").shape == (56, 40, 3), "upright"


def test_json_and_all_options(raw_file, capsys):
    words = [
        "--out",
        "b.png",
        "--steps",
        "median=3,gamma=1.5",
        "--method",
        "bilinear",
        "--balance",
        "grey-world",
        "--exposure",
        "0.5",
        "--json",
    ]
    code, out, _ = run(capsys, "a.dng", *words)
    found = json.loads(out)
    assert code == 0 and found["out"] == "b.png" and found["size"] == [56, 40] and found["steps"] == "median=3,gamma=1.5"
    assert (found["pattern"], found["white_balance"], found["demosaic"], found["exposure"]) == ("GBRG", "grey-world", "bilinear", 0.5)
    assert run(capsys, "a.dng", *words[4:-1], "--out", "plain.png")[0] == 0
    assert np.array_equal(images.read("b.png"), parse("median=3,gamma=1.5")(images.read("plain.png")))
    assert json.loads(run(capsys, "a.dng", "--patch", "5,5,30,40", "--json")[1])["white_balance"] == "patch"


def test_a_mosaic_wants_its_pattern(raw_file, capsys, rng):
    np.save("m.npy", rng.random((20, 30)))
    assert run(capsys, "m.npy")[0] == Exit.USAGE
    code, out, _ = run(capsys, "m.npy", "--pattern", "RGGB")
    assert code == 0 and "white balance grey-world" in out and "wrote m.png" in out


def test_steps_on_a_picture(raw_file, capsys, rng):
    picture = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    images.write("p.png", picture)
    code, out, _ = run(capsys, "p.png", "--steps", "median=3")
    assert code == 0 and out == "p.png: 30x20 pixels, steps median=3; wrote p-steps.png\n"
    assert np.array_equal(images.read("p-steps.png"), parse("median=3")(picture))
    assert np.array_equal(images.read("p.png"), picture)


def test_a_file_that_is_there_is_replaced_where_it_was_named_and_that_is_said(raw_file, capsys):
    images.write("a.png", np.full((9, 9, 3), 7, np.uint8))
    code, out, err = run(capsys, "a.dng")
    assert (code, out, err) == (Exit.USAGE, "", "cvapp: a.png is there already; give --out a.png to replace it, or another name\n")
    assert images.read("a.png").shape == (9, 9, 3)
    code, out, _ = run(capsys, "a.dng", "--out", "a.png")
    assert code == 0 and out.endswith("; replaced a.png\n") and images.read("a.png").shape == (56, 40, 3)
    assert json.loads(run(capsys, "a.dng", "--out", "b.png", "--json")[1])["replaced"] is False


@pytest.mark.parametrize(
    "code, words, line",
    [
        (Exit.USAGE, ["a.dng", "--steps", "medain"], "Did you mean median?"),
        (Exit.USAGE, ["a.dng", "--pattern", "RGGB"], "its pattern is GBRG, not RGGB; leave --pattern out"),
        (Exit.USAGE, ["a.dng", "--patch", "1,2,3"], "--patch 1,2,3: give left,top,right,bottom"),
        (Exit.USAGE, ["a.dng", "--patch", "1,2,300,4"], "within 40x56 pixels"),
        (Exit.USAGE, ["a.dng", "--patch", "1,2,30,4", "--balance", "camera"], "give one of them"),
        (Exit.USAGE, ["a.dng", "--exposure", "99"], "exposure 99: give -16 to 16 stops"),
        (Exit.USAGE, ["p.png", "--steps", "mean", "--out", "./p.png"], "would take the place of p.png, which is read"),
        (Exit.USAGE, ["a.dng", "--out", "a.xyz"], "cannot write .xyz; use .png, .jpg"),
        (Exit.USAGE, ["a.dng", "--balance", "auto"], "choose one of camera, grey-world, white-world"),
        (Exit.USAGE, ["p.png"], "it was developed already; give --steps alone"),
        (Exit.USAGE, ["p.png", "--steps", "mean", "--pattern", "RGGB"], "--pattern is for raw files"),
        (Exit.USAGE, ["m.npz", "--pattern", "RGGB"], "m.npz: its pattern is BGGR, not RGGB; leave --pattern out"),
        (
            Exit.BAD_DATA,
            ["note.txt"],
            "note.txt: not a camera's raw file that LibRaw knows (DNG, CR2, NEF, ARW ...), a mosaic (.npy, .npz) or a",
        ),
        (Exit.BAD_DATA, ["none.dng"], "none.dng: cannot be read"),
        (Exit.BAD_DATA, ["cut.dng"], "cut.dng: the file ends early"),
        (Exit.CANNOT_WRITE, ["a.dng", "--out", "a.dng/b.png"], "cannot write"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_an_error_is_one_line_with_its_code(code, words, line, raw_file, capsys):
    images.write("p.png", np.zeros((20, 30, 3), np.uint8))
    np.savez("m.npz", cfa_BGGR=np.zeros((20, 30), np.float32))
    (raw_file / "note.txt").write_text("a note\n")
    (raw_file / "cut.dng").write_bytes((raw_file / "a.dng").read_bytes()[:2000])
    found, out, err = run(capsys, *words)
    assert (found, out) == (int(code), "")
    assert line in err and err.startswith("cvapp: ") and err.count("\n") == 1


def test_a_dump_without_a_header_is_developed_by_what_is_said_of_it(workspace, rng, capsys):
    (workspace / "a.raw").write_bytes(rng.integers(0, 4096, (40, 56)).astype("<u2").tobytes())
    code, out, err = run(capsys, "a.raw", "--raw", "56x40,12,GRBG")
    assert (code, err) == (0, "") and out.startswith("a.raw: 56x40 pixels, pattern GRBG, ") and images.read("a.png").shape == (40, 56, 3)
    code, _, err = run(capsys, "a.png", "--raw", "56x40,12,GRBG", "--out", "b.png")
    assert code == Exit.USAGE and "--raw is for raw files" in err


def test_a_dark_mosaic_is_told_and_white_settles_it(workspace, rng, capsys):
    np.save("a.npy", np.arange(56 * 40, dtype=np.uint16).reshape(40, 56) % 1024 * 4 + 3)
    code, out, err = run(capsys, "a.npy", "--pattern", "RGGB", "--json")
    assert code == 0 and json.loads(out)["pattern"] == "RGGB"
    assert err == "a.npy: uint16 values up to 4095 of 65535: white is taken to be 65535; --white 4095 for a sensor of 12 bits\n"
    code, _, err = run(capsys, "a.npy", "--pattern", "RGGB", "--white", 4095, "--exposure", 0, "--out", "b.png")
    assert (code, err) == (0, "") and images.read("b.png").max() == 255
