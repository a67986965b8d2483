"""Class folders, with or without train/, val/ and test/ inside; and which kind of source a path is."""

from pathlib import Path

from cvapp.data import idx, tables
from cvapp.data.listing import Listing, Photo, files_below, files_in, part_named, wrong_suffix
from cvapp.errors import CvappError, Exit

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
    if path.suffix.lower() in tables.SUFFIXES and not path.is_dir():
        return tables.scan(path)
    if not path.is_dir():
        wanted = f"give a folder of class folders, such as {path}/cats/1.jpg, or a CSV of path,label"
        raise CvappError(f"no folder {path}: {wanted}", Exit.BAD_DATA)
    return idx.scan(path) if idx.present(path) else _class_folders(path, loose)


def _class_folders(folder: Path, loose: bool) -> Listing:
    """List DIR/CLASS/photo.jpg or DIR/train/CLASS/photo.jpg. Hidden files and cvapp's own are passed over."""
    parted = any(
        part_named(child.name) == "train" and any(inner.is_dir() for inner in child.iterdir())
        for child in folder.iterdir()
        if child.is_dir()
    )
    photos: list[Photo] = []
    stray: dict[str, str] = {}
    for path in sorted(files_in(folder)):
        pieces = path.relative_to(folder).parts
        if not path.is_file() or path.name.lower() in _SIDE_FILES:
            continue
        part = part_named(pieces[0]) if parted and len(pieces) > 1 else None
        inner = pieces[1:] if part else pieces
        name = path.relative_to(folder).as_posix()
        wrong = "lies beside train/; move it into train/, val/ or test/" if parted and not part else _why_not(path, inner, folder)
        if wrong:
            stray[name] = wrong
        else:
            photos.append(Photo(name, inner[0], part))
    if loose and not photos:
        photos = [Photo(name, _name_of(folder)) for name in stray if "/" not in name and not wrong_suffix(Path(name))]
        stray = {name: wrong for name, wrong in stray.items() if name not in {photo.name for photo in photos}}
    if not photos:
        first = next(iter(stray.items()), None)
        found = f"{len(stray)} files but none that can be used, such as {first[0]}: {first[1]}" if first else "nothing"
        raise CvappError(f"{folder}: expected class folders with photos, {folder}/CLASS/photo.jpg; found {found}", Exit.BAD_DATA)
    return Listing(folder, folder, photos, stray, files_below(folder), folder / "split.csv")


def _name_of(folder: Path) -> str:
    """The class of photos that lie in a folder without class folders."""
    name = folder.resolve().name
    return name if name and name.isprintable() else "photos"


def _why_not(path: Path, inner: tuple[str, ...], folder: Path) -> str | None:
    """Why a file is no example by its place or suffix, or None."""
    if wrong := wrong_suffix(path):
        return wrong
    if len(inner) == 1:
        return "lies in no class folder; move it into one"
    if not inner[0].isprintable():
        return "lies in a folder whose name is not readable text; rename the folder"
    if len(inner) > 2:
        return f"lies {len(inner) - 1} folders deep; expected {folder.name}/CLASS/photo{path.suffix}"
    return None
