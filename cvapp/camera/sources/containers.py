"""What the bytes of a video file tell without decoding: whether it was cut off, whether it holds pictures at all.

OpenCV's count of the frames is a guess (duration times a guessed rate) for most containers, so it cannot tell a cut file from a whole one. The
boxes, chunks and tags of a container say how long they are; a file that ends within one of its frames was cut.
"""

import mmap
import struct
from pathlib import Path
from typing import Iterator

Data = mmap.mmap | bytes
MP4_FIRST = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide")
SOUND = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1")  # MP3, FLAC, AAC
SEGMENT, CLUSTER, TRACKS, TRACK, TRACK_TYPE = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\x16\x54\xae\x6b", b"\xae", b"\x83"
BLOCKS = (CLUSTER, b"\xa3", b"\xa0")  # Matroska's elements that hold frames
ASF, ASF_DATA = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def what_is_missing(path: str | Path, frames: int, stated: int) -> str | None:
    """What to say of a video of which so many frames were read, where bytes of it are missing or damaged; None where all may be there.

    Args:
        path: the file.
        frames: that were read.
        stated: how many OpenCV says it holds: a fact for MP4, QuickTime and AVI, else a guess.
    """
    with open(path, "rb") as file:
        head = file.read(12)
    listed = stated if stated and (head[8:] == b"AVI " or sample_count(path) == stated) else None
    if (listed is None or frames < listed) and is_cut(path):
        if listed is None:
            return f"truncated, the file ends before what it announces, after {frames} frames"
        return f"truncated, it holds {frames} of its {listed} frames"
    if listed is not None and head[:4] != b"RIFF" and 0 < frames < 0.95 * listed - 1:  # AVI lists empty frames too
        return f"damaged, {frames} of its {listed} frames could be decoded"
    return None


def is_cut(path: str | Path) -> bool:
    """Whether a file ends within its frames by its container's own sizes; False where they do not tell (a broadcast, an unknown container)."""
    with open(path, "rb") as file:
        if not file.seek(0, 2):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _is_cut(data)
            except (struct.error, IndexError):  # it ends within a header: less than a frame is missing
                return False


def _is_cut(data: Data) -> bool:
    if data[4:8] in MP4_FIRST:
        return any(kind in (b"mdat", b"moof", b"moov") and end > len(data) for kind, _, end in boxes(data, 0, len(data)))
    if data[:4] == b"RIFF":
        return 8 + struct.unpack_from("<I", data, 4)[0] > len(data)
    if data[:4] == b"\x1aE\xdf\xa3":
        return any(kind in BLOCKS and end is not None and end > len(data) for kind, _, end in elements(data, 0, len(data)))
    if data[:3] == b"FLV":
        return _flv_is_cut(data)
    if data[:4] == b"GIF8":
        return _gif_is_cut(data)
    return data[:16] == ASF and _asf_is_cut(data)


def boxes(data: Data, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12): kind, where the body begins, where it ends, which may be behind the file."""
    while place + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, place + 8)[0], 16
        if size < head:  # 0: up to the end of the file
            return
        yield kind, place + head, place + size
        place += size


def elements(data: Data, place: int, end: int) -> Iterator[tuple[bytes, int, int | None]]:
    """The elements of a Matroska or WebM file (RFC 8794): kind, where the body begins, where it ends; None for a live recording's open end.

    Those of the segment, of its tracks and of a cluster with an open end follow it.
    """
    while place < end:
        kind = data[place : place + _width(data[place], 4)]
        place += len(kind)
        width = _width(data[place], 8)
        size = int.from_bytes(data[place : place + width], "big") & (1 << 7 * width) - 1
        place += width
        stop = None if size == (1 << 7 * width) - 1 else place + size
        yield kind, place, stop
        if kind not in (SEGMENT, TRACKS, TRACK) and stop is not None:
            place = stop


def _width(first: int, longest: int) -> int:
    """How many bytes a number of Matroska takes, by its first byte; an IndexError where it is none."""
    width = 9 - first.bit_length()
    if width > longest:
        raise IndexError("not Matroska")
    return width


def _flv_is_cut(data: Data) -> bool:
    place = struct.unpack_from(">I", data, 5)[0] + 4
    while place < len(data):
        kind = data[place] & 0x1F
        place += 11 + int.from_bytes(data[place + 1 : place + 4], "big")
        if kind not in (8, 9, 18):  # sound, picture, description
            return False
        if place > len(data):
            return True
        place += 4
    return False


def _gif_is_cut(data: Data) -> bool:
    place = 13 + _palette(data[10])
    while place < len(data) and data[place] in b"\x21\x2c":
        place += 2 if data[place] == 0x21 else 11 + _palette(data[place + 9])
        while place < len(data) and data[place]:
            place += 1 + data[place]
        if place >= len(data):
            return True
        place += 1
    return False


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _asf_is_cut(data: Data) -> bool:
    place = 0
    while place + 24 <= len(data):
        size = struct.unpack_from("<Q", data, place + 16)[0]
        if size < 24:  # a live recording
            return False
        if place + size > len(data):
            return data[place : place + 16] == ASF_DATA
        place += size
    return False


def sample_count(path: str | Path) -> int | None:
    """How many frames the index of an MP4 or QuickTime file lists, a fact; None for other files, and where an edit leaves some of them out."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _sample_count(data) if data[4:8] in MP4_FIRST else None
        except (struct.error, IndexError, KeyError, ZeroDivisionError):
            return None


def _sample_count(data: Data) -> int | None:
    movie = dict(_leaves(data, 0, len(data), (b"moov",)))
    for track in _tracks(data):
        if data[track[b"hdlr"] + 8 : track[b"hdlr"] + 12] != b"vide":
            continue
        lasts = _duration(data, track[b"mdhd"])
        if b"elst" in track and _edited(data, track[b"elst"]) / _duration(data, movie[b"mvhd"])[1] < 0.99 * lasts[0] / lasts[1]:
            return None
        return struct.unpack_from(">I", data, track[b"stsz"] + 8)[0] or None
    return None


def _tracks(data: Data) -> Iterator[dict[bytes, int]]:
    """Of each track, where the bodies of its boxes begin."""
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"moov":
            for inner, first, last in boxes(data, start, end):
                if inner == b"trak":
                    leaves = list(_leaves(data, first, last, (b"mdia", b"minf", b"stbl", b"edts")))
                    yield dict(reversed(leaves))  # QuickTime has a second hdlr, of the data


def _leaves(data: Data, place: int, end: int, within: tuple[bytes, ...]) -> Iterator[tuple[bytes, int]]:
    for kind, start, stop in boxes(data, place, end):
        if kind in within:
            yield from _leaves(data, start, stop, within)
        else:
            yield kind, start


def _duration(data: Data, start: int) -> tuple[int, int]:
    """The duration of an mvhd or mdhd box, and its units in a second."""
    units, lasts = struct.unpack_from(">IQ", data, start + 20) if data[start] else struct.unpack_from(">II", data, start + 12)
    return lasts, units


def _edited(data: Data, start: int) -> int:
    """How long all edits of an elst box are, pauses left out, in units of the movie."""
    count = struct.unpack_from(">I", data, start + 4)[0]
    rows = struct.iter_unpack(">Qqi" if data[start] else ">Iii", data[start + 8 : start + 8 + count * (20 if data[start] else 12)])
    return sum(lasts for lasts, first, _ in rows if first >= 0)


def why_no_video(path: str | Path) -> str | None:
    """What is wrong with a file that no decoder opens, as far as its bytes tell."""
    if not Path(path).stat().st_size:
        return "the file is empty (0 bytes); copy it again"
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            if _is_sound(data):
                return "it holds sound and no pictures; give a video"
            if data[:512].isascii() and b"\0" not in data[:512]:
                return "it is text, not a video; give a video"
        except (struct.error, IndexError, KeyError):
            pass
    if is_cut(path):
        return "truncated, and cannot be played without its end; copy it again"
    return None


def _is_sound(data: Data) -> bool:
    if data[4:8] in MP4_FIRST:
        kinds = {data[track[b"hdlr"] + 8 : track[b"hdlr"] + 12] for track in _tracks(data)}
        return b"soun" in kinds and b"vide" not in kinds
    if data[:4] == b"RIFF":
        return data[8:12] == b"WAVE" or data[8:12] == b"AVI " and b"auds" in data[:4096] and b"vids" not in data[:4096]
    if data[:4] == b"\x1aE\xdf\xa3":
        kinds = set()
        for kind, start, _ in elements(data, 0, len(data)):
            if kind == CLUSTER:
                break
            kinds |= {data[start]} if kind == TRACK_TYPE else set()
        return kinds == {2}
    if data[:3] == b"FLV":
        return data[4] & 5 == 4
    return data[:3] == b"ID3" or data[:2] in SOUND or data[:4] in SOUND or data[:4] == b"OggS" and b"theora" not in data[:4096]
