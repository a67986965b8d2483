"""Folder trees and lists of any names, labels and contents: what is listed is used or named, and the check says what training will do."""

import csv
import io
import os
import tempfile
import unicodedata
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from hypothesis import given, strategies as st

from cvapp import names
from cvapp.data import parted
from cvapp.data.check import check
from cvapp.data.folders import _SIDE_FILES
from cvapp.errors import CvappError, Exit
from cvapp.recipe import Data
from tests.properties import examples

PICTURES = [cv2.imencode(".png", np.random.default_rng(seed).integers(0, 255, (9, 9, 3), np.uint8))[1].tobytes() for seed in range(16)]
LARGE = cv2.imencode(".png", np.random.default_rng(9).integers(0, 255, (12, 12, 3), np.uint8).repeat(6, 0).repeat(6, 1))[1].tobytes()
BAD = [b"", b"text", PICTURES[0][:40], b"\xff\xd8\xff\xe0\0\x10", b"II*\0\xff\xff\xff\xff", b"\0\0\0\x18ftypheic"]
SPECIAL = ["link to nowhere", "pipe", "folder", "circle"]
LETTERS = "aA1 .-_,;\"'\n\t\\e\u00e9\u0301\u00a0\u200b\u202e\u3000\u732b\ufb01\udcff"
WORDS = st.one_of(
    st.sampled_from(["a", "b", "A", "caf\u00e9", "cafe\u0301", "x" * 101, "stop sign", "stop  sign", ".c", "1", "\u202eab", "a\nb"]),
    st.text(LETTERS, min_size=1, max_size=5).filter(lambda word: word not in (".", "..")),
)
FOLDERS = st.one_of(st.sampled_from(["a", "b", "c", "train", "val", "test", "valid", "Train"]), WORDS)
FILES = st.builds(str.__add__, WORDS, st.sampled_from([".png", ".png", ".PNG", ".jpg", ".dng", ".txt", "", ".heic"]))
CONTENT = st.one_of(st.sampled_from([*PICTURES, *PICTURES, LARGE]), st.sampled_from(BAD), st.sampled_from(SPECIAL))
TREES = st.dictionaries(
    st.one_of(
        st.tuples(st.sampled_from("ab"), FILES),
        st.tuples(st.sampled_from(["train", "test", "val"]), st.sampled_from("ab"), FILES),
        st.lists(FOLDERS, max_size=3).flatmap(lambda folders: FILES.map(lambda name: (*folders, name))),
    ),
    CONTENT,
    min_size=1,
    max_size=14,
)


def base(parts) -> dict:
    """Four photos of two classes each, in these parts by turns: enough to train on."""
    places = [(*parts[at // 2 % len(parts)][:1], "ab"[at % 2], f"good {at}.png") for at in range(8 * len(parts))]
    return {pieces: PICTURES[at % 16] for at, pieces in enumerate(places)}


BASES = st.sampled_from([{}, *[base(parts) for parts in ([()], [()], [("train",), ("test",)], [("train",), ("val",)])]])


def lay(root: Path, tree) -> None:
    """Put a tree on disk; what collides with what is there already is left away."""
    for pieces, content in tree.items():
        path = root.joinpath(*pieces)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path):
                continue
            if content == "pipe":
                os.mkfifo(path)
            elif content == "folder":
                path.mkdir()
            elif isinstance(content, str):
                path.symlink_to("gone" if content == "link to nowhere" else path.name)
            else:
                path.write_bytes(content)
        except OSError:  # a file lies where a folder is wanted, or no file can bear the name
            continue


def visible(root: Path) -> set[str]:
    """Every entry below a folder that is no folder and not hidden, by an independent walk."""
    found = set()
    for place, inside, files in os.walk(root):
        inside[:] = [name for name in inside if name[0] != "."]
        found |= {(Path(place) / name).relative_to(root).as_posix() for name in files if name[0] != "." and name.lower() not in _SIDE_FILES}
    return found


def frozen(source: Path):
    """The division of a source, or the error that a person gets; nothing else comes."""
    try:
        return parted.freeze(source, Data(), 0)
    except CvappError as error:
        assert error.code == Exit.BAD_DATA and str(error) and "\n" not in str(error)
        return error


def checked(source: Path):
    """What the check finds, or the error that a person gets."""
    try:
        return check(source)
    except CvappError as error:
        assert error.code == Exit.BAD_DATA
        return error


def agree(source: Path):
    """The division, where there is one; the check says the same before it and after it, and so does a second division."""
    told = checked(source)
    made = frozen(source)
    if isinstance(made, CvappError):
        assert isinstance(told, CvappError) or told.wrong, f"called ready, but {made}"
        return None
    assert not isinstance(told, CvappError)
    assert told.unusable | told.left_out == made.left_out
    assert sum(told.photos.values()) - len(told.left_out) == len(made.rows)
    for row in made.rows:
        label = row.label
        assert label.isprintable() and 0 < len(label) <= 100 and label == label.strip() == unicodedata.normalize("NFC", label)
    text = made.file.read_bytes() if made.file else b""
    again = frozen(source)
    assert again.rows == made.rows and again.left_out == made.left_out and checked(source) == told
    assert text == (made.file.read_bytes() if made.file else b"")
    return made


@examples(40)
@given(BASES, TREES)
def test_of_class_folders_every_file_is_used_or_named(good, tree):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        lay(root, good | tree)
        made = agree(root)
        if made is not None:
            assert visible(root) <= {row.path for row in made.rows} | made.left_out.keys()


ROWS = st.lists(st.tuples(st.integers(0, 13), st.sampled_from(["as it is", "composed", "capitals", "other"]), WORDS, st.booleans()), max_size=16)


@examples(35)
@given(BASES, TREES, ROWS, st.sampled_from(",;\t"), st.sampled_from([None, "", "train", "test", "val", "dev"]), st.text(LETTERS, max_size=6))
def test_of_a_list_every_row_is_used_or_named(good, tree, rows, separator, part, rest):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        lay(root / "photos", {("p", *pieces[-1:]): content for pieces, content in (good | tree).items()})
        paths = [f"photos/p/{pieces[-1]}" for pieces in tree]
        spell = {"as it is": str, "composed": names.composed, "capitals": str.upper, "other": "x{}".format}
        written = [(f"photos/p/{name}", label) for *_, label, name in good]
        written += [(spell[how](paths[at % len(paths)]), "ab"[at % 2] if plain else label) for at, how, label, plain in rows]
        text = io.StringIO()
        table = csv.writer(text, delimiter=separator)
        table.writerow(["path", "label"] if part is None else ["path", "label", "part"])
        table.writerows([*row] if part is None else [*row, part if place % 3 else ""] for place, row in enumerate(written))
        (root / "list.csv").write_bytes((text.getvalue() + rest).encode(errors="replace"))
        made = agree(root / "list.csv")
        if made is not None and not rest:
            known = {names.key(name) for name in {row.path for row in made.rows} | made.left_out.keys()}
            for path, _ in written:
                path = path.encode(errors="replace").decode().strip()
                assert names.key(path) in known or names.key(str(PurePosixPath(path.replace("\\", "/")))) in known, path
