"""A video in one file that grows by pieces: what is in it stays playable, whatever ends the process.

A writer of OpenCV holds back 256 kB, and an MP4 has no index until it is closed: a killed process would leave a file that no player opens. So a
recording is written as short MP4 or QuickTime videos, and each is added to one file once it is whole:

    ftyp, then for each piece: mdat (its frames), free (its index, the moov box), and at the end moov, the index of all (ISO/IEC 14496-12).
"""

import contextlib
import os
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple

import numpy as np

try:
    import fcntl
except ModuleNotFoundError:  # Windows does not let anybody remove a file that is open
    fcntl = None  # type: ignore[assignment]

TREE = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"}  # boxes that hold boxes
DURATIONS = {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16, b"elst": 8}  # boxes of version 0 with a duration: where in their body it stands


class Box(NamedTuple):
    """A box: its four letters, where its body starts, and where it ends."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Index:
    """Where the frames of one piece are.

    Args:
        start: of the first frame, in bytes from the beginning of the file.
        sizes: of the frames, which follow one another.
        keys: frames that need no other, counted from 1; all of them where None.
        moov: the body of the piece's own index.
    """

    start: int
    sizes: list[int]
    keys: list[int] | None
    moov: bytes


class Pieces:
    """The file, while a recording lasts.

    Attributes:
        path: where it is.
        count: frames in it.
        size: bytes of it.
    """

    def __init__(self, path: Path):
        self.count, self.size = 0, 0
        self.path = path
        self._file = open(path, "w+b")
        self._last: Path | None = None
        self._syncing: threading.Thread | None = None
        while not lock(self._file):  # another process looks whether this is what a killed one left
            time.sleep(0.01)

    def add(self, piece: Path) -> None:
        """Add a piece, a whole video, and have it written to the disk.

        Raises:
            OSError: the disk is full; what was added before stays.
            ValueError: it is no whole video.
        """
        if piece == self._last:
            return  # Ctrl-C came just after it was added
        data = piece.read_bytes()
        boxes = {box.kind: data[box.start : box.end] for box in _boxes(data)}
        frames = len(_index(0, boxes[b"moov"]).sizes) if {b"ftyp", b"mdat", b"moov"} <= boxes.keys() else 0
        if not frames:
            raise ValueError(f"{piece}: no whole video")
        head = _box(b"ftyp", boxes[b"ftyp"]) if not self.size else b""
        self._file.seek(self.size)
        self._file.truncate()  # an attempt that was interrupted
        self._file.write(head + _box(b"mdat", boxes[b"mdat"]) + _box(b"free", boxes[b"moov"]))
        self._file.flush()
        self.size, self.count, self._last = self._file.tell(), self.count + frames, piece
        self._sync()

    def _sync(self) -> None:
        """Let what was written reach the disk, in a thread of its own: that takes a slow disk a while, and the camera does not wait."""
        if self._syncing is None or not self._syncing.is_alive():
            self._syncing = threading.Thread(target=_sync, args=(self._file.fileno(),), daemon=True)
            self._syncing.start()

    def finish(self) -> None:
        """Make it a video."""
        finish(self._file)
        self._file.flush()

    def close(self) -> None:
        """Close the file, and let others have it."""
        if self._syncing is not None:
            self._syncing.join()
        self._file.close()


def _sync(number: int) -> None:
    with contextlib.suppress(OSError):  # a disk that does not do so
        os.fsync(number)


def lock(file: BinaryIO) -> bool:
    """Lock an open file for as long as it is open, and its process lives; whether no other process, and no one here, holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def finish(file: BinaryIO) -> int:
    """Write the index of all pieces behind them, so that the file is an MP4 or QuickTime video; how many frames it has.

    What stands behind the last whole piece, of a process that was killed, is cut off. A file without a whole piece is left as it is: 0.
    """
    pieces, end = _read(file)
    if pieces:
        moov = _box(b"moov", _index_of_all(pieces))
        file.seek(end)
        file.truncate()
        file.write(moov)
    return sum(len(piece.sizes) for piece in pieces)


def _read(file: BinaryIO) -> tuple[list[Index], int]:
    """The whole pieces of a file, and where the last one ends."""
    found: list[Index] = []
    total, end = os.fstat(file.fileno()).st_size, 0
    frames: Box | None = None
    for box in _boxes_of(file, total):
        if box.kind == b"mdat":
            frames = box
        elif box.kind == b"free" and frames is not None:
            file.seek(box.start)
            try:
                piece = _index(frames.start, file.read(box.end - box.start))
            except (ValueError, KeyError, struct.error):
                break
            if sum(piece.sizes) > frames.end - frames.start:
                break
            found.append(piece)
            frames, end = None, box.end
        elif box.kind != b"ftyp" or end:
            break
    return found, end


def _boxes_of(file: BinaryIO, total: int) -> Iterator[Box]:
    """The outermost boxes of a file that are whole."""
    place = 0
    while place + 8 <= total:
        file.seek(place)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size < 8 or place + size > total:
            return
        yield Box(kind, place + 8, place + size)
        place += size


def _boxes(data: bytes) -> Iterator[Box]:
    """The boxes in a body that are whole."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        if size < 8 or place + size > len(data):
            return
        yield Box(kind, place + 8, place + size)
        place += size


def _index(start: int, moov: bytes) -> Index:
    """What a piece's own index says."""
    leaves = dict(_leaves(moov))
    size, count = struct.unpack_from(">II", leaves[b"stsz"], 4)
    sizes = [size] * count if size else list(_numbers(leaves[b"stsz"], 8, count))
    keys = None
    if b"stss" in leaves:
        keys = list(_numbers(leaves[b"stss"], 4, *struct.unpack_from(">I", leaves[b"stss"], 4)))
    return Index(start, sizes, keys, moov)


def _numbers(body: bytes, before: int, count: int) -> tuple[int, ...]:
    """So many numbers of a table, behind the count that stands `before` bytes after its beginning."""
    return struct.unpack_from(f">{count}I", body, before + 4)


def _leaves(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All boxes that hold no others."""
    for box in _boxes(body):
        inner = body[box.start : box.end]
        if box.kind in TREE:
            yield from _leaves(inner)
        else:
            yield box.kind, inner


def _index_of_all(pieces: list[Index]) -> bytes:
    """The body of the moov box: that of the first piece, with the tables and the duration of all."""
    counts, first = [len(piece.sizes) for piece in pieces], dict(_leaves(pieces[0].moov))
    total, step = sum(counts), struct.unpack_from(">I", first[b"stts"], 12)[0]
    runs = [(place + 1, count, 1) for place, count in enumerate(counts) if place == 0 or count != counts[place - 1]]
    before = np.cumsum([0, *counts]).tolist()
    keys = [start + key for start, piece in zip(before, pieces) for key in piece.keys or range(1, len(piece.sizes) + 1)]
    tables = {
        b"stts": struct.pack(">III", 1, total, step),
        b"stss": struct.pack(f">{len(keys) + 1}I", len(keys), *keys),
        b"stsc": struct.pack(f">{3 * len(runs) + 1}I", len(runs), *(number for run in runs for number in run)),
        b"stsz": struct.pack(f">{total + 2}I", 0, total, *(size for piece in pieces for size in piece.sizes)),
        b"stco": struct.pack(f">I{len(pieces)}Q", len(pieces), *(piece.start for piece in pieces)),
    }
    scale, movie_scale = (struct.unpack_from(">I", first[kind], 12)[0] for kind in (b"mdhd", b"mvhd"))
    duration = total * step
    return _edited(pieces[0].moov, tables, duration, duration * movie_scale // scale)


def _edited(body: bytes, tables: dict[bytes, bytes], duration: int, movie_duration: int) -> bytes:
    """The boxes of a body with other tables and durations; the places of the pieces take 64 bits (co64 for stco)."""
    made = b""
    for kind, start, end in _boxes(body):
        inner = body[start:end]
        if kind in TREE:
            inner = _edited(inner, tables, duration, movie_duration)
        elif kind in tables:
            inner = bytes(4) + tables[kind]  # version and flags
        elif kind in DURATIONS:
            lasts, place = duration if kind == b"mdhd" else movie_duration, DURATIONS[kind]
            inner = inner[:place] + struct.pack(">I", min(lasts, 2**32 - 1)) + inner[place + 4 :]
        made += _box(b"co64" if kind == b"stco" else kind, inner)
    return made


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
