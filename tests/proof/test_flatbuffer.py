"""Tables come back as they were written, around what was there before, and a damaged one is a ValueError."""

import struct

import numpy as np
import pytest

from cvapp.proof.flatbuffer import ALIGNMENT, LONGEST_TEXT, MOST_TABLES, Kept, Table, build

FIELDS = {
    0: "tree ü",
    1: np.uint8(7),
    3: np.float32(0.5),
    4: np.array([1, 2, 3], "<f4"),
    5: b"\1\2\3",
    6: [{0: "a"}, {}],
    7: {1: np.int8(-2)},
}


def test_every_kind_of_field_comes_back():
    data = build(FIELDS, b"TEST")
    table = Table.root(data, b"TEST")
    assert (table.text(0), table.number(1, "B"), table.number(3, "f")) == ("tree ü", 7, 0.5)
    assert table.numbers(4, "f") == (1, 2, 3) and table.bytes(5) == b"\1\2\3"
    assert [part.text(0) for part in table.tables(6)] == ["a", ""]
    assert table.table(7).number(1, "b") == -2
    assert len(data) % ALIGNMENT == 0 and data.index(b"\1\2\3") % ALIGNMENT == 0


def test_what_is_absent_is_nothing():
    table = Table.root(build(FIELDS, b"TEST"), b"TEST")
    for absent in (2, 99):
        assert (table.text(absent), table.number(absent, "I"), table.bytes(absent), list(table.tables(absent))) == ("", 0, b"", [])
    with pytest.raises(ValueError, match="has no part 2"):
        table.table(2)
    with pytest.raises(ValueError, match="part 6 is not a list of one"):
        table.only(6)


def test_new_tables_point_into_the_old_file_behind_them():
    old = build({0: "old", 1: [{0: "first"}, {0: "second"}]}, b"OLD!")
    before = Table.root(old, b"OLD!")
    parts = [Kept(part.place) for part in before.tables(1)]
    data = build({0: "new", 1: [*reversed(parts), {0: "third"}], 2: Kept(before.target(0))}, b"NEW!") + old
    table = Table.root(data, b"NEW!")
    assert [part.text(0) for part in table.tables(1)] == ["second", "first", "third"]
    assert (table.text(0), table.text(2)) == ("new", "old")
    with pytest.raises(ValueError, match="points to byte"):  # the control: without the old file
        Table.root(data[: -len(old)], b"NEW!").text(2)


def test_whatever_points_outside_the_file_is_a_value_error():
    data, refused, whole = build(FIELDS, b"TEST"), 0, 0
    for place in range(0, len(data), 4):
        for odd in (0, 1, 1 << 31, (1 << 32) - 1, 1 << 20):
            table = struct.pack("<I", odd)
            try:
                root = Table.root(data[:place] + table + data[place + 4 :], b"TEST")
                root.text(0), root.numbers(4, "f"), root.bytes(5), [part.text(0) for part in root.tables(6)], root.table(7).number(1, "b")
                whole += 1
            except ValueError:
                refused += 1
    assert refused > 50 and whole > 0 and refused + whole == 5 * len(range(0, len(data), 4))


def test_a_list_or_a_text_made_to_keep_its_reader_busy_is_refused():
    with pytest.raises(ValueError, match=f"a text of {LONGEST_TEXT + 1} bytes"):
        Table.root(build({0: "x" * (LONGEST_TEXT + 1)}, b"TEST"), b"TEST").text(0)
    with pytest.raises(ValueError, match=f"a list of {MOST_TABLES + 1} tables"):
        Table.root(build({0: np.zeros(MOST_TABLES + 1, "<u4")}, b"TEST"), b"TEST").tables(0)
