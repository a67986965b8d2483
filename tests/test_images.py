"""Pictures: decoded as Pillow and plain arithmetic say, refused by one line where not whole, fitted as a NumPy oracle fits them."""

import io
import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from tests.test_headers import animation, encoded, picture, png

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
# EXIF 2.3, table 6: how a stored array is turned to stand upright
UPRIGHT = {
    1: lambda rgb: rgb, 2: lambda rgb: rgb[:, ::-1], 3: lambda rgb: rgb[::-1, ::-1], 4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.transpose(1, 0, 2), 6: lambda rgb: rgb.transpose(1, 0, 2)[:, ::-1],
    7: lambda rgb: rgb[::-1, ::-1].transpose(1, 0, 2), 8: lambda rgb: rgb.transpose(1, 0, 2)[::-1],
}


def difference(rgb: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two pictures; all of the range where their shapes differ."""
    return float(np.abs(rgb.astype(float) - other).max()) if rgb.shape == other.shape else 255.0


def on_white(rgba: np.ndarray) -> np.ndarray:
    """RGBA laid on white, in floats."""
    alpha = rgba[..., 3:] / 255
    return np.round(rgba[..., :3] * alpha + 255 * (1 - alpha))


def refused(data: bytes, words: str = "^a.jpg: ") -> bool:
    """Whether decode refuses the bytes as bad data, in one line that holds `words`."""
    try:
        images.decode(data, "a.jpg")
    except CvappError as error:
        return error.code == Exit.BAD_DATA and str(error).startswith("a.jpg: ") and words.removeprefix("^a.jpg: ") in str(error)
    return False


def with_thumbnail(jpeg: bytes, thumbnail: bytes) -> bytes:
    """A JPEG with another JPEG, end marker and all, in its EXIF segment (EXIF 2.3, 4.5.5)."""
    tiff = b"II*\0" + struct.pack("<IHI", 8, 0, 14)
    tiff += struct.pack("<HHHIIHHIII", 2, 0x201, 4, 1, 44, 0x202, 4, 1, len(thumbnail), 0) + thumbnail
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + jpeg[2:]


WHOLE = {
    "jpeg": encoded(picture(), "JPEG"),
    "progressive jpeg": encoded(picture(), "JPEG", progressive=True),
    "jpeg with a thumbnail": with_thumbnail(encoded(picture(), "JPEG"), encoded(picture(), "JPEG", quality=20)),
    "png": encoded(picture(), "PNG"),
    "webp": encoded(picture(), "WEBP"),
    "bmp": encoded(picture(), "BMP"),
    "tiff": encoded(picture(), "TIFF"),
    "tiff lzw": encoded(picture(), "TIFF", compression="tiff_lzw"),
    "gif": encoded(picture(), "GIF"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_anywhere_is_refused(kind):
    data = WHOLE[kind]
    assert [cut for cut in range(1, len(data)) if not refused(data[:cut])] == []
    assert refused(data[: len(data) // 2], "copy it again" if "tiff" not in kind else "")


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_decoded_as_pillow_does_with_or_without_bytes_behind_it(kind):
    data = WHOLE[kind]
    oracle = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    decoded = images.decode(data, "x")
    assert decoded.dtype == np.uint8 and difference(decoded, oracle) <= 1
    assert difference(decoded[:, ::-1], oracle) > 100
    assert difference(images.decode(data + b"trailing bytes of some other program", "x"), oracle) <= 1


@pytest.mark.parametrize(
    "kind, mode, options, allowed",
    [
        ("JPEG", "RGB", {"quality": 95, "subsampling": 0}, 6), ("PNG", "RGB", {}, 0), ("TIFF", "RGB", {}, 0),
        ("WEBP", "RGB", {"lossless": True}, 0),
        ("PNG", "RGBA", {}, 0), ("WEBP", "RGBA", {"lossless": True, "exact": True}, 0),
    ],
)
def test_all_eight_exif_orientations_come_out_upright(kind, mode, options, allowed):
    stored = np.asarray(picture(mode)).astype(float)
    stored = on_white(stored) if mode == "RGBA" else stored
    assert all(difference(turn(stored), stored) > 50 for turn in list(UPRIGHT.values())[1:]), "the oracle tells the turns apart"
    lying = []
    for orientation, turn in UPRIGHT.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        decoded = images.decode(encoded(picture(mode), kind, exif=exif, **options), "x")
        if difference(decoded, turn(stored)) > allowed:
            lying.append(orientation)
    assert lying == []


def test_an_avif_that_asks_to_be_turned_is_refused_since_opencv_would_not():
    exif = Image.Exif()
    exif[0x0112] = 6
    with pytest.raises(CvappError, match="asks to be turned.* save it upright"):
        images.decode(encoded(picture("RGB"), "AVIF", exif=exif), "x")
    assert images.decode(encoded(picture("RGB"), "AVIF"), "x").shape == np.asarray(picture("RGB")).shape


@pytest.mark.parametrize(
    "rgba, white", [((200, 100, 50, 0), (255, 255, 255)), ((200, 100, 50, 255), (200, 100, 50)), ((200, 100, 50, 128), (227, 177, 152))]
)
@pytest.mark.parametrize(
    "kind, options, allowed", [("PNG", {}, 0), ("WEBP", {"lossless": True, "exact": True}, 0), ("TIFF", {}, 1), ("AVIF", {}, 4)]
)
def test_transparent_parts_are_laid_on_white(kind, options, allowed, rgba, white):
    """200 x 128/255 + 255 x 127/255 = 227.4."""
    decoded = images.decode(encoded(Image.new("RGBA", (16, 8), rgba), kind, **options), "x")
    assert difference(decoded, np.broadcast_to(white, (8, 16, 3))) <= allowed


@pytest.mark.parametrize(
    "data",
    [
        encoded(picture("LA"), "PNG"),
        encoded(picture("P"), "PNG", transparency=5),
        encoded(picture("P"), "PNG", transparency=bytes(range(256))),
        encoded(picture("RGB"), "PNG", transparency=(0, 0, 0)),
        encoded(picture("P"), "GIF", transparency=5),
        encoded(picture("RGBA"), "WEBP", quality=80),
    ],
    ids=["grey and alpha", "palette, one colour", "palette, 256 alphas", "a key colour", "gif", "lossy webp"],
)
def test_every_way_to_be_transparent_agrees_with_pillow(data):
    assert difference(images.decode(data, "x"), on_white(np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(float))) <= 1


def test_sixteen_bits_become_eight(rng):
    values = rng.integers(0, 256, (8, 16, 4)).astype(np.uint16)
    for channels, suffix in ((3, ".png"), (4, ".png"), (3, ".tiff")):
        data = cv2.imencode(suffix, cv2.cvtColor(values[..., :channels] * 257, {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[channels]))[1]
        expected = on_white(values.astype(float)) if channels == 4 else values[..., :3]
        assert difference(images.decode(data.tobytes(), "x"), expected) == 0
    grey = encoded(Image.fromarray(values[..., 0] * 257), "PNG")
    assert difference(images.decode(grey, "x"), values[..., :1].repeat(3, 2)) == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_grey_becomes_three_equal_channels(kind):
    decoded = images.decode(encoded(Image.new("L", (16, 8), 77), kind), "x")
    assert difference(decoded, np.full((8, 16, 3), 77)) == 0


@pytest.mark.parametrize("cmyk, rgb", [((0, 255, 255, 0), (255, 0, 0)), ((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 155), (100, 100, 100))])
def test_a_cmyk_jpeg_comes_out_in_its_colours(cmyk, rgb):
    decoded = images.decode(encoded(Image.new("CMYK", (16, 8), cmyk), "JPEG", quality=95), "x")
    assert difference(decoded, np.broadcast_to(rgb, (8, 16, 3))) <= 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_picture(kind):
    assert difference(images.decode(animation(kind), "x"), np.broadcast_to((255, 0, 0), (24, 40, 3))) <= 3


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "the file is empty (0 bytes); copy it again"),
        (b"not a photo at all\n", "not a picture (unknown file signature); use JPEG, PNG"),
        (b"<!doctype html><title>404</title>", "not a picture (unknown file signature)"),
        (HEIC, "the HEIC file is truncated (88 bytes); copy it again"),
        (png(60_000, 60_000), "60000x60000 pixels; a photo has sides of at least 8 and at most 352 million pixels; save it smaller, or as JPEG"),
        (png(100, 100), "OpenCV cannot decode this PNG file; open it elsewhere and save it as JPEG or PNG"),
    ],
)
def test_what_is_no_photo_is_refused_in_plain_words(data, words):
    assert refused(data, words) and not refused(WHOLE["png"], words)


def test_an_absurd_size_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    assert refused(png(60_000, 60_000), "60000x60000 pixels")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_a_picture_of_one_pixel_is_refused_in_every_format(kind):
    assert refused(encoded(Image.new("RGB", (1, 1)), kind), "1x1 pixels; a photo has sides of at least 8")


@pytest.mark.parametrize("suffix", sorted(images.SUFFIXES))
def test_every_suffix_that_a_data_folder_takes_can_be_decoded(suffix):
    data = encoded(picture("L" if suffix == ".pgm" else "RGB"), Image.registered_extensions()[suffix])
    assert images.decode(data, f"x{suffix}").shape == (24, 40, 3)


def test_nothing_but_our_line_reaches_the_terminal():
    """libpng and OpenCV would each say it once more, less clearly."""
    code = "import sys\nfrom cvapp import images\nfor data in eval(sys.stdin.read()):\n    try:\n        images.decode(data, 'x')\n"
    code += "    except images.CvappError:\n        print('refused')"
    damaged = bytearray(WHOLE["png"])
    damaged[len(damaged) // 2] ^= 255
    given = [WHOLE["png"][:-2], bytes(damaged), WHOLE["tiff"][:-99]]
    done = subprocess.run([sys.executable, "-c", code], input=repr(given), capture_output=True, text=True)
    assert done.stdout == "refused\n" * 3 and done.stderr == ""


@pytest.mark.parametrize("name", ["a photo.png", "ü 猫 é.png", "50%, \"so\" it's.png", "-.png"])
def test_any_name_is_written_and_read(tmp_path, name):
    rgb = np.asarray(picture())
    images.write(tmp_path / name, rgb)
    assert difference(images.read(tmp_path / name), rgb) == 0
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CvappError, match="the file is empty") as error:
        images.read(str(tmp_path / name))
    assert name in str(error.value)


def test_a_name_that_is_no_utf_8_is_written_and_read(tmp_path):
    """In a process of its own: such a name has crashed OpenCV."""
    code = "import sys, numpy as np\nfrom cvapp import images\nimages.write(sys.argv[1], np.full((8, 8, 3), 7, 'uint8'))\n"
    done = subprocess.run([sys.executable, "-c", code + "print(images.read(sys.argv[1]).mean())", tmp_path / os.fsdecode(b"caf\xe9.png")],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "7.0\n"), done.stderr[-300:]


@pytest.mark.parametrize(
    "name, words", [("gone.jpg", "No such file or directory"), ("", "Is a directory"), ("x" * 300, "File name too long")]
)
def test_a_path_that_cannot_be_read_is_bad_data(tmp_path, name, words):
    with pytest.raises(CvappError, match=rf"cannot be read \({words}\)$") as error:
        images.read(tmp_path / name)
    assert error.value.code == Exit.BAD_DATA


def test_quality_is_obeyed_and_a_file_written_over_stays_whole(tmp_path, rng):
    rgb = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    images.write(tmp_path / "a.jpg", rgb, quality=30)
    small = (tmp_path / "a.jpg").stat().st_size
    images.write(tmp_path / "a.jpg", rgb, quality=95)
    assert (tmp_path / "a.jpg").stat().st_size > 2 * small and os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    "name, words, code",
    [("a.xyz", "cannot write .xyz; use .png, .jpg", Exit.USAGE), ("a", "cannot write a file without suffix", Exit.USAGE),
     ("file/a.png", r"file/a.png: cannot write \(.*\); choose another place", Exit.CANNOT_WRITE)],
)
def test_what_cannot_be_written_is_told(tmp_path, name, words, code):
    (tmp_path / "file").touch()
    with pytest.raises(CvappError, match=words) as error:
        images.write(tmp_path / name, np.asarray(picture()))
    assert error.value.code == code and os.listdir(tmp_path) == ["file"]


@pytest.mark.shared
@pytest.mark.parametrize("pattern, count", [("hymenoptera-256/*/*/*.jpg", 40), ("bccd/JPEGImages/*.jpg", 20), ("kodak/*.png", 4)])
def test_real_photos_are_decoded_as_pillow_does(shared_data, pattern, count):
    for path in sorted(shared_data.glob(pattern))[:count]:
        oracle = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")).astype(float)
        decoded = images.read(path)
        assert decoded.shape == oracle.shape and np.abs(decoded - oracle).mean() < 0.5, path.name


def averaging(old: int, new: int) -> np.ndarray:
    """(new, old) weights: a new pixel is the mean of what it covers."""
    step, edges = old / new, np.arange(new)[:, None] * old / new
    low, high = np.maximum(edges, np.arange(old)), np.minimum(edges + step, np.arange(old) + 1)
    return np.maximum(high - low, 0) / step


def sampling(old: int, new: int) -> np.ndarray:
    """(new, old) weights: a new pixel lies between the centres of two old ones, the outermost are repeated."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(old)))


def resized(rgb: np.ndarray, size: tuple[int, int], weights) -> np.ndarray:
    """The oracle: one weighted sum over rows and columns."""
    return np.einsum("yh,xw,hwc->yxc", weights(rgb.shape[0], size[0]), weights(rgb.shape[1], size[1]), rgb.astype(float))


@pytest.mark.parametrize("old, new, resize", [
    ((40, 60), (10, 15), "area"), ((36, 48), (12, 24), "area"), ((50, 70), (16, 24), "area"), ((12, 16), (24, 32), "area"),
    ((50, 70), (16, 24), "linear"), ((12, 16), (30, 20), "linear"),
])
def test_stretch_is_a_mean_when_shrinking_and_linear_otherwise(rng, old, new, resize):
    rgb = rng.integers(0, 256, (*old, 3), dtype=np.uint8)
    weights = averaging if resize == "area" and old[0] > new[0] else sampling
    other = sampling if weights is averaging else averaging
    fitted = images.fit(rgb, Images(new, "stretch", resize))
    assert difference(fitted, resized(rgb, new, weights)) <= 1
    assert difference(fitted, resized(rgb, new, other)) > 10, "the oracle tells the kinds apart"


def test_crop_is_the_mean_of_the_middle(rng):
    rgb = rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)
    fitted = images.fit(rgb, Images((10, 10), "crop"))
    assert difference(fitted, rgb[:, 12:52].reshape(10, 4, 10, 4, 3).mean((1, 3))) <= 1
    assert difference(fitted, rgb[:, 13:53].reshape(10, 4, 10, 4, 3).mean((1, 3))) > 10
    tall = images.fit(rgb.transpose(1, 0, 2), Images((10, 10), "crop"))
    np.testing.assert_array_equal(tall, fitted.transpose(1, 0, 2))


def test_letterbox_keeps_all_on_black(rng):
    rgb = rng.integers(100, 256, (40, 80, 3), dtype=np.uint8)
    fitted = images.fit(rgb, Images((20, 20), "letterbox"))
    assert difference(fitted[5:15], rgb.reshape(10, 4, 20, 4, 3).mean((1, 3))) <= 1
    assert fitted[:5].max() == fitted[15:].max() == 0


@pytest.mark.parametrize("shape, size, fit, expected", [
    ((480, 640, 3), (96, 96), "crop", (0, 80, 480, 480)), ((640, 480, 3), (96, 96), "crop", (80, 0, 480, 480)),
    ((100, 50, 3), (10, 20), "crop", (37, 0, 25, 50)), ((480, 640), (480, 640), "crop", (0, 0, 480, 640)),
    ((480, 640, 3), (96, 96), "letterbox", (0, 0, 480, 640)), ((480, 640, 3), (96, 96), "stretch", (0, 0, 480, 640)),
])
def test_the_window_is_what_the_model_sees(shape, size, fit, expected):
    assert images.window(shape, Images(size, fit)) == expected


@pytest.mark.parametrize("shape, size, fit, expected", [
    ((480, 640, 3), (96, 96), "letterbox", (12, 0, 72, 96)), ((640, 480), (96, 96), "letterbox", (0, 12, 96, 72)),
    ((40, 80), (20, 20), "letterbox", (5, 0, 10, 20)), ((20, 20), (20, 20), "letterbox", (0, 0, 20, 20)),
    ((1, 1000), (20, 20), "letterbox", (9, 0, 1, 20)), ((480, 640, 3), (96, 96), "crop", (0, 0, 96, 96)),
    ((480, 640, 3), (96, 128), "stretch", (0, 0, 96, 128)),
])
def test_all_but_a_letterbox_fill_the_fitted_picture(shape, size, fit, expected):
    assert images.inside(shape, Images(size, fit)) == expected


def test_the_place_inside_a_letterbox_is_where_the_picture_is_drawn(rng):
    for height, width in rng.integers(1, 300, (40, 2)).tolist():
        fitted = images.fit(np.full((height, width, 3), 90, np.uint8), Images((48, 64), "letterbox"))
        top, left, inner_height, inner_width = images.inside((height, width), Images((48, 64), "letterbox"))
        drawn = np.zeros_like(fitted)
        drawn[top : top + inner_height, left : left + inner_width] = 90
        np.testing.assert_array_equal(fitted, drawn)


@pytest.mark.parametrize("fit", images.FITS)
@pytest.mark.parametrize("resize", images.RESIZES)
def test_a_point_lies_on_what_it_lay_on(rng, fit, resize):
    """A white block on black, wherever it is fitted to, has its middle where the middle's point is fitted to."""
    for _ in range(40):
        height, width, *size = rng.integers(60, 120, 4).tolist()
        how = Images((size[0], size[1]), fit, resize)
        top, left, part_height, part_width = images.window((height, width), how)
        y, x = top + int(rng.integers(6, part_height - 6)), left + int(rng.integers(6, part_width - 6))
        rgb = np.zeros((height, width, 3), np.uint8)
        rgb[y - 6 : y + 6, x - 6 : x + 6] = 255
        light = images.fit(rgb, how)[..., 0].astype(float)
        found = [(light.sum(axis) * (np.arange(light.shape[1 - axis]) + 0.5)).sum() / light.sum() for axis in (0, 1)]
        expected = images.to_fitted(np.array([x, y]), (height, width, 3), how)
        assert np.abs(expected - found).max() < 0.5 < np.abs(expected + 1 - found).max(), "a pixel further would be seen"


@pytest.mark.parametrize("fit", images.FITS)
def test_points_come_back(rng, fit):
    for _ in range(30):
        height, width, *size = rng.integers(8, 900, 4).tolist()
        how, xy = Images((size[0], size[1]), fit), rng.uniform(-50, 900, (3, 4, 2))
        fitted = images.to_fitted(xy, (height, width), how)
        assert fitted.shape == xy.shape
        np.testing.assert_allclose(images.to_fitted(fitted, (height, width), how, back=True), xy, atol=1e-8)
        (top, left, *part), (to_top, to_left, *inner) = images.window((height, width), how), images.inside((height, width), how)
        ends = [[left, top], [left + part[1], top + part[0]]]
        wanted = [[to_left, to_top], [to_left + inner[1], to_top + inner[0]]]
        np.testing.assert_allclose(images.to_fitted(np.array(ends), (height, width), how), wanted, atol=1e-8)
    assert images.to_fitted(np.zeros((0, 2)), (10, 10), Images((8, 8), fit)).shape == (0, 2)


@pytest.mark.parametrize("fit, expected", [("letterbox", [16, 18]), ("crop", [12, 16]), ("stretch", [16, 16])])
def test_a_point_by_hand(fit, expected):
    """Of a picture 80 wide and 40 high: halved below a bar of 10, 20 further left, or halved in width alone."""
    assert images.to_fitted(np.array([32.0, 16.0]), (40, 80), Images((40, 40), fit)).tolist() == expected


@pytest.mark.parametrize("fit", images.FITS)
@pytest.mark.parametrize("resize", images.RESIZES)
def test_the_size_is_exact_and_a_picture_of_that_size_is_left_alone(rng, fit, resize):
    for _ in range(40):
        height, width, *size = (int(side) for side in np.concatenate([rng.integers(1, 400, 2), rng.integers(8, 100, 2)]))
        rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        fitted = images.fit(rgb, Images((size[0], size[1]), fit, resize))
        assert fitted.shape == (*size, 3) and fitted.dtype == np.uint8 and fitted.flags.c_contiguous
        np.testing.assert_array_equal(images.fit(fitted, Images((size[0], size[1]), fit, resize)), fitted)


@pytest.mark.parametrize(
    "shape, dtype",
    [((9, 9), "uint8"), ((9, 9, 4), "uint8"), ((9, 9, 1), "uint8"), ((1, 9, 9, 3), "uint8"), ((9, 9, 3), "float32"), ((9, 9, 3), "int8"),
     ((0, 9, 3), "uint8"), ((9, 0, 3), "uint8")],
)
def test_what_is_no_rgb_picture_is_not_fitted(shape, dtype):
    for fit in images.FITS:
        with pytest.raises(CvappError, match=r"a picture is uint8 RGB \(height, width, 3\); this is ") as error:
            images.fit(np.zeros(shape, dtype), Images((8, 8), fit))
        assert error.value.code == Exit.USAGE


def test_an_unsettled_size_is_told():
    for use in (images.fit, *(lambda rgb, how, one=one: one(rgb.shape, how) for one in (images.window, images.inside))):
        with pytest.raises(CvappError, match="images.size is not settled; give --set images.size=224,224"):
            use(np.zeros((9, 9, 3), np.uint8), Images())


@pytest.mark.parametrize("size", [(8,), (8, 8, 8), (7, 8), (8, 16385), (8.0, 8), "ab", 224])
def test_images_are_checked_when_made(size):
    with pytest.raises(CvappError, match=r"images.size is .*: give \(height, width\), each 8 to 16384 pixels") as error:
        Images(size)
    assert error.value.code == Exit.USAGE
    assert Images([8, 16384]) == Images((8, 16384))


@pytest.mark.parametrize("name, allowed", [("fit", "crop, letterbox, stretch"), ("resize", "area, linear")])
def test_unknown_words_name_the_known(name, allowed):
    with pytest.raises(CvappError, match=f"^images.{name} is 'cut': choose one of {allowed}$"):
        Images(**{name: "cut"})


@pytest.mark.parametrize("given", ["photo.jpg", None, [[1, 2, 3]]])
def test_what_is_no_array_is_no_picture(given):
    with pytest.raises(CvappError, match=f"this is a {type(given).__name__}; images.read reads a file"):
        images.fit(given, Images(size=(32, 32)))
