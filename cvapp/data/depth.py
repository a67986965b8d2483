"""Files of 16 bits that use few of them: microscopes, X-ray and depth cameras write 10, 12 or 14 bits, and a model would see them black."""

from typing import Mapping

import numpy as np

from cvapp.decoding import DEEP, highest
from cvapp.headers import Header

FULL = 65535
BRIGHT = 1 << 14  # a picture with values from here on, of 65535, is not told: it may just be a dark one
BLACK = 1 << 12  # below, none of what a model would see is lighter than 15 of 255


def low_peak(data: bytes, header: Header, picture: np.ndarray) -> int:
    """The largest value, 1..16383, that a file of 16 bits uses; 0 where it uses more of them, or has fewer.

    Args:
        data: the file's bytes.
        header: what they say.
        picture: as decoded, uint8 RGB (H, W, 3).
    """
    if DEEP not in header.notes or (not header.alpha and picture.max() > BRIGHT >> 8):
        return 0
    found = highest(data)
    return found if found < BRIGHT else 0


def bits_of(peaks: Mapping[str, int]) -> int:
    """The `images.bits`, 8 to 14, that hold all of some files whose largest values are these."""
    return max(8, max(peaks.values(), default=0).bit_length())


def dark_notes(peaks: Mapping[str, int]) -> dict[str, str]:
    """What to say of files by their largest values; those with 0 are passed over. One `images.bits` serves all: they are of one camera."""
    low = {name: peak for name, peak in peaks.items() if peak}
    advice = f"--set images.bits={bits_of(low)} stretches it"
    looks = {name: "almost black" if peak < BLACK else "dark" for name, peak in low.items()}
    return {name: f"uses only values up to {peak} of {FULL}: it looks {looks[name]}; {advice}" for name, peak in low.items()}


def dark_line(peaks: Mapping[str, int]) -> list[str]:
    """A line about all files that are told of by `dark_notes`; none where there are none."""
    notes = dark_notes(peaks)
    if not notes:
        return []
    name, note = min(notes.items())
    return [f"{name}: {note}" if len(notes) == 1 else f"{len(notes)} photos use few of their 16 bits, such as {name}: {note}"]
