"""YOLO: a txt for each picture, a line `class x y width height` for each object, in shares of the frame, x and y being the centre.

`data.yaml` (Ultralytics: docs.ultralytics.com/datasets/detect) or `classes.txt`, `obj.names`; `images/{train,val,test}` and `labels/{...}`,
`train/images` and `train/labels`, lists `train.txt`, or each txt beside its picture. A picture without one is an example without objects,
unless there are label files without picture, or no picture of its part has any: then nobody knows. With `kpt_shape` in data.yaml, landmarks
follow: x y, or x y v. Of an outline or a turned box (class x y x y x y ...), the box around it is taken. What is written has one `images` folder
and lists of the parts, so names stay.
"""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from cvapp.data.boxed import Box, BoxedListing
from cvapp.data.formats import data_yaml, yolo_files, yolo_lines
from cvapp.data.formats.data_yaml import DataYaml
from cvapp.data.formats.matching import MATCHED, Files, Found, printable, told as matched
from cvapp.data.formats.pictures import below, part_of_path, plain, relative
from cvapp.data.formats.reading import LOST, NOWHERE, Draft, Told, listing
from cvapp.data.formats.texts import start_of, text_of
from cvapp.data.formats.writing import check_names, parted, size_of, stems
from cvapp.data.formats.yolo_files import is_list, label_file
from cvapp.data.listing import PARTS, part_named
from cvapp.errors import CvappError, Exit
from cvapp.files import ABSENT, no_file, write_text
from cvapp.picture_files import PICTURES
from cvapp.progress import Report, silent

PHOTOS = "images"


def read(folder: str | Path, report: Report = silent) -> BoxedListing:
    """List a YOLO folder, or the one of a `data.yaml`.

    Raises:
        CvappError: no classes, parts that are not there, or nothing that can be used (exit 3).
    """
    source = Path(folder)
    file = source if os.path.isfile(source) else yolo_files.yaml_in(source)
    home = source if os.path.isdir(source) and not file else file.parent if file else source.parent
    said = data_yaml.read(file) if file else DataYaml(yolo_files.classes(home))
    root = next((plain(path) for path in (home / said.path, home) if os.path.isdir(path)), home)
    notes: list[str] = []
    lists = _said(said, root, home, file, notes)
    lists = lists or _lists(root)
    there = below(root, PICTURES)
    stray: dict[Path, str] = {}
    parts = _parts(lists, Files(root, there), stray, notes)
    pictures = set(parts) | {path for path in there if path.is_relative_to(root / PHOTOS)} if lists else set(there)
    labels = _labels(root, sorted({*pictures, *there}), notes)
    part_of = {picture: parts.get(picture) if lists else part_of_path(Path(relative(picture, root))) for picture in sorted(pictures)}
    stray = {**_sharing(labels.of, root), **_unlabeled(part_of, labels.of, root), **stray}
    drafts = []
    for picture, part in ((picture, part) for picture, part in part_of.items() if picture not in stray):
        path = labels.of.get(picture)
        origin = relative(path or label_file(picture, root), root)
        try:
            if not path and labels.lonely:
                raise ValueError(f"is not there, while {labels.count()} no picture: it may be its; {LOST}")
            found = yolo_lines.read(text_of(path), said) if path else yolo_lines.Lines()
        except (ValueError, CvappError) as error:
            stray[picture] = f"{origin}: {str(error).removeprefix(f'{path.name}: ' if path else '')}"
            continue
        more = {"notes": tuple(found.notes), "lost": found.lost, "outlines": found.outlines}
        drafts.append(Draft(picture, origin, found.boxes, None, part, relative=True, **more))
    stray |= dict.fromkeys(labels.without, "has no picture")
    told = {draft.picture for draft in drafts} | set(stray)
    classes = list(dict.fromkeys(said.names[number] for number in sorted(said.names)))
    every = {*there, *(below(source, PICTURES) if os.path.isdir(source) else ())}
    return listing(Told(source, root, "yolo", drafts, classes, stray, tuple(notes), tuple(sorted(every - told))), report)


@dataclass(frozen=True)
class _Labels:
    """The label files of a set.

    Args:
        of: by picture.
        without: those without picture.
        lonely: those among them that hold objects, for people.
    """

    of: dict[Path, Path]
    without: list[Path]
    lonely: list[str]

    def count(self) -> str:
        """How many label files have ..., in words."""
        more = len(self.lonely) - 1
        return f"{self.lonely[0]} and {more} more have" if more else f"{self.lonely[0]} has"


def _labels(root: Path, pictures: list[Path], notes: list[str]) -> _Labels:
    """The label files below a root, each with its picture; that some are found by their names alone is noted."""
    texts = [path for path in below(root, {".txt"}) if path.name.lower() not in yolo_files.NAMES and not is_list(path)]
    known, elsewhere = yolo_files.pair(pictures, texts, root)
    if elsewhere:
        picture, path = next(iter(elsewhere.items()))
        count = f"{len(elsewhere)} label files are" if len(elsewhere) > 1 else "a label file is"
        notes.append(f"{count} {MATCHED}, such as {relative(path, root)} for {relative(picture, root)}")
    used = {*known.values(), *elsewhere.values()}
    full = [path for path in texts if path not in used and yolo_files.looks_like_labels(start_of(path))]
    without = [path for path in texts if path not in used and (path in full or yolo_files.is_labels(path.parent, root))]
    return _Labels({**elsewhere, **known}, without, [relative(path, root) for path in full])


def _sharing(labels: Mapping[Path, Path], root: Path) -> dict[Path, str]:
    """The reason for each picture whose label file is that of another too, such as a.jpg and a.png: nobody knows whose objects it holds."""
    sharing: dict[Path, list[Path]] = defaultdict(list)
    for picture, path in labels.items():
        sharing[path].append(picture)
    return {
        picture: f"{relative(path, root)}: {pictures[0].name} and {pictures[1].name} bear its name; rename one of them"
        for path, pictures in sharing.items()
        for picture in pictures
        if len(pictures) > 1
    }


def _unlabeled(part_of: Mapping[Path, str | None], labels: Iterable[Path], root: Path) -> dict[Path, str]:
    """The reason for each picture of a part that has no label file at all, while others have some: those were left behind."""
    labeled = {part_of.get(picture) for picture in labels}
    bare = set(part_of.values()) - labeled - {None}
    wrong = {}
    for picture in (picture for picture, part in part_of.items() if labeled and part in bare):
        home = relative(label_file(picture, root).parent, root)
        lost = f"{home} is not there" if not os.path.isdir(root / home) else f"no picture of {part_of[picture]} has a label file in {home}"
        wrong[picture] = f"{lost}; add the label files, empty ones for pictures without objects"
    return wrong


def _lists(root: Path) -> dict[str, list[Path]]:
    """The lists of pictures beside the folder's names, or those of the classes, by part."""
    named = yolo_files.names_file(root)
    homes = dict.fromkeys((root, named.parent if named else root))
    found = [path for home in homes for path in sorted(home.glob("*.txt")) if part_named(path.stem) and is_list(path)]
    lists = {part: [path for path in found if part_named(path.stem) == part] for part in PARTS}
    return {part: paths for part, paths in lists.items() if paths}


def _said(said: DataYaml, root: Path, home: Path, file: Path | None, notes: list[str]) -> dict[str, list[Path]]:
    """The folders and lists that data.yaml names by part; a test that is not there is noted, since Roboflow names one in any case."""
    lists: dict[str, list[Path]] = {}
    for part, words in said.parts.items():
        try:
            lists[part] = [_place(word, root, home, f"{file}: {part}", notes) for word in words]
        except CvappError:
            if part != "test" or len(said.parts) == 1:
                raise
            notes.append(f"test: {', '.join(words)[:200]} {NOWHERE}: there is no such part")
    return lists


def _place(word: str, root: Path, home: Path, where: str, notes: list[str]) -> Path:
    """A folder or list that data.yaml names; on another machine it had other folders above it, and some exporters put one `../` too many."""
    paths = [base / rest for rest in (word, word.removeprefix("../")) for base in (root, home)]
    found = next((path for path in paths if os.path.exists(path)), None)
    pieces = [piece for piece in word.replace("\\", "/").split("/") if piece not in ("", ".", "..")]
    while found is None and len(pieces) > 1 and not part_named(pieces[0]):
        pieces = pieces[1:]
        found = next((path for base in (root, home) if os.path.exists(path := base.joinpath(*pieces))), None)
        if found:
            notes.append(f"{where}: {word[:200]!r} is {MATCHED}: {relative(found, root)}")
    if found is None:
        raise CvappError(f"{where}: {word} is not there; it is looked for below {root}", Exit.BAD_DATA)
    return plain(found)


def _parts(lists: Mapping[str, Sequence[Path]], pictures: Files, stray: dict[Path, str], notes: list[str]) -> dict[Path, str | None]:
    """The part of each picture; none where two parts are one and the same list. Those that contradict themselves, or are missing, go astray."""
    listed: dict[str, set[Path]] = {part: set() for part in lists}
    entries = [
        (part, place, line.strip())
        for part, places in lists.items()
        for place in places
        if not os.path.isdir(place)
        for line in text_of(place).split("\n")
        if line.strip()
    ]
    loose = []
    for (part, place, line), one in zip(entries, pictures.find_all([(line, part) for part, _, line in entries])):
        if one.wrong == ABSENT and os.path.isabs(line) and no_file(line) is None:
            one = Found(plain(Path(line)))
        if one.path:
            listed[part].add(one.path)
            loose += [(line, one.path, place.name)] if one.loosely else []
        else:
            stray[pictures.root / printable(line)] = f"{place.name} lists it: {one.wrong}"
    notes += [matched(loose, pictures.root)] if loose else []
    for part, places in lists.items():
        for place in places:
            listed[part] |= set(below(place, PICTURES)) if os.path.isdir(place) else set()
    parts: dict[Path, str | None] = {}
    for picture in set().union(*listed.values()):
        own = [part for part in PARTS if picture in listed.get(part, ())]
        if any(listed[part] != listed[own[0]] for part in own):
            stray[picture] = f"listed for {' and for '.join(own)}; keep it in one"
        parts[picture] = own[0] if len(own) == 1 else None
    return parts


def write(listing: BoxedListing, folder: Path) -> list[str]:
    """Write labels, lists of the parts and data.yaml below a folder, without the photos.

    Returns:
        what YOLO cannot hold, a line each: the mark `difficult`, and landmarks of objects that have fewer than others.
    """
    check_names(listing)
    boxes = [box for photo in listing.photos for box in photo.boxes]
    points = max((len(box.points) for box in boxes), default=0)
    numbers = {label: number for number, label in enumerate(listing.labels)}
    stems(listing)
    for photo in listing.photos:
        lines = [_line(box, numbers[box.label], size_of(listing, photo), points) for box in photo.boxes]
        write_text(label_file(folder / PHOTOS / photo.name, folder), "".join(f"{line}\n" for line in lines))
    parts = parted(listing)
    for part, photos in parts.items():
        write_text(folder / f"{part}.txt", "".join(f"./{PHOTOS}/{photo.name}\n" for photo in photos))
    places = {part: f"{part}.txt" for part in parts} or {"train": PHOTOS, "val": PHOTOS}
    write_text(folder / "data.yaml", data_yaml.text(listing.labels, places, points))
    difficult, fewer = sum(box.difficult for box in boxes), sum(0 < len(box.points) < points for box in boxes)
    lost = [f"objects marked difficult, ordinary ones now: {difficult}"] if difficult else []
    return lost + ([f"landmarks of objects that have fewer than {points}, left out: {fewer}"] if fewer else [])


def _line(box: Box, number: int, size: tuple[int, int], points: int) -> str:
    height, width = size
    left, top, right, bottom = box.xyxy
    shares = [(left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height]
    whole = len(box.points) == points
    marks = [mark for x, y in box.points for mark in (x / width, y / height, 2)] if whole else [0] * 3 * points
    return " ".join(f"{value:.12g}" for value in (number, *shares, *marks))
