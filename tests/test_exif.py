"""EXIF orientation: what `exif.turn` says of a file is how its pixels are turned, and both are right where the block is whole."""

import io
import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from cvapp import exif, headers, images
from cvapp.data.formats.reading import look

FORMATS = ("JPEG", "PNG", "WebP", "TIFF")
COUNT = 240
SIDES = (24, 40)


def stored() -> np.ndarray:
    """A picture, uint8 RGB, whose eight turns all differ, and that a JPEG keeps: one gray level in each corner."""
    rgb = np.zeros((*SIDES, 3), np.uint8)
    for level, (top, left) in zip((60, 120, 180, 240), ((0, 0), (0, 1), (1, 0), (1, 1))):
        rgb[12 * top : 12 * top + 12, 20 * left : 20 * left + 20] = level
    return rgb


def corners(rgb: np.ndarray) -> tuple[int, ...]:
    """The rounded levels of the four corners, and the height: they tell the turn."""
    return (rgb.shape[0], *(round(float(rgb[y, x, 0]) / 60) for y in (3, -4) for x in (3, -4)))


def tiff_block(rng: random.Random) -> tuple[bytes, int | None]:
    """An EXIF block, and the orientation that it asks for where it is whole and plain; None where it is odd."""
    order, plain = rng.choice("<>"), True
    kind = rng.choice([3, 3, 3, 4, 1, 5, 9])
    value = rng.choice([*range(1, 9), *range(1, 9), 0, 9, 255, 65535])
    packed = {1: "B3x", 3: "H2x", 4: "I", 5: "I", 9: "i"}[kind]
    tag = struct.pack(order + "HHI" + packed, 274, kind, rng.choice([1, 1, 1, 2, 0]), value)
    plain = kind == 3 and 1 <= value <= 8 and struct.unpack(order + "I", tag[4:8])[0] == 1
    noise = [struct.pack(order + "HHIH2x", number, 3, 1, rng.randrange(1, 9)) for number in rng.sample([256, 257, 296, 531], rng.randrange(4))]
    maker = (b"II*\0" if rng.random() < 0.5 else b"MM\0*") + rng.randbytes(40)
    noise += [struct.pack(order + "HHII", 34665, 4, 1, 8)] if rng.random() < 0.3 else []
    entries = sorted([*noise, *([tag] if rng.random() < 0.85 else [])], key=lambda one: struct.unpack(order + "H", one[:2])[0])
    asked = value if tag in entries else 1
    if tag in entries and rng.random() < 0.1:  # twice
        entries.insert(entries.index(tag) + 1, struct.pack(order + "HHIH2x", 274, 3, 1, rng.randrange(1, 9)))
        plain = False
    gap = maker if rng.random() < 0.4 else bytes(2 * rng.randrange(8))
    start = 8 + len(gap)
    following = struct.pack(order + "HHHIH2xI", 1, 274, 3, 1, rng.randrange(1, 9), 0)  # the thumbnail's own
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries)
    directory += struct.pack(order + "I", start + len(directory) + 4) + following
    made = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start) + gap + directory
    plain = plain or tag not in entries
    if rng.random() < 0.15:
        made, plain = made[: rng.randrange(len(made))], False
    return made, asked if plain else None


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(body: bytes) -> bytes:
    """A segment APP1 of a JPEG."""
    return b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body


def encoded(format: str, **options) -> bytes:
    """The stored picture as a file."""
    out = io.BytesIO()
    Image.fromarray(stored()).save(out, format, **options)
    return out.getvalue()


def wrapped(format: str, block: bytes, rng: random.Random) -> tuple[bytes, bool]:
    """A file that bears the block, and whether it is plain, so that other programs read it alike."""
    padding = bytes(rng.choice([0, 0, 0, 2, 6]))
    if format == "JPEG":
        xmp = segment(b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='3'/>") if rng.random() < 0.3 else b""
        second = segment(b"Exif\0\0" + tiff_block(rng)[0]) if rng.random() < 0.2 else b""
        data = encoded("JPEG", quality=95)
        return data[:2] + xmp + segment(b"Exif\0\0" + padding + block) + second + data[2:], not (padding or second)
    if format == "PNG":
        data = encoded("PNG")
        if rng.random() < 0.3:
            text = b"\nexif\n%8d\n%s\n" % (len(block) + 6, (b"Exif\0\0" + block).hex().encode())
            body = b"Raw profile type exif\0" + (b"\0" + zlib.compress(text) if rng.random() < 0.5 else text)
            made = chunk(b"zTXt" if b"\nexif\n" not in body else b"tEXt", body)
            return data[:33] + made + data[33:], False
        return data[:33] + chunk(b"eXIf", padding + block) + data[33:], not padding
    data = encoded("WEBP", lossless=True)
    body = data[12:] + b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    extended = b"VP8X" + struct.pack("<IB3x", 10, 8) + (SIDES[1] - 1).to_bytes(3, "little") + (SIDES[0] - 1).to_bytes(3, "little")
    body = b"WEBP" + extended + body
    return b"RIFF" + struct.pack("<I", len(body)) + body, True


def tiff_file(rng: random.Random) -> tuple[bytes, int | None]:
    """A TIFF of one strip with an orientation of its own."""
    order, rgb = rng.choice("<>"), stored()
    kind, value = rng.choice([3, 3, 4, 1]), rng.choice([*range(1, 9), *range(1, 9), 0, 9, 255])
    numbers = {256: 40, 257: 24, 259: 1, 262: 2, 273: 8, 277: 3, 278: 24, 279: rgb.size, 284: 1}
    entries = {tag: struct.pack(order + "HHII", tag, 4, 1, number) for tag, number in numbers.items()}
    depths = 8 + rgb.size
    entries[258] = struct.pack(order + "HHII", 258, 3, 3, depths)
    there = rng.random() < 0.85
    if there:
        entries[274] = struct.pack(order + "HHI" + {1: "B3x", 3: "H2x", 4: "I"}[kind], 274, kind, 1, value)
    table = struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", depths + 6)
    plain = not there or (kind == 3 and 1 <= value <= 8)
    return head + rgb.tobytes() + struct.pack(order + "3H", 8, 8, 8) + table, (value if there else 1) if plain else None


def generated(seed: int = 7):
    """(format, bytes, the orientation where the file is plain, else None)."""
    rng = random.Random(seed)
    for number in range(COUNT):
        format = FORMATS[number % len(FORMATS)]
        if format == "TIFF":
            yield format, *tiff_file(rng)
            continue
        block, asked = tiff_block(rng)
        data, plain = wrapped(format, block, rng)
        yield format, data, asked if plain else None


def test_what_is_said_of_a_file_is_how_its_pixels_are_turned(tmp_path):
    turns = [corners(images.upright(stored(), turn)) for turn in range(1, 9)]
    assert len(set(turns)) == 8, "the picture tells all turns apart"
    said, plain = [], 0
    for number, (format, data, asked) in enumerate(generated()):
        turn = exif.turn(data, headers.inspect(data, "x").format)
        rgb, size = images.decode_sized(data, "x")
        assert corners(rgb) == turns[turn - 1], (number, format, turn)
        assert size == rgb.shape[:2]
        (tmp_path / "photo").write_bytes(data)
        assert look(tmp_path / "photo")[::2] == (size, turn), "boxes are laid on the photo as it is decoded"
        if asked is not None:
            assert turn == asked, (number, format)
            oracle = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
            assert corners(oracle) == turns[turn - 1], (number, format, "Pillow")
            assert corners(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)) == turns[turn - 1], (number, format, "OpenCV")
            plain += 1
        said.append(turn)
    assert plain > COUNT / 5 and set(said) == set(range(1, 9))


def test_xmp_before_exif_does_not_hide_it():
    data = encoded("JPEG", quality=95)
    block = b"MM\0*" + struct.pack(">IHHHIH2xI", 8, 1, 274, 3, 1, 6, 0)
    data = data[:2] + segment(b"http://ns.adobe.com/xap/1.0/\0<x/>") + segment(b"Exif\0\0" + block) + data[2:]
    assert exif.turn(data, "JPEG") == 6 and images.decode(data, "x").shape[:2] == SIDES[::-1]


@pytest.mark.parametrize("order", "<>")
def test_an_orientation_written_as_a_long_counts_in_both_byte_orders(order):
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IHHHIII", 8, 1, 274, 4, 1, 8, 0)
    data = encoded("PNG")
    data = data[:33] + chunk(b"eXIf", block) + data[33:]
    assert exif.turn(data, "PNG") == 8 and corners(images.decode(data, "x")) == corners(images.upright(stored(), 8))


def test_a_block_ends_where_its_segment_does():
    """A directory that claims more entries than the segment holds must not read on in what follows."""
    block = b"II*\0" + struct.pack("<IH", 8, 1)
    lying = struct.pack("<HHIH2x", 274, 3, 1, 6)
    data = encoded("JPEG", quality=95)
    data = data[:2] + segment(b"Exif\0\0" + block) + b"\xff\xfe" + struct.pack(">H", 2 + len(lying)) + lying + data[2:]
    assert exif.turn(data, "JPEG") == 1 and images.decode(data, "x").shape[:2] == SIDES


def test_letters_of_a_chunk_name_within_pixels_or_texts_are_no_block():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "eXIfII*\0" + struct.pack("<IHHHIH2xI", 8, 1, 274, 3, 1, 6, 0).decode("latin-1"))
    data = encoded("PNG", pnginfo=info)
    assert b"eXIf" in data and exif.turn(data, "PNG") == 1 and images.decode(data, "x").shape[:2] == SIDES


@pytest.mark.parametrize("turn", range(1, 9))
def test_transparent_parts_turn_with_the_picture(turn):
    rgba = np.dstack([stored(), np.full(SIDES, 255, np.uint8)])
    rgba[:12, :20, 3] = 0
    block, out = Image.Exif(), io.BytesIO()
    block[274] = turn
    Image.fromarray(rgba).save(out, "TIFF", exif=block)
    white = stored()
    white[:12, :20] = 255
    assert np.abs(images.decode(out.getvalue(), "x").astype(int) - images.upright(white, turn)).max() <= 1
