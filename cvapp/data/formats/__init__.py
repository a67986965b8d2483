"""Detection data sets in the formats that others write: Pascal VOC, COCO, YOLO; which one a source is, and from one into another."""

from pathlib import Path

from cvapp.data.boxed import BoxedListing
from cvapp.data.formats import coco, voc, yolo
from cvapp.data.formats.pictures import child, head
from cvapp.data.listing import part_named
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent

FORMATS = {"voc": voc, "coco": coco, "yolo": yolo}
LAYOUTS = "Annotations/*.xml and JPEGImages/ (VOC), annotations/*.json and images/ (COCO), or data.yaml, images/ and labels/ (YOLO)"
_MEANT = ("images", "obj_train_data", "data")
_FILES = {".json": "coco", ".yaml": "yolo", ".yml": "yolo"}


def scan(source: str | Path, report: Report = silent) -> BoxedListing:
    """List a detection data set: a folder of one of the three layouts, a COCO json or a data.yaml.

    Raises:
        CvappError: no such place, none of the layouts or several, or nothing in it that can be used (exit 3).
    """
    path = Path(source)
    found = _formats(path)
    if not found:
        raise CvappError(f"{path}: {'no photos with boxes' if path.exists() else 'no such place'}; expected {LAYOUTS}", Exit.BAD_DATA)
    if len(found) > 1:
        raise CvappError(f"{path}: holds {' and '.join(found)}; keep one, or name its json or data.yaml", Exit.BAD_DATA)
    return FORMATS[found[0]].read(path, report)


def is_boxed(source: str | Path) -> bool:
    """Whether a source holds photos with boxes rather than class folders; only a few files of it are opened."""
    return bool(_formats(Path(source)))


def _formats(path: Path) -> list[str]:
    """The formats whose marks a source bears."""
    if path.is_file():
        return [_FILES[path.suffix.lower()]] if path.suffix.lower() in _FILES else []
    if not path.is_dir():
        return []
    signs = {"voc": _has_voc, "coco": lambda folder: bool(coco.jsons(folder)), "yolo": _has_yolo}
    return [name for name, has in signs.items() if has(path)]


def _near(folder: Path) -> list[Path]:
    """A folder and those in it that layouts give a meaning to."""
    named = [path for path in sorted(folder.iterdir()) if path.is_dir() and (part_named(path.name) or path.name in _MEANT)]
    return [folder, *named]


def _has_voc(folder: Path) -> bool:
    home = child(folder, "annotations")
    xmls = home.rglob("*.xml") if home else (path for place in _near(folder) for path in place.glob("*.xml"))
    return any(b"<annotation" in head(path, 4096) for path in xmls)


def _has_yolo(folder: Path) -> bool:
    if yolo.yaml_in(folder):
        return True
    if any((place / "labels").is_dir() and (place / "images").is_dir() for place in _near(folder)):
        return True
    named = any((folder / name).is_file() for name in yolo.NAMES)
    return named and any(yolo.has_picture(path) for place in _near(folder) for path in place.glob("*.txt"))
