"""Which files a folder of Pascal VOC holds: each xml with the pictures that may be its own, and what its lists say."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Mapping, Sequence
from xml.etree.ElementTree import Element

from cvapp import names
from cvapp.data.formats.pictures import below, child, part_in, part_of_folder, part_of_path, relative
from cvapp.data.formats.texts import text_of
from cvapp.data.labels import label_of
from cvapp.data.listing import PARTS
from cvapp.errors import CvappError, Exit
from cvapp.files import ABSENT, no_file
from cvapp.picture_files import PICTURES

PHOTOS, SETS = "JPEGImages", "ImageSets/Main"
_HOMES = ("annotations", "jpegimages", "images")


@dataclass(frozen=True)
class VocFiles:
    """The files of a folder; an xml and its picture share a key, the path without the layout's own folder and without suffix.

    Args:
        root: the folder.
        there: all pictures.
        xmls: by key.
        pictures: by key, several where they differ in their suffix.
        parts: by key.
        wrong: why photos cannot be used, by key: two xmls, or lists that contradict themselves or miss an xml.
        labels: the classes, in the order that `labels.txt` gives.
    """

    root: Path
    there: list[Path]
    xmls: dict[str, Path]
    pictures: dict[str, list[Path]]
    parts: dict[str, str | None]
    wrong: dict[str, str]
    labels: list[str]


def find(root: Path) -> VocFiles:
    """List the files of a folder.

    Raises:
        CvappError: a list that is no text (exit 3).
    """
    home = child(root, "annotations")
    home = home if home and below(home, {".xml"}) else None
    found, there = below(home or root, {".xml"}), below(root, PICTURES)
    keys = _keys(root, found, there)
    xmls = {keys[path]: path for path in found}
    pictures: dict[str, list[Path]] = {key: [] for key in xmls}
    for path in there:
        pictures.setdefault(keys[path], []).append(path)
    twice = [(path, xmls[keys[path]]) for path in found if xmls[keys[path]] != path]
    lists = [path for path in below(root, {".txt"}) if path.parent.parts[-2:] == PurePath(SETS).parts]
    parts, wrong = _parts(root, xmls, lists)
    if not lists:
        parts = {key: part_of_path(path.relative_to(root)) for key, path in xmls.items()}
    for path, other in twice:
        wrong[keys[path]] = f"annotated twice, in {relative(path, root)} and in {relative(other, root)}; keep the one that is right"
    return VocFiles(root, there, xmls, pictures, parts, wrong, _labels(root))


def picture(element: Element, key: str, files: VocFiles) -> Path | None:
    """The picture that bears the xml's name, as the devkit has it; else the one that `<filename>` names, if it is there.

    Raises:
        ValueError: several pictures bear the xml's name, and it names none of them.
    """
    named = (element.findtext("filename") or "").strip().replace("\\", "/").split("/")[-1]
    beside = files.pictures[key]
    if len(beside) > 1:
        meant = names.meant(named, [path.name for path in beside])
        beside = [path for path in beside if path.name in meant]
        if not beside:
            raise ValueError(f"{' and '.join(path.name for path in files.pictures[key])} bear its name, and <filename> names neither")
    elif not beside and named:
        folder = key.rpartition("/")[0]
        other = f"{folder}/{Path(named).stem}".strip("/")
        beside = [path for path in files.pictures.get(other, []) if path.name == named]
    return beside[0] if beside else None


def _keys(root: Path, xmls: list[Path], pictures: list[Path]) -> dict[Path, str]:
    """What each xml and its picture share: the path without suffix and without the folder that holds the one kind only."""
    kinds: dict[Path, set[str]] = defaultdict(set)
    for path in (*xmls, *pictures):
        for folder in path.relative_to(root).parents:
            kinds[folder].add("xml" if path.suffix.lower() == ".xml" else "picture")
    return {path: _key(path.relative_to(root).with_suffix(""), kinds) for path in (*xmls, *pictures)}


def _key(inner: Path, kinds: Mapping[Path, set[str]]) -> str:
    pieces = inner.parts
    first = [place for place in range(len(pieces) - 1) if len(kinds[Path(*pieces[: place + 1])]) == 1 and len(kinds[Path(*pieces[:place])]) > 1]
    alone = 0 if len(pieces) > 1 and pieces[0].lower() in _HOMES else next(iter(first), None)
    if alone is None or part_of_folder(pieces[alone]):
        return "/".join(pieces)
    return "/".join(pieces[:alone] + pieces[alone + 1 :])


def _parts(root: Path, xmls: Mapping[str, Path], lists: Sequence[Path]) -> tuple[dict[str, str | None], dict[str, str]]:
    """The part of each key by the lists; trainval, alone, is what one may train on. And what the lists contradict themselves in, or miss.

    A list speaks of the xmls below the folder that holds its ImageSets, such as VOCdevkit/VOC2012.
    """
    known = names.Known(xmls)
    listed: dict[str, list[str]] = {}
    for word, path in ((word, path) for word in (*PARTS, "trainval") for path in lists if path.stem == word):
        home = "".join(f"{piece}/" for piece in path.relative_to(root).parts[:-3])
        for line in filter(None, map(str.strip, text_of(path).split("\n"))):
            key = _listed(home + line, known)
            if key and word not in listed.setdefault(key, []):
                listed[key].append(word)
    parts: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    for key, words in listed.items():
        own = [word for word in words if word != "trainval" or words[0] not in ("train", "val")]
        if key not in xmls:
            wrong[key] = f"{SETS}/{own[0]}.txt lists it, but it has no xml"
        elif len(own) > 1:
            wrong[key] = f"listed in {own[0]}.txt and in {own[1]}.txt; keep it in one"
        parts[key] = part_in(own[0])
    return parts, wrong


def _listed(said: str, known: names.Known) -> str:
    """The key that a line of a list means; the line itself where there is none, or several look like it."""
    bare = re.sub(r"\s+-?[01]$", "", said)  # the lists of one class say 1, 0 or -1 behind the name
    stem = str(Path(bare).with_suffix("")) if Path(bare).suffix.lower() in PICTURES else bare
    return next((meant[0] for form in (said, bare, stem) if len(meant := known.meant(form)) == 1), stem)


def _labels(root: Path) -> list[str]:
    path = root / "labels.txt"
    try:
        return [label_of(line) for line in text_of(path).split("\n") if line.strip()] if no_file(path) != ABSENT else []
    except ValueError as error:
        raise CvappError(f"{path}: {error}; write a class a line", Exit.BAD_DATA) from error
