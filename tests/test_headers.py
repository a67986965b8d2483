"""Headers: what a file says of itself, read without decoding it, and never a crash whatever the bytes are."""

import io
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError, Exit
from cvapp.exif import turn
from cvapp.headers import Header, inspect

Image = pytest.importorskip("PIL.Image")
MOVES = "animated: the first picture is used"
SHINES = "transparent parts: laid on white"
CMYK = "CMYK: programs differ in its colours; save it as RGB"


def picture(mode: str = "RGB") -> "Image.Image":
    """40 wide, 24 high: red grows to the right, green downwards, blue in squares; alpha grows to the right."""
    y, x = np.mgrid[:24, :40]
    planes = [6 * x, 10 * y, 255 * ((x // 8 + y // 8) % 2), 255 - 6 * x]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8)).convert(mode)


def encoded(source: "Image.Image", kind: str, **options: object) -> bytes:
    """A picture as Pillow, and not OpenCV, writes it."""
    stream = io.BytesIO()
    source.save(stream, kind, **options)
    return stream.getvalue()


def animation(kind: str) -> bytes:
    """Three plain frames, 40 wide and 24 high: red, green, blue."""
    frames = [Image.new("RGB", (40, 24), colour) for colour in ("red", "lime", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size; no pixel follows."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


PLAIN = {
    **{kind: encoded(picture(), kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "BMP")},
    "WebP": encoded(picture("RGBA"), "WEBP"),
    "PNM": encoded(picture(), "PPM"),
}


@pytest.mark.parametrize(
    "data, kind, alpha, notes",
    [
        (PLAIN["JPEG"], "JPEG", False, ()),
        (encoded(picture(), "JPEG", progressive=True), "JPEG", False, ()),
        (PLAIN["JPEG"][:2] + b"\xff\xff\xff" + PLAIN["JPEG"][2:], "JPEG", False, ()),  # fill bytes, ITU T.81, B.1.1.2
        (encoded(picture("L"), "JPEG"), "JPEG", False, ("grey",)),
        (encoded(picture("CMYK"), "JPEG"), "JPEG", False, (CMYK,)),
        (PLAIN["PNG"], "PNG", False, ()),
        (encoded(picture("RGBA"), "PNG"), "PNG", True, (SHINES,)),
        (encoded(picture("LA"), "PNG"), "PNG", True, ("grey", SHINES)),
        (encoded(picture("P"), "PNG", transparency=1), "PNG", True, (SHINES,)),
        (encoded(picture("I;16"), "PNG"), "PNG", False, ("grey", "16-bit")),
        (animation("PNG"), "PNG", False, (MOVES,)),
        (animation("GIF"), "GIF", True, (MOVES,)),
        (PLAIN["GIF"], "GIF", True, ()),
        (PLAIN["BMP"], "BMP", False, ()),
        (PLAIN["TIFF"], "TIFF", False, ()),
        (encoded(picture("I;16B"), "TIFF"), "TIFF", False, ("16-bit", "grey")),  # big-endian
        (encoded(picture("L"), "TIFF", compression="tiff_lzw"), "TIFF", False, ("grey",)),
        (encoded(picture("CMYK"), "TIFF"), "TIFF", False, (CMYK,)),
        (encoded(picture("RGBA"), "TIFF"), "TIFF", True, (SHINES,)),
        (PLAIN["WebP"], "WebP", True, (SHINES,)),
        (animation("WEBP"), "WebP", False, (MOVES,)),
    ],
)
def test_a_header_tells_format_size_alpha_and_what_is_unusual(data, kind, alpha, notes):
    assert inspect(data, "x") == Header(kind, (24, 40), alpha, True, notes)


@pytest.mark.parametrize(
    "head, channels, maximum, known",
    [
        ("P5 40 24 255\n", 1, 255, True), ("P6\n40 24\n255\n", 3, 255, True), ("P5\n# by hand\n40 # wide\n 24\t255 ", 1, 255, True),
        ("P5 40 24 100\n", 1, 100, False), ("P5 40 24 65535\n", 2, 255, False), ("P2 40 24 255\n", 1, 255, False),
    ],
)
def test_a_binary_pnm_with_a_byte_a_value_is_read_and_no_other(head, channels, maximum, known):
    """OpenCV takes values as they are, whatever the largest is said to be, and so would give a dark picture."""
    data = head.encode() + bytes(value % maximum for value in range(40 * 24 * channels))
    if not known:
        with pytest.raises(CvappError, match="not a picture .* AVIF or 8-bit PNM$"):
            inspect(data, "x")
        return
    assert inspect(data, "x") == Header("PNM", (24, 40))
    oracle = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(images.decode(data, "x"), oracle)
    with pytest.raises(CvappError, match=f"the PNM file is truncated .{len(data) - 1} bytes"):
        inspect(data[:-1], "x")


@pytest.mark.parametrize("lossless", [False, True])
def test_a_plain_webp_tells_no_alpha(lossless):
    header = inspect(encoded(picture(), "WEBP", lossless=lossless), "x")
    assert (header.format, header.alpha, header.notes) == ("WebP", False, ())


def test_lossless_webp_tells_alpha():
    assert inspect(encoded(picture("RGBA"), "WEBP", lossless=True), "x").alpha


@pytest.mark.parametrize(
    "width, height, allowed",
    [(8, 8, True), (7, 8, False), (8, 7, False), (0, 0, False), (10_000, 10_000, True), (20_000, 17_600, True), (20_000, 17_603, False),
     (32_768, 32_768, False), (60_000, 60_000, False), (12_500_000, 8, True), (2**32 - 1, 2**32 - 1, False)],
)
def test_sizes_from_8_pixels_to_what_memory_holds_are_allowed(width, height, allowed):
    if allowed:
        assert inspect(png(width, height), "x").size == (height, width)
        return
    words = f"^photo one.png: {width}x{height} pixels; a photo has sides of at least 8 and at most 352 million pixels"
    words += "; save it smaller, or as JPEG$" if width * height > 1000 else "$"
    with pytest.raises(CvappError, match=words) as error:
        inspect(png(width, height), "photo one.png")
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic", b"heix\0\0\0\0", b"hevc\0\0\0\0", b"msf1\0\0\0\0"])
def test_heic_is_named_with_a_way_out(brands, monkeypatch):
    data = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + bytes(64)
    with pytest.raises(CvappError, match="^x: the HEIC file is truncated .* copy it again$"):
        inspect(data, "x")
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(CvappError, match="^x: a HEIC photo, which needs pi-heif: pip install .* or convert it to JPEG") as error:
        inspect(data, "x")
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("brands", [b"avif\0\0\0\0avifmif1", b"mif1\0\0\0\0avifmif1"])
def test_avif_is_left_to_the_decoder(brands):
    assert inspect(b"\0\0\0\x1cftyp" + brands + bytes(64), "x").format == "AVIF"


def test_a_film_is_not_called_a_picture():
    with pytest.raises(CvappError, match="not a picture") as error:
        inspect(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(64), "film.jpg")
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("kind", PLAIN)
def test_damaged_bytes_are_read_or_refused_but_never_crash(kind, rng):
    data = PLAIN[kind]
    refused = 0
    for cut in [*range(1, 64), *rng.integers(1, len(data), 200)]:
        damaged = bytearray(data[:cut]) if cut % 2 else bytearray(data)
        for place in rng.integers(0, min(len(damaged), 64), 4):
            damaged[place] = rng.integers(0, 256)
        try:
            inspect(bytes(damaged), "x")
        except CvappError as error:
            refused += error.code == Exit.BAD_DATA
    assert refused > 60


def test_a_jpeg_with_another_behind_it_is_judged_by_itself():
    """Phones put a second picture, a gain map or the frame of a film, behind the first; a first one that is cut off must not borrow its end."""
    plain, waves = PLAIN["JPEG"], encoded(picture(), "JPEG", progressive=True)
    exif = Image.Exif()
    exif[274] = 6
    turned = encoded(picture(), "JPEG", exif=exif)
    for first in (plain, waves, turned):
        assert inspect(first + turned, "x") == inspect(first, "x")
        assert turn(first + turned, "JPEG") == turn(first, "JPEG") == (6 if first is turned else 1)
        for kept in range(first.index(b"\xff\xda") + 2, len(first)):
            with pytest.raises(CvappError, match="^x: the JPEG file is truncated"):
                inspect(first[:kept] + plain, "x")
        with pytest.raises(CvappError, match="^x: the JPEG file is truncated"):
            inspect(first[:-2], "x")
    restarts = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8), [cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1]
    assert inspect(restarts.tobytes() + plain, "x").size == (64, 96)
