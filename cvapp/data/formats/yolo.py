"""YOLO: a txt for each picture, a line `class x y width height` for each object, in shares of the frame, x and y being the centre.

`data.yaml` (Ultralytics: docs.ultralytics.com/datasets/detect) or `classes.txt`, `obj.names`; `images/{train,val,test}` and `labels/{...}`,
`train/images` and `train/labels`, lists `train.txt`, or each txt beside its picture. A picture without one is an example without objects. With
`kpt_shape` in data.yaml, landmarks follow: x y, or x y v. What is written has one `images` folder and lists of the parts, so names stay.
"""

from pathlib import Path
from typing import Mapping, Sequence

from cvapp.data.boxed import Box, BoxedListing
from cvapp.data.formats import data_yaml
from cvapp.data.formats.data_yaml import DataYaml
from cvapp.data.formats.pictures import PICTURES, Pictures, below, label_of, part_in, text_of
from cvapp.data.formats.reading import UNDECLARED, UNMARKED, Draft, Told, listing
from cvapp.data.formats.writing import parted, size_of, stems
from cvapp.data.listing import PARTS, part_named
from cvapp.errors import CvappError, Exit
from cvapp.files import write_text
from cvapp.progress import Report, silent

PHOTOS = "images"
NAMES = ("classes.txt", "obj.names", "labels/classes.txt", "train/labels/classes.txt", "obj_train_data/classes.txt")


def read(folder: str | Path, report: Report = silent) -> BoxedListing:
    """List a YOLO folder, or the one of a `data.yaml`.

    Raises:
        CvappError: no classes, parts that are not there, or nothing that can be used (exit 3).
    """
    source = Path(folder)
    file = source if source.is_file() else yaml_in(source)
    home = source if source.is_dir() else source.parent
    said = data_yaml.read(file) if file else DataYaml(_names(home))
    root = next((path for path in (home / said.path, home) if path.is_dir()), home)
    lists = {part: [_place(word, root, home, f"{file}: {part}") for word in words] for part, words in said.parts.items()}
    lists = lists or {part: [path] for path in sorted(root.glob("*.txt")) if (part := part_named(path.stem)) and not has_picture(path)}
    stray: dict[Path, str] = {}
    parts = _parts(lists, Pictures(root, below(root, PICTURES)), stray)
    pictures = set(parts) | set(below(root / PHOTOS, PICTURES)) if lists else set(below(root, PICTURES))
    drafts = []
    for picture in sorted(pictures - set(stray)):
        path = label_file(picture, root)
        try:
            boxes, notes = _boxes(text_of(path), said) if path.is_file() else ({}, [])
        except (ValueError, CvappError) as error:
            stray[picture] = f"{_below(path, root)}: {str(error).removeprefix(f'{path.name}: ')}"
            continue
        folders = " ".join(piece for piece in Path(_below(picture, root)).parts[:-1])
        part = parts.get(picture) if lists else part_in(folders)
        drafts.append(Draft(picture, _below(path, root), boxes, None, part, relative=True, notes=tuple(notes)))
    known = {label_file(picture, root) for picture in pictures}
    for path in below(root / "labels", {".txt"}) if (root / "labels").is_dir() else []:
        if path not in known and path.name != "classes.txt":
            stray[path] = "has no picture"
    labels = list(dict.fromkeys(said.names[number] for number in sorted(said.names)))
    return listing(Told(source, root, "yolo", drafts, labels, stray), report)


def yaml_in(folder: Path) -> Path | None:
    """The yaml of a folder that names classes; data.yaml first."""
    files = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")), key=lambda path: (path.stem != "data", path.name))
    return next((path for path in files if any(line.startswith("names:") for line in text_of(path).splitlines())), None)


def label_file(picture: Path, root: Path) -> Path:
    """Where a picture's objects stand: the last folder `images` of its path becomes `labels`, as Ultralytics has it; else beside it."""
    pieces = list(picture.relative_to(root).parts) if picture.is_relative_to(root) else list(picture.parts)
    folders = [place for place, piece in enumerate(pieces[:-1]) if piece == "images"]
    if folders:
        pieces[folders[-1]] = "labels"
    across = root.joinpath(*pieces).with_suffix(".txt")
    beside = picture.with_suffix(".txt")
    return beside if beside.is_file() and not across.is_file() else across


def _names(folder: Path) -> dict[int, str]:
    """The classes by number from a list of names, a line each."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise CvappError(f"{folder}: the classes have no names; add data.yaml with names:, or classes.txt, a line each", Exit.BAD_DATA)
    return {number: label_of(line) or str(number) for number, line in enumerate(text_of(path).rstrip().split("\n"))}


def _place(word: str, root: Path, home: Path, where: str) -> Path:
    """A folder or list that data.yaml names; some exporters put one `../` too many before it."""
    paths = [base / rest for rest in (word, word.removeprefix("../")) for base in (root, home)]
    found = next((path for path in paths if path.exists()), None)
    if found is None:
        raise CvappError(f"{where}: {word} is not there; it is looked for below {root}", Exit.BAD_DATA)
    return Path(*found.parts)


def has_picture(path: Path) -> bool:
    """Whether a txt belongs to a picture of that name."""
    return any(path.with_suffix(suffix).exists() for suffix in PICTURES)


def _parts(lists: Mapping[str, Sequence[Path]], pictures: Pictures, stray: dict[Path, str]) -> dict[Path, str | None]:
    """The part of each picture; none where two parts are one and the same list. Those that contradict themselves, or are missing, go astray."""
    listed: dict[str, set[Path]] = {}
    for part, places in lists.items():
        listed[part] = set()
        for place in places:
            for line in [] if place.is_dir() else filter(None, map(str.strip, text_of(place).split("\n"))):
                try:
                    listed[part].add(pictures.find(line, part))
                except ValueError as error:
                    stray[pictures.root / line] = f"{place.name} lists it: {error}"
            listed[part] |= set(below(place, PICTURES)) if place.is_dir() else set()
    parts: dict[Path, str | None] = {}
    for picture in set().union(*listed.values()):
        own = [part for part in PARTS if picture in listed.get(part, ())]
        if any(listed[part] != listed[own[0]] for part in own):
            stray[picture] = f"listed for {' and for '.join(own)}; keep it in one"
        parts[picture] = own[0] if len(own) == 1 else None
    return parts


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _boxes(text: str, said: DataYaml) -> tuple[dict[int, Box], list[str]]:
    """The objects of a label file by line, in shares of the frame, and what is left out of them."""
    boxes, notes = {}, []
    count, each = said.points or (0, 0)
    for place, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 5 + count * each:
            hint = f" and {count} landmarks of {each}" if count else "; landmarks need kpt_shape in data.yaml, outlines are not read"
            raise ValueError(f"line {place} has {len(words)} numbers, expected 5 (class x y width height){hint}")
        try:
            number, (x, y, width, height, *marks) = int(words[0]), map(float, words[1:])
        except ValueError as error:
            raise ValueError(f"line {place}: {error}") from None
        if number not in said.names:
            notes.append(f"box {place} {UNDECLARED} (number {number}): left out")
            continue
        triples = [(*marks[at : at + each], 2.0)[:3] for at in range(0, len(marks), each)] if count else []
        points = tuple((across, down) for across, down, visible in triples if visible)
        if 0 < len(points) < count:
            notes.append(f"box {place} ({said.names[number]}) {UNMARKED} ({count - len(points)} of {count}): its landmarks are left out")
        corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        boxes[place] = Box(said.names[number], corners, points=points if len(points) == count else ())
    return boxes, notes


def write(listing: BoxedListing, folder: Path) -> list[str]:
    """Write labels, lists of the parts and data.yaml below a folder, without the photos.

    Returns:
        what YOLO cannot hold, a line each: the mark `difficult`, and landmarks of objects that have fewer than others.
    """
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
