"""Which files a YOLO folder holds: the names of the classes, the lists of the parts, and each picture's label file."""

from pathlib import Path
from typing import Sequence

from cvapp import names, picture_files
from cvapp.data.formats.evidence import files, few
from cvapp.data.formats.matching import Files
from cvapp.data.formats.pictures import is_picture, relative
from cvapp.data.formats.texts import start_of, text_of
from cvapp.data.labels import label_of
from cvapp.errors import CvappError, Exit
from cvapp.files import ABSENT, no_file

NAMES = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt", "classes.names", "data.names", "coco.names")


def yaml_in(folder: Path) -> Path | None:
    """The yaml of a folder, or of one in it, that names classes; data.yaml first."""
    found = [path for path in picture_files.below(folder, 1).usable if path.suffix.lower() in (".yaml", ".yml")]
    found = sorted(found, key=lambda path: (path.parent != folder, path.stem != "data", path))
    return next((path for path in found if any(line.startswith("names:") for line in start_of(path, 1 << 20).splitlines())), None)


def names_file(folder: Path) -> Path | None:
    """The list of the classes' names below a folder, the first from the top."""
    return next((path for _, found in files(folder) for name in NAMES for path in found if path.name.lower() == name), None)


def classes(folder: Path) -> dict[int, str]:
    """The classes by number from a list of names, a line each.

    Raises:
        CvappError: there is no such list, or a name is no label (exit 3).
    """
    path = names_file(folder)
    if path is None:
        raise CvappError(f"{folder}: the classes have no names; add data.yaml with names:, or classes.txt, a line each", Exit.BAD_DATA)
    lines = text_of(path).rstrip().split("\n")
    try:
        return {number: label_of(line) if line.strip() else str(number) for number, line in enumerate(lines)}
    except ValueError as error:
        raise CvappError(f"{path}: {error}; write a class a line", Exit.BAD_DATA) from error


def is_list(path: Path) -> bool:
    """Whether a txt lists pictures, a line each."""
    first = next((line.strip() for line in start_of(path, 4096).split("\n") if line.strip()), "")
    return is_picture(Path(first.replace("\\", "/")))


def looks_like_labels(text: str) -> bool:
    """Whether the first line of a text is that of an object: a whole number, and at least four more."""
    words = next((line.split() for line in text.split("\n") if line.strip()), [])
    try:
        values = [float(word) for word in words]
    except ValueError:
        return False
    return len(values) >= 5 and values[0].is_integer() and values[0] >= 0


def texts(folder: Path) -> list[Path]:
    """A few txts of each folder that lie beside a picture of their name, or in a folder of labels."""
    found = []
    for home, here in files(folder):
        stems = {names.key(path.stem) for path in here if is_picture(path)}
        beside = [path for path in here if names.key(path.stem) in stems or is_labels(home, folder)]
        found += [path for path in few(beside, ".txt") if path.name.lower() not in NAMES]
    return found


def is_labels(home: Path, root: Path) -> bool:
    """Whether a folder is one of labels, by its name or that of one above it."""
    return any(piece.lower().startswith("label") for piece in home.relative_to(root).parts)


def label_file(picture: Path, root: Path) -> Path:
    """Where a picture's objects stand: the last folder `images` of its path becomes `labels`, as Ultralytics has it; else beside it."""
    pieces = list(picture.relative_to(root).parts) if picture.is_relative_to(root) else list(picture.parts)
    folders = [place for place, piece in enumerate(pieces[:-1]) if piece == "images"]
    if folders:
        pieces[folders[-1]] = "labels"
    across = root.joinpath(*pieces).with_suffix(".txt")
    beside = picture.with_suffix(".txt")
    return beside if no_file(across) == ABSENT and no_file(beside) != ABSENT else across


def pair(pictures: Sequence[Path], labels: Sequence[Path], root: Path) -> tuple[dict[Path, Path], dict[Path, Path]]:
    """The label file of each picture: what stands where it should, be it a pipe; and, of those left over, the one of its name elsewhere."""
    expected = {picture: label_file(picture, root) for picture in pictures}
    known = {picture: path for picture, path in expected.items() if no_file(path) != ABSENT}
    used = set(known.values())
    left = [picture for picture in pictures if picture not in known]
    free = Files(root, labels, used)
    found = free.find_all([(relative(expected[picture], root), None) for picture in left]) if left else []
    return known, {picture: one.path for picture, one in zip(left, found) if one.path}
