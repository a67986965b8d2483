"""Flatbuffers: tables read from bytes that may be damaged, and written around tables that stay where they are.

https://flatbuffers.dev/internals: a table starts with the distance back to its vtable, which holds the place of each of its
fields (0: absent); what is no number lies further on in the file, at a distance that the field holds.
"""

import struct
from itertools import islice
from typing import Any, Iterator, Mapping, NamedTuple

import flatbuffers
import numpy as np

ALIGNMENT = 16  # of the bytes that a table points to, wherever it ends up: XNNPACK reads weights in place
MOST_TABLES, LONGEST_TEXT = 100_000, 1 << 16  # beyond, a file is damaged, or made to keep its reader busy


class Kept(NamedTuple):
    """Something that already lies behind the new tables: its place in the old file."""

    place: int


# A table to write: by each field's number a NumPy scalar (which gives the number its width), a str, bytes, a flat array, a Kept,
# another table, or a list of tables.
Fields = Mapping[int, Any]


class Table(NamedTuple):
    """One table of a flatbuffer; whatever lies outside the file is a ValueError."""

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> "Table":
        """The table that a file starts with, once the file is of the kind that `identifier` names."""
        if data[4:8] != identifier:
            raise ValueError(f"starts with {data[4:8]!r}, not {identifier!r}")
        return cls(data, _follow(data, 0))

    def field(self, number: int) -> int | None:
        """Where a field lies in the file; None where the table has none."""
        vtable = self.place - _read(self.data, "i", self.place)
        if 4 + 2 * number >= _read(self.data, "H", vtable):
            return None
        shift = _read(self.data, "H", vtable + 4 + 2 * number)
        return self.place + shift if shift else None

    def number(self, number: int, kind: str) -> float:
        """A number, by its letter in `struct`; 0 where it is absent."""
        place = self.field(number)
        return 0 if place is None else _read(self.data, kind, place)

    def target(self, number: int) -> int | None:
        """Where the thing lies that a field points to."""
        place = self.field(number)
        return None if place is None else _follow(self.data, place)

    def table(self, number: int) -> "Table":
        """The table that a field points to."""
        place = self.target(number)
        if place is None:
            raise ValueError(f"has no part {number}")
        return Table(self.data, place)

    def bytes(self, number: int) -> bytes:
        """The bytes that a field points to; none where it is absent."""
        place, count = self._vector(number, 1)
        return self.data[place : place + count]

    def text(self, number: int) -> str:
        """The text that a field points to; empty where it is absent."""
        found = self.bytes(number)
        if len(found) > LONGEST_TEXT:
            raise ValueError(f"a text of {len(found)} bytes")
        return found.decode()

    def numbers(self, number: int, kind: str) -> tuple[float, ...]:
        """The numbers that a field points to, by their letter in `struct`."""
        place, count = self._vector(number, 4)
        return struct.unpack_from(f"<{count}{kind}", self.data, place)

    def tables(self, number: int) -> Iterator["Table"]:
        """The tables that a field points to, in order."""
        place, count = self._vector(number, 4)
        if count > MOST_TABLES:
            raise ValueError(f"a list of {count} tables")
        return (Table(self.data, _follow(self.data, place + 4 * index)) for index in range(count))

    def only(self, number: int) -> "Table":
        """The one table that a list of tables holds."""
        found = list(islice(self.tables(number), 2))
        if len(found) != 1:
            raise ValueError(f"part {number} is not a list of one")
        return found[0]

    def _vector(self, number: int, width: int) -> tuple[int, int]:
        """Where the first element of a vector lies, and how many there are."""
        place = self.target(number)
        if place is None:
            return 0, 0
        count = _read(self.data, "I", place)
        if place + 4 + count * width > len(self.data):
            raise ValueError(f"{count} values are said to follow byte {place}, the file ends before")
        return place + 4, count


def _read(data: bytes, kind: str, place: int) -> int:
    """One number of the file."""
    if not 0 <= place <= len(data) - struct.calcsize(kind):
        raise ValueError(f"points to byte {place} of {len(data)}")
    return struct.unpack_from(f"<{kind}", data, place)[0]


def _follow(data: bytes, place: int) -> int:
    """Where the distance at `place` leads."""
    return place + _read(data, "I", place)


def build(root: Fields, identifier: bytes) -> bytes:
    """A flatbuffer whose first table is `root`; where it holds `Kept` parts, the old file must follow it byte for byte.

    The length is a multiple of ALIGNMENT, so that what is aligned in the old file stays so.
    """
    builder = flatbuffers.Builder(1024)
    builder.minalign = ALIGNMENT
    builder.Finish(_put(builder, root), identifier)
    return bytes(builder.Output())


def _put(builder: flatbuffers.Builder, value: Any) -> int:
    """Write what a field points to; where it lies, as bytes before the end of the new tables (the builder writes backwards)."""
    if isinstance(value, Kept):
        return -value.place
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, bytes):
        builder.Prep(ALIGNMENT, len(value))
        return builder.CreateByteVector(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, Mapping):
        return _put_table(builder, value)
    places = [_put(builder, part) for part in value]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _put_table(builder: flatbuffers.Builder, fields: Fields) -> int:
    """Write a table; its parts first, in the order given."""
    places = {number: _put(builder, value) for number, value in fields.items() if not isinstance(value, np.generic)}
    builder.StartObject(max(fields, default=-1) + 1)
    for number, value in fields.items():
        if number in places:
            builder.PrependUOffsetTRelativeSlot(number, places[number], None)
        else:
            getattr(builder, f"Prepend{type(value).__name__.capitalize()}Slot")(number, value.item(), 0)
    return builder.EndObject()
