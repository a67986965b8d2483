"""Sensor dumps without a header: the caller says their size, bits and pattern."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.files import special
from cvapp.images import read_bytes
from cvapp.isp.shapes import PATTERNS
from cvapp.limits import check_size

BITS = (8, 10, 12, 14, 16)
EXAMPLE = "640x480,12,RGGB"
_GROUPS = {10: 4, 12: 2, 14: 4}  # values that share their last bytes (MIPI CSI-2 1.3, 11.4.3 to 11.4.5)
_LAYOUT = re.compile(r"(\d{1,6})[xX](\d{1,6}),(\d{1,2}),([A-Za-z]{4})")


@dataclass(frozen=True)
class Layout:
    """How a dump without a header is laid out.

    Args:
        size: (height, width) in pixels.
        bits: of a value, 8, 10, 12, 14 or 16.
        pattern: of the color filter array, from the top left.
    """

    size: tuple[int, int]
    bits: int
    pattern: str

    @property
    def lengths(self) -> dict[int, bool]:
        """Bytes of a file of this layout, and whether its values are packed as MIPI CSI-2 does, or take one or two bytes each."""
        count = self.size[0] * self.size[1]
        plain = {count * (1 if self.bits == 8 else 2): False}
        group = _GROUPS.get(self.bits)
        packed = {count // group * (group * self.bits // 8): True} if group and self.size[1] % group == 0 else {}
        return packed | plain


def layout_of(text: str) -> Layout:
    """Read `WxH,bits,PATTERN` (exit 2 where it is written otherwise)."""
    found = _LAYOUT.fullmatch(text.replace(" ", ""))
    bits, pattern = (int(found[3]), found[4].upper()) if found else (0, "")
    if found is None or bits not in BITS or pattern not in PATTERNS:
        allowed = f"bits {', '.join(map(str, BITS))} and a pattern {', '.join(PATTERNS)}"
        raise CvappError(f"--raw {text}: give WIDTHxHEIGHT,BITS,PATTERN with {allowed}, such as --raw {EXAMPLE}")
    return Layout((int(found[2]), int(found[1])), bits, pattern)


def read_dump(path: str | Path, layout: Layout) -> np.ndarray:
    """The values of a dump: uint16 (H, W), 0 to 2**bits - 1.

    Values of more than 8 bits take two bytes each, the lower first, or are packed as MIPI CSI-2 packs RAW10, RAW12 and RAW14: the upper 8 bits of
    each value of a group, then the lower bits of all of them. The file's length tells which.

    Raises:
        CvappError: another length than the layout has, values beyond its bits, or an absurd size (exit 3).
    """
    (height, width), bits = layout.size, layout.bits
    check_size(layout.size, path)
    _check_length(Path(path), layout)
    data = np.frombuffer(read_bytes(path), np.uint8)
    if layout.lengths[len(data)]:
        return _unpacked(data, bits).reshape(layout.size)
    values = data.astype(np.uint16) if bits == 8 else data.view("<u2").astype(np.uint16)
    highest = int(values.max())
    if highest >= 1 << bits:
        hint = f"; it uses {highest.bit_length()} bits, or its bytes are swapped"
        raise CvappError(f"{path}: holds values up to {highest}, but {bits} bits end at {(1 << bits) - 1}{hint}", Exit.BAD_DATA)
    return values.reshape(height, width)


def _check_length(path: Path, layout: Layout) -> None:
    """Refuse a file that is not as long as its layout asks for, before it is read (exit 3)."""
    if special(path) or not path.is_file():
        read_bytes(path)  # says why
    length = path.stat().st_size
    if length not in layout.lengths:
        wanted = " or ".join(f"{one} ({'packed' if packed else 'not packed'})" for one, packed in sorted(layout.lengths.items()))
        height, width = layout.size
        raise CvappError(
            f"{path}: {length} bytes, but {width}x{height} values of {layout.bits} bits take {wanted}; give the size and bits of the sensor",
            Exit.BAD_DATA,
        )


def _unpacked(data: np.ndarray, bits: int) -> np.ndarray:
    """Values of 10, 12 or 14 bits, uint16 (N,), from bytes in which their lower bits follow a group's upper ones."""
    group, low = _GROUPS[bits], bits - 8
    rows = data.reshape(-1, group * bits // 8)
    upper = rows[:, :group].astype(np.uint16) << low
    rest = np.zeros(len(rows), np.uint32)
    for place in range(group, rows.shape[1]):
        rest |= rows[:, place].astype(np.uint32) << (8 * (place - group))
    lower = rest[:, None] >> (low * np.arange(group, dtype=np.uint32)) & ((1 << low) - 1)
    return (upper | lower.astype(np.uint16)).ravel()
