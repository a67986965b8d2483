"""Pascal VOC: an xml for each picture, and lists of the parts.

`Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/{train,val,trainval,test}.txt`; or each xml beside its picture. VOC counts pixels from 1 and
includes the last (VOC2012 development kit, section 4), so the edges of a box are xmin - 1, ymin - 1, xmax, ymax. A tool that counts from 0
writes an xmin of 0, which is the edge -1: within one pixel, that is clipped without a word. Of our own: landmarks are `<point>`s in the
object, counted from 1 too, and `labels.txt` keeps the order of the classes.
"""

import re
from pathlib import Path
from typing import Mapping
from xml.etree.ElementTree import Element, SubElement, TreeBuilder, indent, tostring
from xml.parsers import expat

from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto
from cvapp.data.formats.pictures import PICTURES, below, child, label_of, part_in, text_of
from cvapp.data.formats.reading import Draft, Told, listing
from cvapp.data.formats.writing import number, parted, size_of, stems
from cvapp.data.listing import PARTS
from cvapp.files import write_bytes, write_text
from cvapp.progress import Report, silent

PHOTOS = "JPEGImages"
_HOMES = ("annotations", "jpegimages", "images")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SETS = "ImageSets/Main"


def read(folder: str | Path, report: Report = silent) -> BoxedListing:
    """List a folder of Pascal VOC.

    Raises:
        CvappError: nothing in it that can be used (exit 3).
    """
    root = Path(folder)
    home = child(root, "annotations")
    xmls = {_key(path, root): path for path in below(home or root, {".xml"})}
    pictures: dict[str, list[Path]] = {key: [] for key in xmls}
    for path in below(root, PICTURES):
        pictures.setdefault(_key(path, root), []).append(path)
    parts, stray = _parts(root, xmls, pictures) if home else ({key: part_in(key.split("/")[0]) for key in xmls if "/" in key}, {})
    drafts = []
    for key, path in xmls.items():
        origin = path.relative_to(root).as_posix()
        beside = pictures[key]
        picture = beside[0] if beside else root / PHOTOS / f"{key}.jpg"
        try:
            element = _parse(path)
            picture = _picture(element, key, pictures) or picture
            if picture not in stray:
                drafts.append(_draft(element, picture, origin, parts.get(key)))
        except (ValueError, OSError) as error:
            stray[picture] = f"{origin}: {error}"
    used = {draft.picture for draft in drafts} | set(stray)
    for path in (path for same in pictures.values() for path in same if path not in used):
        stray[path] = "has no xml; give it one, without objects where it shows none"
    return listing(Told(root, root, "voc", drafts, _labels(root), stray), report)


def _key(path: Path, root: Path) -> str:
    """What an xml and its picture share: the path without the layout's own folder and without suffix."""
    inner = path.relative_to(root).with_suffix("")
    pieces = inner.parts[1:] if len(inner.parts) > 1 and inner.parts[0].lower() in _HOMES else inner.parts
    return "/".join(pieces)


def _parts(root: Path, xmls: Mapping[str, Path], pictures: Mapping[str, list[Path]]) -> tuple[dict[str, str | None], dict[Path, str]]:
    """The part of each key by the lists; trainval, alone, is what one may train on. And what the lists contradict themselves in, or miss."""
    listed: dict[str, list[str]] = {}
    for word in (*PARTS, "trainval"):
        path = root / _SETS / f"{word}.txt"
        for line in text_of(path).split("\n") if path.is_file() else []:
            key = line.strip()
            key = key if key in xmls else re.sub(r"\s+-?[01]$", "", key)  # the lists of one class say 1, 0 or -1 behind the name
            key = key if key in xmls or Path(key).suffix.lower() not in PICTURES else str(Path(key).with_suffix(""))
            if key and word not in listed.setdefault(key, []):
                listed[key].append(word)
    parts: dict[str, str | None] = {}
    stray: dict[Path, str] = {}
    for key, words in listed.items():
        own = [word for word in words if word != "trainval" or words[0] not in ("train", "val")]
        picture = next(iter(pictures.get(key, [])), root / PHOTOS / f"{key}.jpg")
        if key not in xmls:
            stray[picture] = f"{_SETS}/{own[0]}.txt lists it, but it has no xml"
        elif len(own) > 1:
            stray[picture] = f"listed in {own[0]}.txt and in {own[1]}.txt; keep it in one"
        parts[key] = part_in(own[0])
    return parts, stray


def _labels(root: Path) -> list[str]:
    path = root / "labels.txt"
    return [label for line in text_of(path).split("\n") if (label := label_of(line))] if path.is_file() else []


def _parse(path: Path) -> Element:
    """The root of an xml; one that declares entities, which may grow without end, is refused."""
    builder, parser = TreeBuilder(), expat.ParserCreate()

    def refuse(*declared: object) -> None:
        raise ValueError("declares entities, which no annotation needs; remove its DOCTYPE")

    parser.buffer_text = True
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = builder.start, builder.end, builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except LookupError as error:
        raise ValueError(str(error)) from error
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from error
    return builder.close()


def _picture(element: Element, key: str, pictures: Mapping[str, list[Path]]) -> Path | None:
    """The picture that bears the xml's name, as the devkit has it; else the one that `<filename>` names, if it is there."""
    named = (element.findtext("filename") or "").strip().replace("\\", "/").split("/")[-1]
    beside = pictures[key]
    if len(beside) > 1:
        beside = [path for path in beside if path.name == named]
        if not beside:
            raise ValueError(f"{' and '.join(path.name for path in pictures[key])} bear its name, and <filename> names neither")
    elif not beside and named:
        folder = key.rpartition("/")[0]
        other = f"{folder}/{Path(named).stem}".strip("/")
        beside = [path for path in pictures.get(other, []) if path.name == named]
    return beside[0] if beside else None


def _draft(element: Element, picture: Path, origin: str, part: str | None) -> Draft:
    if element.tag != "annotation":
        raise ValueError(f"its first element is <{element.tag}>, not <annotation>")
    sides = [element.findtext(f"size/{side}") or "" for side in ("height", "width")]
    said = [int(side) if side.strip().isdecimal() else 0 for side in sides]
    boxes = {place: _box(one, f"object {place}") for place, one in enumerate(element.findall("object"), 1)}
    return Draft(picture, origin, boxes, (said[0], said[1]) if all(said) else None, part)


def _box(element: Element, where: str) -> Box:
    label = label_of(element.findtext("name") or "")
    if not label:
        raise ValueError(f"{where} has no name")
    frame = element.find("bndbox")
    if frame is None:
        raise ValueError(f"{where} has no bndbox")
    left, top, right, bottom = (_number(frame, tag, where) for tag in _CORNERS)
    points = tuple((_number(point, "x", where) - 1, _number(point, "y", where) - 1) for point in element.findall("point"))
    return Box(label, (left - 1, top - 1, right, bottom), (element.findtext("difficult") or "").strip() == "1", points)


def _number(element: Element, tag: str, where: str) -> float:
    text = (element.findtext(tag) or "").strip()
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where}: {tag} is {text!r}, not a number") from None


def write(listing: BoxedListing, folder: Path) -> list[str]:
    """Write annotations below a folder, without the photos.

    Returns:
        what VOC cannot hold, a line each: nothing.
    """
    stem_of = stems(listing)
    for photo in listing.photos:
        element = _element(photo, size_of(listing, photo))
        indent(element, "\t")
        write_bytes(folder / "Annotations" / f"{stem_of[photo.name]}.xml", tostring(element, "utf-8") + b"\n")
    parts = parted(listing)
    lists = {**parts, "trainval": [photo for photo in listing.photos if photo.part in ("train", "val")]} if parts else {}
    for word, photos in lists.items():
        write_text(folder / _SETS / f"{word}.txt", "".join(f"{stem_of[photo.name]}\n" for photo in photos))
    write_text(folder / "labels.txt", "".join(f"{label}\n" for label in listing.labels))
    return []


def _element(photo: BoxedPhoto, size: tuple[int, int]) -> Element:
    element = Element("annotation")
    _fill(element, folder=PHOTOS, filename=photo.name.split("/")[-1])
    _fill(SubElement(element, "size"), width=size[1], height=size[0], depth=3)
    for box in photo.boxes:
        one = SubElement(element, "object")
        _fill(one, name=box.label, difficult=int(box.difficult))
        left, top, right, bottom = box.xyxy
        _fill(SubElement(one, "bndbox"), xmin=number(left + 1), ymin=number(top + 1), xmax=number(right), ymax=number(bottom))
        for x, y in box.points:
            _fill(SubElement(one, "point"), x=number(x + 1), y=number(y + 1))
    return element


def _fill(element: Element, **texts: object) -> None:
    for tag, text in texts.items():
        SubElement(element, tag).text = str(text)
