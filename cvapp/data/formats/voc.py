"""Pascal VOC: an xml for each picture, and lists of the parts.

`Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/{train,val,trainval,test}.txt`; folders of other names; or each xml beside its picture.
VOC counts pixels from 1 and includes the last (VOC2012 development kit, section 4), so the edges of a box are xmin - 1, ymin - 1, xmax, ymax.
A tool that counts from 0 writes an xmin of 0, which is the edge -1: within one pixel, that is clipped without a word. Of a turned box
(roLabelImg's `robndbox`, CVAT's attribute rotation), and of a `polygon` without bndbox, the box around it is taken. Of our own: landmarks are
`<point>`s in the object, counted from 1 too, and `labels.txt` keeps the order of the classes.
"""

import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto, Corners
from cvapp.data.formats import outlines, voc_files, xmls
from cvapp.data.formats.matching import Files
from cvapp.data.formats.reading import Draft, Told, listing, sides_of
from cvapp.data.formats.voc_files import PHOTOS, SETS
from cvapp.data.formats.writing import check_names, number, parted, size_of, stems
from cvapp.data.labels import label_of
from cvapp.errors import CvappError
from cvapp.files import write_bytes, write_text
from cvapp.progress import Report, silent

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(folder: str | Path, report: Report = silent) -> BoxedListing:
    """List a folder of Pascal VOC.

    Raises:
        CvappError: nothing in it that can be used (exit 3).
    """
    root = Path(folder)
    files = voc_files.find(root)
    wrong = files.wrong
    drafts, lost = [], []
    stray: dict[Path, str] = {}
    for key, path in files.xmls.items():
        origin = path.relative_to(root).as_posix()
        picture = next(iter(files.pictures[key]), root / PHOTOS / f"{key}.jpg")
        try:
            element = xmls.parse(path)
            known = voc_files.picture(element, key, files)
            if key in wrong:
                stray[known or picture] = wrong[key]
                continue
            called = (element.findtext("filename") or "").strip()
            draft = _draft(element, known or picture, origin, files.parts.get(key))
            if known:
                elsewhere = known not in files.pictures[key] and re.search(r"[/\\]", called)
                drafts.append(replace(draft, called=called) if elsewhere else draft)
            else:
                lost.append((draft, called))
        except (ValueError, CvappError) as error:
            stray[picture] = f"{origin}: {str(error).removeprefix(path.name + ': ')}"
    homes = {path.parent for path in files.xmls.values()}
    drafts += _elsewhere(lost, Files(root, files.there, {*stray, *(draft.picture for draft in drafts)}, homes))
    for key in wrong.keys() - files.xmls.keys():
        stray[next(iter(files.pictures.get(key, [])), root / PHOTOS / f"{key}.jpg")] = wrong[key]
    used = {draft.picture for draft in drafts} | set(stray)
    for path in (path for path in files.there if path not in used):
        stray[path] = "has no xml; give it one, without objects where it shows none"
    return listing(Told(root, root, "voc", drafts, files.labels, stray), report)


def _elsewhere(lost: list[tuple[Draft, str]], free: Files) -> list[Draft]:
    """Drafts whose picture does not lie where it should, each with the one that its `<filename>` means, else the one of its xml's name."""
    homes = [(free.root / draft.origin).parent for draft, _ in lost]
    named = free.find_from([(home, called, draft.part) for home, (draft, called) in zip(homes, lost)])
    stems = [Path(draft.origin).stem for draft, _ in lost]
    second = free.find_from([(home, "" if one.path else stem, draft.part) for home, one, stem, (draft, _) in zip(homes, named, stems, lost)])
    drafts = []
    for (draft, called), stem, first, other in zip(lost, stems, named, second):
        one = first if first.path or not other.path else other._replace(loosely=True)
        drafts.append(replace(draft, picture=one.path or draft.picture, called=(called if first.path else stem) if one.loosely else ""))
    return drafts


def _draft(element: Element, picture: Path, origin: str, part: str | None) -> Draft:
    if element.tag != "annotation":
        raise ValueError(f"its first element is <{element.tag}>, not <annotation>")
    said = sides_of(element.findtext("size/height"), element.findtext("size/width"))
    found = [_box(one, f"object {place}") for place, one in enumerate(element.iter("object"), 1)]
    boxes = {place: box for place, (box, _) in enumerate(found, 1)}
    around = sum(outlined for _, outlined in found)
    return Draft(picture, origin, boxes, said, part, outlines=around)


def _box(element: Element, where: str) -> tuple[Box, bool]:
    """An object, and whether its box is the one around an outline or a turned box."""
    name = element.findtext("name") or ""
    if not name.strip():
        raise ValueError(f"{where} has no name")
    try:
        label = label_of(name)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    corners, outlined = _corners(element, where)
    points = tuple((_number(point, "x", where) - 1, _number(point, "y", where) - 1) for point in element.findall("point"))
    return Box(label, corners, (element.findtext("difficult") or "").strip() == "1", points), outlined


def _corners(element: Element, where: str) -> tuple[Corners, bool]:
    """The edges of an object, and whether they are those around an outline or a turned box."""
    frame, turned, polygon = element.find("bndbox"), element.find("robndbox"), element.find("polygon")
    if frame is not None:
        left, top, right, bottom = (_number(frame, tag, where) for tag in _CORNERS)
        edges = left - 1, top - 1, right, bottom
        angle = next((one for one in element.iter("attribute") if (one.findtext("name") or "").strip() == "rotation"), None)
        degrees = _number(angle, "value", where) if angle is not None else 0.0
        return (outlines.rotated(edges, math.radians(degrees)), True) if degrees % 360 else (edges, False)
    if turned is not None:
        x, y, width, height, radians = (_number(turned, tag, where) for tag in ("cx", "cy", "w", "h", "angle"))
        return outlines.rotated((x - width / 2, y - height / 2, x + width / 2, y + height / 2), radians), True
    if polygon is not None:
        points = [(_number(point, "x", where), _number(point, "y", where)) for point in polygon.findall("pt")]
        return outlines.around(points or _numbered(polygon, where)), True
    raise ValueError(f"{where} has no bndbox")


def _numbered(polygon: Element, where: str) -> list[tuple[float, float]]:
    """The points of a polygon that numbers them: x1, y1, x2, y2 ..."""
    count = sum(re.fullmatch(r"x\d+", child.tag) is not None for child in polygon)
    return [(_number(polygon, f"x{place}", where), _number(polygon, f"y{place}", where)) for place in range(1, count + 1)]


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
    check_names(listing)
    stem_of = stems(listing)
    for photo in listing.photos:
        element = _element(photo, size_of(listing, photo))
        indent(element, "\t")
        write_bytes(folder / "Annotations" / f"{stem_of[photo.name]}.xml", tostring(element, "utf-8") + b"\n")
    parts = parted(listing)
    rest = {"trainval": [photo for photo in listing.photos if photo.part in ("train", "val")]} if parts else {"default": listing.photos}
    lists = {**parts, **rest}  # a list there is in any case: without one, folders named train or val would say the parts
    for word, photos in lists.items():
        write_text(folder / SETS / f"{word}.txt", "".join(f"{stem_of[photo.name]}\n" for photo in photos))
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
