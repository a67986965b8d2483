"""How the HEIC files beside this one were made: `python -m tests.heic.make`, with heif-enc 1.15 (Debian: apt-get install libheif-examples)."""

import io
import struct
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HERE = Path(__file__).parent


def photo() -> np.ndarray:
    """96 high, 128 wide: red grows to the right, green downwards; a yellow disc and a dark sheet. No two of its turns are the same."""
    y, x = np.mgrid[:96, :128]
    rgb = np.stack([2 * x, 5 * y // 2, np.full_like(x, 90)], -1).astype(np.uint8)
    rgb[(x - 40) ** 2 + (y - 30) ** 2 < 500] = 230, 220, 40
    rgb[56:88, 72:120] = 20, 30, 70
    return rgb


def grey() -> np.ndarray:
    """48 high, 64 wide, in one channel: heif-enc makes a grid of so small a picture, as phones do of large ones."""
    y, x = np.mgrid[:48, :64]
    return (2 * x + 2 * y).astype(np.uint8)


def alpha() -> np.ndarray:
    """Opaque at the left, clear at the right."""
    return np.broadcast_to(255 - 2 * np.arange(128), (96, 128)).astype(np.uint8)


def display_p3() -> bytes:
    """A small ICC profile (ICC.1:2001-04) with the primaries of Display P3 under D50 and a gamma of 2.2."""
    primaries = (0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407)
    fixed = [round(65536 * value) for value in (*primaries, 0.96420, 1, 0.82491)]
    xyz = [struct.pack(">4s4x3i", b"XYZ ", *fixed[at : at + 3]) for at in (0, 3, 6, 9)]
    curve = struct.pack(">4s4xIH2x", b"curv", 1, round(2.2 * 256))
    words = struct.pack(">4s4xI11s81x", b"desc", 11, b"Display P3\0") + struct.pack(">4s4x4s", b"text", b"CC0\0")
    bodies = {b"rXYZ": xyz[0], b"gXYZ": xyz[1], b"bXYZ": xyz[2], b"wtpt": xyz[3], b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
              b"desc": words[:-12], b"cprt": words[-12:]}  # fmt: skip
    table, body, at = struct.pack(">I", len(bodies)), b"", 132 + 12 * len(bodies)
    for name, one in bodies.items():
        table += struct.pack(">4sII", name, at + len(body), len(one))
        body += one
    kind = struct.pack(">4xI4s4s4s12x4s28x3i48x", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp", *fixed[9:])
    return struct.pack(">I", 4 + len(kind) + len(table) + len(body)) + kind + table + body


def jpeg(orientation: int = 6) -> bytes:
    """The photo as a phone's JPEG: Display P3, and an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(photo()).save(stream, "JPEG", quality=95, subsampling=0, exif=exif, icc_profile=display_p3())
    return stream.getvalue()


def main() -> None:
    """Write the files."""
    deep = np.dstack([photo()[..., ::-1], alpha()]).astype(np.uint16) * 257
    sources = {
        "photo": (jpeg(), ".jpg", ["-t", "32"]),  # Display P3, EXIF orientation 6, a thumbnail
        "grey": (cv2.imencode(".png", grey())[1].tobytes(), ".png", []),
        "grey_10_bit": (cv2.imencode(".png", grey().astype(np.uint16) * 257)[1].tobytes(), ".png", ["-b", "10"]),
        "alpha_10_bit": (cv2.imencode(".png", deep)[1].tobytes(), ".png", ["-b", "10"]),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (data, suffix, options) in sources.items():
            source = Path(folder, name + suffix)
            source.write_bytes(data)
            subprocess.run(["heif-enc", "-q", "80", *options, source, "-o", HERE / f"{name}.heic"], check=True)


if __name__ == "__main__":
    main()
