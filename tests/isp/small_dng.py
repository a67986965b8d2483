"""A DNG of a few pixels, written by hand (DNG 1.6, TIFF 6.0): what LibRaw reads from it is known."""

import struct

import numpy as np

BLACK, WHITE = 512, 4096 + 512
CAMERA = np.array([[0.7, -0.1, -0.1], [-0.4, 1.2, 0.2], [-0.05, 0.2, 0.6]])  # XYZ to camera


def dng(values: np.ndarray, pattern: str = "RGGB", orientation: int = 1, neutral: tuple = (500, 1000, 625), **changes: int) -> bytes:
    """The bytes of a DNG whose sensor values are uint16 (H, W); `changes` such as `tag256=60000` tell lies."""
    height, width = values.shape
    ratios = [int(part) for value in CAMERA.ravel() for part in (round(value * 10000), 10000)]
    entries = {
        254: ("I", 0), 256: ("I", width), 257: ("I", height), 258: ("H", 16), 259: ("H", 1), 262: ("H", 32803),
        271: ("s", b"House\0"), 272: ("s", b"Model\0"), 273: ("I", 0), 274: ("H", orientation), 277: ("H", 1), 278: ("I", height),
        279: ("I", values.size * 2), 284: ("H", 1), 33421: ("H", 2, 2), 33422: ("B", *("RGB".index(letter) for letter in pattern)),
        50706: ("B", 1, 4, 0, 0), 50708: ("s", b"House Model\0"), 50714: ("H", BLACK), 50717: ("H", WHITE),
        50721: ("i", *ratios), 50728: ("I", *(part for value in neutral for part in (value, 1000))), 50778: ("H", 21),
    }  # fmt: skip
    entries |= {int(name[3:]): ("I", value) for name, value in changes.items()}
    start = 8 + 2 + 12 * len(entries) + 4
    extra, table = b"", b""
    for tag in sorted(entries):
        kind, *numbers = entries[tag]
        data = numbers[0] if kind == "s" else struct.pack(f"<{len(numbers)}{kind}", *numbers)
        code = {"s": 2, "B": 1, "H": 3, "I": 5 if tag == 50728 else 4, "i": 10}[kind]
        count = len(data) if kind == "s" else len(numbers) // (2 if code in (5, 10) else 1)
        place = 1024 if tag == 273 else None  # the pixels
        if place is None and len(data) > 4:
            place, extra = start + len(extra), extra + data
        table += struct.pack("<HHI", tag, code, count) + (struct.pack("<I", place) if place is not None else data.ljust(4, b"\0"))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + extra
    return head.ljust(1024, b"\0") + values.astype("<u2").tobytes()
