"""Photos with boxes in the formats that others write; which one a source is, told by its content."""

import os
from pathlib import Path
from typing import Iterator

from cvapp.data.boxed import BoxedListing
from cvapp.data.formats import coco, createml, edge_impulse, evidence, labelme, tensorflow, tools, voc, yolo, yolo_files
from cvapp.data.formats.texts import start_of
from cvapp.errors import CvappError, Exit
from cvapp.picture_files import check_readable
from cvapp.progress import Report, silent

FORMATS = {"voc": voc, "coco": coco, "yolo": yolo}  # that are written too
READERS = {**FORMATS, "labelme": labelme, "createml": createml, "tensorflow": tensorflow, "edge_impulse": edge_impulse}
LAYOUTS = (
    "Annotations/*.xml and JPEGImages/ (VOC), annotations/*.json and images/ (COCO), data.yaml, images/ and labels/ (YOLO), or the files of "
    "LabelMe, CreateML, TensorFlow's CSV or Edge Impulse beside the pictures"
)
_VAGUE = (tools.UNKNOWN, "COCO results")  # may well be something else than annotations
_TABLES, _YAMLS = (".csv", ".tsv"), (".yaml", ".yml")


def scan(source: str | Path, report: Report = silent) -> BoxedListing:
    """List a detection data set: a folder of one of the formats, a json, a csv of boxes or a data.yaml.

    Raises:
        CvappError: no such place, none of the formats or several, or nothing in it that can be used (exit 3).
    """
    path = Path(source)
    found = _rivals(path, _formats(path))
    if not found:
        raise CvappError(f"{path}: {'no photos with boxes' if os.path.exists(path) else 'no such place'}; expected {LAYOUTS}", Exit.BAD_DATA)
    if len(found) > 1:
        raise CvappError(f"{path}: holds {' and '.join(found)}; keep one, or name its json, csv or data.yaml", Exit.BAD_DATA)
    if found[0] not in READERS:
        raise CvappError(f"{path}: {tools.advice(found[0])}", Exit.BAD_DATA)
    return READERS[found[0]].read(path, report)


def is_boxed(source: str | Path) -> bool:
    """Whether a source plainly holds annotations of boxes, even such as are not read; only a few files of it are opened."""
    return bool(_formats(Path(source)))


def _formats(path: Path) -> list[str]:
    """The formats of a source that are read, those that are written too first, and the first that is known by its name alone."""
    if os.path.isfile(path):
        return _of_file(path)
    if not os.path.isdir(path):
        return []
    check_readable(path)
    found = set(_kinds(path))
    return [name for name in READERS if name in found] + [name for name in tools.NAMES if name in found][:1]


def _rivals(path: Path, found: list[str]) -> list[str]:
    """Those of several formats between which a person must choose: all that are written too; of the others, those that hold boxes.

    Which photos have boxes in a format that is not read, nobody knows: it counts where YOLO has photos without any, which would be background.
    A csv in which every photo with boxes has boxes of VOC was made of VOC's files, as TensorFlow's tutorials make it.
    """
    first = [name for name in found if name in FORMATS] or found[:1]
    foreign = [name for name in found if name in tools.NAMES and name not in (*first, *_VAGUE)]
    others = [name for name in found if name in READERS and name not in first]
    boxed = {name: _boxed_photos(path, name) for name in others}
    if boxed.get("tensorflow") and "voc" in first and boxed["tensorflow"] <= _boxed_photos(path, "voc"):
        others.remove("tensorflow")
    if foreign and first == ["yolo"] and any(not photo.boxes for photo in yolo.read(path).photos):
        return [*first, *foreign]
    return [*first, *(name for name in others if boxed[name])]


def _boxed_photos(path: Path, name: str) -> set[Path]:
    """The photos of a source that have boxes in a format."""
    try:
        listing = READERS[name].read(path)
    except CvappError:
        return set()
    return {listing.folder / photo.name for photo in listing.photos if photo.boxes}


def _of_file(path: Path) -> list[str]:
    """The format of one file; of a json that is none, COCO, whose reader says what is missing."""
    suffix = path.suffix.lower()
    if suffix in _YAMLS:
        return ["yolo"]
    if suffix == ".json":
        return [evidence.json_kind(path) or "coco"]
    kind = evidence.csv_kind(path) if suffix in _TABLES else evidence.json_kind(path) if suffix == ".labels" else ""
    return [kind] if kind else []


def _kinds(folder: Path) -> Iterator[str]:
    """The format of each of a few files in each folder of a source, where it is any."""
    if yolo_files.yaml_in(folder):
        yield "yolo"
    for _, found in evidence.files(folder):
        yield from (evidence.xml_kind(path) for path in evidence.few(found, ".xml"))
        yield from (evidence.json_kind(path) for path in evidence.few(found, ".json", ".labels"))
        yield from (evidence.csv_kind(path) for path in evidence.few(found, *_TABLES))
    yield from _of_texts(folder)


def _of_texts(folder: Path) -> Iterator[str]:
    """What txts beside pictures, or in folders of labels, are: YOLO's, even damaged ones where there is a list of classes."""
    texts = [text for path in yolo_files.texts(folder) if (text := start_of(path)).strip()]
    words = [line.split() for text in texts for line in text.strip().split("\n")[:1]]
    if any(map(yolo_files.looks_like_labels, texts)):
        yield "yolo"
    elif known := [kind for line in words if (kind := tools.of_line(line))]:
        yield known[0]
    elif yolo_files.names_file(folder) and yolo_files.texts(folder):
        yield "yolo"
