"""HEIC photos: the pixels of their JPEG twins, upright once, refused by one line where damaged, and named where `pi-heif` is not installed.

`tests/heic/*.heic` were made of generated pictures by `tests/heic/make.py`, with Debian's heif-enc.
"""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvapp import exif, headers, heif, images, installing, signs
from cvapp.camera.sources import open_source
from cvapp.cli import main
from cvapp.data.check import check
from cvapp.data.formats.looking import look
from cvapp.errors import CvappError, Exit
from tests.heic import make

Image = pytest.importorskip("PIL.Image")
ImageCms = pytest.importorskip("PIL.ImageCms")
FILES = {path.stem: path.read_bytes() for path in make.HERE.glob("*.heic")}
# EXIF orientation -> rotation (quarters, counterclockwise) and mirror (0: top to bottom, 1: left to right) that turn alike, ISO 23008-12
TURNS = {1: (), 2: ("m1",), 3: ("r2",), 4: ("m0",), 5: ("r1", "m0"), 6: ("r3",), 7: ("r1", "m1"), 8: ("r1",)}


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and body of each box (ISO 14496-12, 4.2)."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, body: bytes) -> bytes:
    """A box of a body."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_properties(heic: bytes, *properties: tuple[bytes, bytes]) -> bytes:
    """Give the primary picture further properties. The changed `meta` goes to the end of the file: nothing that it points to moves."""
    body = dict(boxes(heic))[b"meta"]
    inside = dict(boxes(body[4:]))
    known, associated = (dict(boxes(inside[b"iprp"]))[kind] for kind in (b"ipco", b"ipma"))
    first, new, at = 1 + len(boxes(known)), associated[:8], 8
    while at < len(associated):
        end = at + 3 + associated[at + 2]
        indices = associated[at + 3 : end]
        if associated[at : at + 2] == inside[b"pitm"][4:6]:
            indices += bytes(0x80 | first + place for place in range(len(properties)))
        new += associated[at : at + 2] + bytes([len(indices)]) + indices
        at = end
    known += b"".join(box(*one) for one in properties)
    inside[b"iprp"] = box(b"ipco", known) + box(b"ipma", new)
    meta = box(b"meta", body[:4] + b"".join(box(*one) for one in inside.items()))
    return heic.replace(box(b"meta", body), box(b"free", body)) + meta


def turned(heic: bytes, *words: str) -> bytes:
    """A HEIC whose container asks to be turned, as an iPhone's does."""
    return with_properties(heic, *(({"r": b"irot", "m": b"imir"}[word[0]], bytes([int(word[1])])) for word in words))


def cropped(heic: bytes, width: int, height: int, right: int = 0, down: int = 0) -> bytes:
    """A HEIC whose container asks for a part of it (box clap), of which the middle is moved by so many halves of a pixel."""
    return with_properties(heic, (b"clap", struct.pack(">8i", width, 1, height, 1, right, 2, down, 2)))


def apart(data: bytes, other: np.ndarray) -> float:
    """How many levels a picture file differs from pixels, in the mean."""
    rgb = images.decode(data, "x")
    return float(np.abs(rgb.astype(float) - other).mean()) if rgb.shape == other.shape else 255.0


def refusal(data: bytes) -> str:
    """The one line with which bytes are refused as bad data."""
    with pytest.raises(CvappError) as error:
        images.decode(data, "x.heic")
    assert error.value.code == Exit.BAD_DATA and str(error.value).startswith("x.heic: ")
    return str(error.value).removeprefix("x.heic: ")


IPHONE = turned(FILES["photo"], "r3")  # EXIF orientation 6 and the rotation, as an iPhone held upright writes both


def test_the_files_are_small():
    assert len(FILES) == 4 and max(map(len, FILES.values())) < 5000


@pytest.mark.parametrize("orientation", TURNS)
def test_a_turned_heic_is_its_jpeg_twin(orientation):
    twin = images.decode(make.jpeg(orientation), "x")
    heic = turned(FILES["photo"], *TURNS[orientation])
    assert apart(heic, twin) < 2
    assert headers.inspect(heic, "x").size == twin.shape[:2]
    if orientation > 1:
        assert apart(FILES["photo"], twin) > 20, "the control: not turned"
        twice = turned(FILES["photo"], *TURNS[orientation], *TURNS[orientation])
        assert apart(twice, twin) > 20, "the control: turned twice"


def test_exif_does_not_turn_a_heic():
    """Its EXIF orientation is 6; no rotation is in its container."""
    assert b"Exif\0\0" in FILES["photo"] and apart(FILES["photo"], make.photo()) < 2
    assert exif.turn(IPHONE, "HEIC") == 1


def test_a_color_profile_is_ignored_as_in_jpeg():
    profile = make.display_p3()
    assert profile in FILES["photo"] and profile in make.jpeg()
    assert apart(make.jpeg(1), make.photo()) < 2 and apart(FILES["photo"], make.photo()) < 2
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(Image.fromarray(make.photo()), given, ImageCms.createProfile("sRGB"))
    assert apart(FILES["photo"], np.asarray(converted)) > 5, "the control: the profile would change it"


@pytest.mark.parametrize("name", ["grey", "grey_10_bit"])
def test_grey_becomes_three_equal_channels(name):
    expected = make.grey()[..., None].repeat(3, 2)
    assert apart(FILES[name], expected) < 1 and apart(FILES[name], 255 - expected) > 20
    assert apart(turned(FILES[name], "r1"), np.rot90(expected)) < 1


def test_ten_bits_become_eight_and_alpha_is_laid_on_white():
    alpha = make.alpha()[..., None] / 255
    assert apart(FILES["alpha_10_bit"], make.photo() * alpha + 255 * (1 - alpha)) < 2
    assert apart(FILES["alpha_10_bit"], make.photo()) > 20


@pytest.mark.parametrize("name, notes", [
    ("photo", ()), ("grey", ("grey",)), ("grey_10_bit", ("grey", "10-bit")), ("alpha_10_bit", ("10-bit", headers.TRANSPARENT)),
])  # fmt: skip
def test_the_header_tells_size_alpha_and_what_is_unusual(name, notes):
    size = (48, 64) if name.startswith("grey") else (96, 128)
    assert headers.inspect(FILES[name], "x") == headers.Header("HEIC", size, headers.TRANSPARENT in notes, True, notes)


def test_a_crop_is_obeyed_before_the_turn():
    data = turned(cropped(FILES["photo"], 64, 32), "r1")
    assert headers.inspect(data, "x").size == (64, 32)
    assert apart(data, np.rot90(make.photo()[32:64, 32:96])) < 3
    for width, height, right, down in [(99, 81, 0, 0), (97, 64, 1, 3), (127, 96, -3, 0), (128, 95, 5, -7), (120, 96, 14, 1), (129, 97, 2, 9)]:
        data = cropped(FILES["photo"], width, height, right, down)
        assert headers.inspect(data, "x").size == heif.decode(data, "x")[0].shape[:2], (width, height, right, down)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_truncated(name):
    for data in (FILES[name], turned(FILES[name], "r1")):
        cuts = range(24, len(data)) if data is FILES[name] else range(len(data) // 10, len(data), len(data) // 10)
        for cut in cuts:
            with pytest.raises(CvappError, match=f"^x: the HEIC file is truncated .{cut} bytes.; copy it again$"):
                images.decode(data[:cut], "x")
        assert apart(data + b"bytes of some other program", images.decode(data, "x")) == 0


def test_damaged_bytes_are_one_line_and_never_a_crash(tmp_path):
    """In a process of its own, under malloc's own checks: libheif's wrapper has written beyond its buffers."""
    code = """
import sys
import numpy as np
from cvapp import images
from cvapp.errors import CvappError
from tests.heic import make
rng, refused, whole = np.random.default_rng(0), 0, 0
for path in sorted(make.HERE.glob("*.heic")):
    for turn in range(300):
        data = np.frombuffer(path.read_bytes(), np.uint8).copy()
        data[rng.integers(24, len(data) if turn % 2 else 400, 3)] = rng.integers(0, 256, 3)
        try:
            whole += images.decode(data.tobytes(), "x").ndim == 3
        except CvappError as error:
            refused += error.code == 3 and str(error).startswith("x: ")
grey = bytearray((make.HERE / "grey.heic").read_bytes())
grey[grey.index(b"hvcC") + 21] |= 1  # 9 bits, it says; there are 8
try:
    images.decode(bytes(grey), "x")
except CvappError as error:
    print(error)
print(refused, whole)
"""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=os.environ | {"MALLOC_CHECK_": "3"})
    assert (done.returncode, done.stderr) == (0, "")
    line, counts = done.stdout.splitlines()
    refused, whole = map(int, counts.split())
    assert "its pixels have fewer bits than its header says" in line and refused + whole == 1200 and min(refused, whole) > 100


def test_an_absurd_size_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(heif, "decode", lambda *_: pytest.fail("decoded"))
    size, tile = struct.pack(">II", 64, 48), struct.pack(">II", 64, 64)
    assert size in FILES["grey"] and tile in FILES["grey"]
    for part in (size, tile):
        assert refusal(FILES["grey"].replace(part, struct.pack(">II", 20_000, 10_000))).startswith("20000x10000 pixels; a photo has sides of")
    assert refusal(cropped(FILES["photo"], 4, 4)).startswith("4x4 pixels")


def test_a_size_that_is_not_that_of_the_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(heif, "decode", lambda *_: (np.zeros((48, 32, 3), np.uint8), False))
    assert refusal(FILES["photo"]).startswith("the HEIC file is damaged (its header tells another size")


def test_another_codec_is_refused_in_one_line():
    assert refusal(FILES["photo"].replace(b"hvc1", b"vvc1")).startswith("libheif cannot decode this HEIC file (")


@pytest.fixture
def without(monkeypatch):
    """As if pi-heif were not installed."""
    monkeypatch.setitem(sys.modules, "pi_heif", None)


LINE = f"a HEIC photo, which needs pi-heif: {installing.command('heic')}; or convert it to JPEG (heif-convert photo.heic photo.jpg)"


def test_without_pi_heif_the_line_says_what_to_install(without, tmp_path):
    assert refusal(IPHONE) == LINE and not heif.readable()
    with pytest.raises(CvappError, match="^x: a HEIC photo, which needs pi-heif"):
        heif.decode(IPHONE, "x")
    (tmp_path / "x.heic").write_bytes(IPHONE)
    with pytest.raises(CvappError, match="^photo: a HEIC photo, which needs pi-heif") as error:
        look(tmp_path / "x.heic")
    assert error.value.code == Exit.BAD_DATA


def test_a_package_whose_library_is_missing_counts_as_not_installed(monkeypatch):
    pi_heif = pytest.importorskip("pi_heif")

    def broken(*_, **__):
        raise ImportError("libheif.so.1: cannot open shared object file")

    monkeypatch.setattr(pi_heif, "open_heif", broken)
    assert refusal(IPHONE) == LINE


def test_other_pictures_do_not_import_it():
    code = "import sys, cv2, numpy as np\nfrom cvapp import images, headers\nfrom cvapp.cli import build\nbuild().format_help()\n"
    code += "images.decode(cv2.imencode('.png', np.zeros((9, 9, 3), 'uint8'))[1].tobytes(), 'x')\nprint('pi_heif' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_doctor_says_whether_heic_can_be_read(capsys, monkeypatch):
    main(["doctor"])
    assert "read by pi-heif" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    main(["doctor"])
    assert f"cannot be read: {installing.command('heic')}" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path):
    """Two classes: drawn scenes, and a HEIC photo beside its JPEG twin."""
    for label, kind in (("a", "cup"), ("b", "key")):
        for number in range(20):
            images.write(tmp_path / label / f"{number:02}.png", signs.photo(2, kind, number, (80, 100)))
    (tmp_path / "a" / "IMG_1.HEIC").write_bytes(IPHONE)
    (tmp_path / "a" / "IMG_1.jpg").write_bytes(make.jpeg(6))
    return tmp_path


def test_the_check_counts_it_and_finds_its_twin(folder):
    found = check(folder)
    assert found.photos == {"a": 22, "b": 20} and not found.wrong and found.near_duplicates == [["a/IMG_1.HEIC", "a/IMG_1.jpg"]]
    assert list(found.unusual) == ["a/IMG_1.jpg"], "a HEIC is turned by every program"
    (folder / "b" / "really.jpg").write_bytes(FILES["grey"])
    (folder / "b" / "cut.heic").write_bytes(IPHONE[:900])
    found = check(folder)
    assert found.unusual["b/really.jpg"] == "a HEIC file named .jpg: read by its content, rename it; grey"
    assert found.unusable == {"b/cut.heic": "the HEIC file is truncated (900 bytes); copy it again"}


def test_the_check_without_pi_heif_names_it(folder, without, capsys):
    assert main(["data", "check", str(folder)]) == Exit.BAD_DATA
    assert f"a/IMG_1.HEIC: {LINE}" in capsys.readouterr().out


def test_boxes_lie_in_the_upright_picture(tmp_path):
    (tmp_path / "x.heic").write_bytes(IPHONE)
    seen = look(tmp_path / "x.heic")
    assert seen.size == images.read(tmp_path / "x.heic").shape[:2] == (128, 96) and seen.turn == 1


def test_the_camera_plays_a_folder_of_them(folder):
    with open_source(str(folder / "a")) as source:
        frames = [frame.image for frame in source]
    assert len(frames) == 22 and apart(IPHONE, frames[-2]) == 0 and frames[-1].shape == frames[-2].shape == (128, 96, 3)
