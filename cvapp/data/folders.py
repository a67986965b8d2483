"""Class folders, with or without train/, val/ and test/ inside; and which kind of source a path is."""

import contextlib
import dataclasses
import os
from collections import defaultdict
from pathlib import Path
from typing import Iterable

from cvapp.data import idx, tables
from cvapp.data.labels import alike, label_of
from cvapp.data.listing import Listing, Photo, files_below, part_named
from cvapp.errors import CvappError, Exit
from cvapp.picture_files import Files, below, pictures, wrong_suffix

_SIDE_FILES = {"split.csv", "thumbs.db", "desktop.ini", "readme.md", "readme.txt", "license", "truth.csv"}


def scan(source: str | Path, loose: bool = False) -> Listing:
    """List a source of data: a folder of class folders, a CSV of path and label, or a folder of the four MNIST-style idx files.

    Args:
        source: the folder or file.
        loose: take a folder of photos without class folders too, as one class of the folder's name.

    Raises:
        CvappError: no such place, or nothing in it that can be used (exit 3).
    """
    path = Path(source)
    if path.suffix.lower() in tables.SUFFIXES and not os.path.isdir(path):
        listing = tables.scan(path)
    elif not os.path.isdir(path):
        wanted = f"give a folder of class folders, such as {path}/cats/1.jpg, or a CSV of path,label"
        raise CvappError(f"no folder {path}: {wanted}", Exit.BAD_DATA)
    else:
        listing = idx.scan(path) if idx.present(path) else _class_folders(path, loose)
    return dataclasses.replace(listing, notes=(*listing.notes, *look_alike(listing.labels)))


def look_alike(labels: Iterable[str]) -> list[str]:
    """A line about each group of different labels that look alike."""
    return [f"classes {' and '.join(map(repr, group))} look alike; if they are one, give it one name" for group in alike(labels)]


def _class_folders(folder: Path, loose: bool) -> Listing:
    """List DIR/CLASS/photo.jpg or DIR/train/CLASS/photo.jpg. Hidden files and cvapp's own are passed over.

    What lies in a photo's place and cannot be opened is listed too: its class must not be lost without a word.
    """
    found = below(folder)
    parted = _parted(folder, found)
    photos: list[Photo] = []
    stray = _hidden_classes(folder, found, parted)
    spellings: dict[str, set[str]] = defaultdict(set)
    for path in sorted((*found.usable, *found.unusable)):
        pieces = path.relative_to(folder).parts
        if path.name.lower() in _SIDE_FILES:
            continue
        part = part_named(pieces[0]) if parted and len(pieces) > 1 else None
        inner = pieces[1:] if part else pieces
        name = path.relative_to(folder).as_posix()
        wrong = "lies beside train/; move it into train/, val/ or test/" if parted and not part else _why_not(path, inner, folder)
        if wrong or os.path.isdir(path):
            stray[name] = found.unusable.get(path) or wrong or ""
        else:
            photos.append(Photo(name, label_of(inner[0]), part))
            spellings[label_of(inner[0])].add(inner[0])
    if loose and not photos:
        photos = [Photo(name, _name_of(folder)) for name in stray if "/" not in name and not wrong_suffix(Path(name))]
        stray = {name: wrong for name, wrong in stray.items() if name not in {photo.name for photo in photos}}
    if not photos:
        first = next(iter(stray.items()), None)
        there = f"{len(stray)} files but none that can be used, such as {first[0]}: {first[1]}" if first else "nothing"
        raise CvappError(f"{folder}: expected class folders with photos, {folder}/CLASS/photo.jpg; found {there}", Exit.BAD_DATA)
    notes = (
        f"class {label!r} has {len(some)} folders, whose names differ in how accents or blanks around them are written: they are one class"
        for label, some in spellings.items()
        if len(some) > 1
    )
    return Listing(folder, folder, photos, stray, files_below(folder), folder / "split.csv", (*notes, *_empty_classes(folder, found, parted)))


def _parted(folder: Path, found: Files) -> bool:
    """Whether folders within train/ are the classes; one that cannot be read is taken for it too."""
    places = [path.relative_to(folder).parts for path in (*found.usable, *found.unusable, *(path / "photo" for path in found.empty))]
    closed = {path.relative_to(folder).parts for path in found.unusable if os.path.isdir(path)}
    return any(part_named(pieces[0]) == "train" and (len(pieces) > 2 or pieces in closed) for pieces in places)


def _class_level(folder: Path, paths: Iterable[Path], parted: bool) -> list[Path]:
    """Those of some folders that lie where class folders do."""
    pieces = {path: path.relative_to(folder).parts for path in paths}
    return [path for path, some in pieces.items() if len(some) == 1 + parted and (not parted or part_named(some[0]))]


def _hidden_classes(folder: Path, found: Files, parted: bool) -> dict[str, str]:
    """Hidden folders in the place of class folders that hold pictures, by name, with the reason why they are not used."""
    stray = {}
    for path in _class_level(folder, found.hidden, parted):
        with contextlib.suppress(CvappError):
            if count := len(pictures(path, deep=False).usable):
                stray[path.relative_to(folder).as_posix()] = f"a hidden folder with {count} pictures; if it is a class, rename it without the dot"
    return stray


def _empty_classes(folder: Path, found: Files, parted: bool) -> list[str]:
    empty = [path.relative_to(folder).as_posix() for path in _class_level(folder, found.empty, parted) if path.name not in _SIDE_FILES]
    return [f"{name}/ is empty: it makes no class" for name in empty]


def _name_of(folder: Path) -> str:
    """The class of photos that lie in a folder without class folders."""
    try:
        return label_of(folder.resolve().name)
    except ValueError:
        return "photos"


def _why_not(path: Path, inner: tuple[str, ...], folder: Path) -> str | None:
    """Why a file is no example by its place or suffix, or None."""
    if wrong := wrong_suffix(path):
        return wrong
    if len(inner) == 1:
        return "lies in no class folder; move it into one"
    try:
        label_of(inner[0])
    except ValueError as error:
        return f"lies in a folder whose name cannot be a label: {error}; rename the folder"
    if len(inner) > 2:
        return f"lies {len(inner) - 1} folders deep; expected {folder.name}/CLASS/photo{path.suffix}"
    return None
