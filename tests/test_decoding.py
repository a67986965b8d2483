"""Very large photos and deep ones: decoded reduced within a bound of memory, stretched by their bits, refused before memory is used."""

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cvapp import decoding, headers, images, limits
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from tests.test_headers import Image, encoded, picture, png


def refusal(data: bytes) -> str:
    """The line with which bytes are refused as bad data."""
    with pytest.raises(CvappError) as caught:
        images.decode(data, "x")
    assert caught.value.code == Exit.BAD_DATA
    return str(caught.value)


def resized_jpeg(width: int, height: int, **options) -> bytes:
    """A small JPEG whose frame header claims another size."""
    data = bytearray(encoded(picture("RGB"), "JPEG", **options))
    for marker, at in headers.segments(bytes(data)):
        if marker in (0xC0, 0xC2):
            data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_the_factor_is_the_least_that_is_small_enough():
    sizes = {(10_000, 10_000): 1, (9_000, 12_000): 2, (12_240, 16_320): 2, (20_000, 20_000): 2, (20_003, 20_003): 4, (32_768, 32_768): 4}
    assert {size: limits.reduction(size) for size in sizes} == sizes
    assert limits.reduced((9_001, 12_003), 2) == (4500, 6001) and limits.reduced((10, 11), 4) == (2, 3)


def test_a_photo_of_108_megapixels_is_read_in_little_memory(tmp_path):
    """In a process of its own, whose peak is measured."""
    code = "import resource, sys, numpy as np, cv2\nfrom cvapp import images\n"
    code += "start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nrgb, size = images.decode_sized(open(sys.argv[1], 'rb').read(), 'x')\n"
    code += "print(*rgb.shape, *size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)"
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jpg", np.zeros((9000, 12000), np.uint8))[1].tobytes())
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.jpg"], capture_output=True, text=True)
    *sizes, megabytes = map(int, done.stdout.split())
    assert sizes == [4500, 6000, 3, 9000, 12000] and megabytes < 400, done.stderr


@pytest.mark.parametrize("kind, options", [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"lossless": True}),
                                           ("TIFF", {}), ("BMP", {})])
@pytest.mark.parametrize("shape", [(240, 320), (241, 323)])
def test_every_format_is_reduced_to_nearly_the_pixels_of_the_whole(kind, options, shape, monkeypatch, rng):
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), (0, 0), 2)
    data = encoded(Image.fromarray(cv2.normalize(rgb, None, 0, 255, cv2.NORM_MINMAX)), kind, **options)
    whole = images.decode(data, "x")
    for most, factor in ((shape[0] * shape[1] // 3, 2), (shape[0] * shape[1] // 12, 4)):
        monkeypatch.setattr(limits, "MAX_PIXELS", most)
        reduced, size = images.decode_sized(data, "x")
        assert reduced.shape[:2] == limits.reduced(shape, factor) and size == shape and whole.std() > 20
        apart = np.abs(images.fit(reduced, Images((16, 20), "stretch")).astype(int) - images.fit(whole, Images((16, 20), "stretch")))
        assert apart.mean() < 2.5 and apart.max() <= 16, (kind, factor)


@pytest.mark.parametrize("turn", [3, 6])
def test_a_reduced_photo_is_turned_and_its_size_with_it(turn, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 400)
    exif = Image.Exif()
    exif[274] = turn
    rgb, size = images.decode_sized(encoded(picture("RGB"), "JPEG", exif=exif), "x")
    assert (rgb.shape[:2], size) == (((20, 12), (40, 24)) if turn == 6 else ((12, 20), (24, 40)))


def test_transparent_parts_of_a_reduced_photo_are_white(monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 400)
    monkeypatch.setattr(decoding, "_STRIP", 90)  # rows are blended a few at a time
    rgb = images.decode(encoded(Image.new("RGBA", (40, 24), (0, 0, 0, 0)), "PNG"), "x")
    assert rgb.shape == (12, 20, 3) and rgb.min() == 255


def test_strips_blend_as_the_whole_does(monkeypatch):
    data = encoded(picture("RGBA"), "PNG")
    whole = images.decode(data, "x")
    monkeypatch.setattr(decoding, "_STRIP", 1)
    np.testing.assert_array_equal(images.decode(data, "x"), whole)


@pytest.mark.parametrize(
    "data, words",
    [
        (png(32_768, 32_768), "32768x32768 pixels; a photo has sides of at least 8 and at most 352 million pixels; save it smaller, or as JPEG"),
        (resized_jpeg(65_500, 65_500), "at most 1073 million pixels; save it smaller"),
        (resized_jpeg(65_500, 16_000, progressive=True, subsampling=0), "at most 256 million pixels; save it smaller"),
        (resized_jpeg(65_500, 16_000, progressive=True, subsampling=2), "at most 512 million pixels; save it smaller"),
        (b"BM" + struct.pack("<IIIIii", 54, 0, 54, 40, 32_768, -32_768) + bytes(28), "at most 352 million pixels"),
        (encoded(picture("RGBA"), "PNG")[:16] + struct.pack(">II", 16_000, 16_000), ""),
    ],
    ids=["png", "jpeg", "progressive", "progressive 4:2:0", "bmp", "cut"],
)
def test_a_bomb_is_refused_before_it_is_decoded(data, words, monkeypatch):
    for name in ("imdecode", "imdecodeWithMetadata"):
        monkeypatch.setattr(cv2, name, lambda *_: pytest.fail("decoded"))
    assert words in refusal(data)


def test_a_baseline_jpeg_holds_no_coefficients_and_a_progressive_one_does():
    found = [headers.inspect(encoded(picture("RGB"), "JPEG", **options), "x").coefficients
             for options in ({}, {"progressive": True, "subsampling": 0}, {"progressive": True, "subsampling": 2})]
    assert found == [0, 6, 3]


def test_formats_that_are_decoded_whole_are_bounded_by_memory():
    assert limits.max_pixels("JPEG") == 1 << 30 and limits.max_pixels("HEIC") == limits.max_pixels("AVIF") == 100_000_000
    sizes = [limits.max_pixels("PNG"), limits.max_pixels("WebP"), limits.max_pixels("PNG", alpha=True), limits.max_pixels("PNG", True, True)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 350_000_000 and sizes[-1] == 100_000_000, "none that was read is refused now"


def test_an_avif_says_its_size_before_it_is_decoded():
    assert headers.inspect(encoded(picture("RGB"), "AVIF"), "x").size == (24, 40)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_stretch_a_file_of_sixteen(suffix, channels, bits, rng):
    values = rng.integers(0, 1 << bits, (9, 11, channels)).astype(np.uint16)
    values[..., 3:] = 65535
    data = cv2.imencode(suffix, values)[1].tobytes()
    decoded = images.decode(data, "x", bits).astype(int)
    expected = (values[..., :3] >> (bits - 8)).repeat(3 if channels == 1 else 1, 2)[..., ::-1]
    assert np.abs(decoded - expected).max() <= (1 if bits == 16 else 0), "16 bits are the file's own, as before"
    assert decoded.max() > 200


def test_values_beyond_the_bits_are_white_and_other_files_do_not_change():
    deep = cv2.imencode(".png", np.full((9, 9), 5000, np.uint16))[1].tobytes()
    assert (images.decode(deep, "x", 12) == 255).all() and (images.decode(deep, "x") == 5000 >> 8).all()
    for kind in ("PNG", "JPEG", "WEBP"):
        plain = encoded(picture("RGB"), kind)
        np.testing.assert_array_equal(images.decode(plain, "x", 12), images.decode(plain, "x"))


@pytest.mark.parametrize("bits", [7, 17, 12.0, "12", True])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(CvappError, match="give 8 to 16, the bits that a 16-bit file uses, or none for all"):
        Images(bits=bits)
