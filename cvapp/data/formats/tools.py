"""Annotation formats that cvapp knows by name and does not read: how each is recognized, and which export to choose instead."""

from typing import Any, Mapping, Sequence

UNKNOWN, HEADLESS = "an unknown format", "a CSV without header"
_READ = "Pascal VOC, COCO or YOLO"
NAMES = {
    "VIA (VGG Image Annotator)": "choose Annotation, Export Annotations (COCO format) there",
    "CVAT": "choose Export task dataset, COCO 1.0 or Pascal VOC 1.1 there",
    "Label Studio": "choose Export, COCO or YOLO or Pascal VOC XML there",
    "Labelbox": f"export or convert as {_READ}",
    "Supervisely": "choose Export to COCO, or convert to Pascal VOC, in its ecosystem",
    "V7 Darwin": "choose the export format COCO or Pascal VOC there",
    "VoTT": "choose the export format Pascal VOC there",
    "Datumaro": "run datum convert -f coco (or voc, yolo)",
    "BDD100K": "run bdd100k.label.to_coco",
    "COCO results": "that are a model's answers, without pictures; give the json of the annotations themselves",
    "dlib (imglab)": "open it in NaturalIntelligence's imglab and save as COCO or Pascal VOC",
    "Open Images": "export with FiftyOne as COCO",
    "KITTI": "convert with FiftyOne or datum to COCO",
    "DOTA": "convert to YOLO OBB with ultralytics.data.converter.convert_dota_to_yolo_obb",
    HEADLESS: "write a first line with the names of the columns: filename,xmin,ymin,xmax,ymax,class",
    UNKNOWN: f"export as {_READ}",
}
OF_TAGS = (("annotations", "image ", "CVAT"), ("annotations", "track ", "CVAT"), ("dataset", "images", "dlib (imglab)"))


def advice(kind: str) -> str:
    """What to do with annotations of a kind that is not read."""
    return f"annotations of {kind}, which cvapp does not read; {NAMES[kind]} (cvapp reads {_READ}, LabelMe, CreateML, TensorFlow's CSV)"


def of_object(whole: Mapping[str, Any]) -> str:
    """The tool whose json object this is; empty where none is known."""
    values = [one for one in list(whole.values())[:3] if isinstance(one, dict)]
    marks = {
        "VIA (VGG Image Annotator)": "_via_img_metadata" in whole or any({"filename", "regions"} <= one.keys() for one in values),
        "V7 Darwin": "annotations" in whole and ("item" in whole or "darwin" in str(whole.get("schema_ref", ""))),
        "VoTT": isinstance(whole.get("asset"), dict) and "regions" in whole or isinstance(whole.get("assets"), dict),
        "Datumaro": isinstance(whole.get("items"), list) and isinstance(whole.get("categories"), dict),
        "Supervisely": isinstance(whole.get("objects"), list) and isinstance(whole.get("size"), dict),
        "Labelbox": "data_row" in whole,
        "Label Studio": isinstance(whole.get("annotations"), list) and "data" in whole,
    }
    return next((name for name, holds in marks.items() if holds), "")


def of_list(whole: Sequence[Any]) -> str:
    """The tool whose json list this is; empty where none is known."""
    first = next((one for one in whole if isinstance(one, dict)), {})
    results = [one for one in _dicts(first.get("annotations")) + _dicts(first.get("completions")) if "result" in one]
    short = [box for value in first.values() for box in _dicts(value) if any(key.endswith("labels") for key in box)]
    marks = {
        "Label Studio": results or short,
        "Labelbox": "data_row" in first or "Labeled Data" in first,
        "BDD100K": any("box2d" in one for one in _dicts(first.get("labels"))),
        "COCO results": {"image_id", "bbox", "score"} <= first.keys(),
    }
    return next((name for name, holds in marks.items() if holds), "")


def _dicts(value: Any) -> list[dict]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def of_columns(columns: Sequence[str]) -> str:
    """The tool whose csv has these columns; empty where none is known."""
    if "region_shape_attributes" in columns:
        return "VIA (VGG Image Annotator)"
    return "Open Images" if {"imageid", "labelname", "xmin"} <= set(columns) else ""


def of_line(words: Sequence[str]) -> str:
    """The tool whose label file has a line of these words: KITTI's begin with a class, DOTA's end with one and how difficult it is."""
    if len(words) in (15, 16) and not _is_number(words[0]) and all(map(_is_number, words[1:])):
        return "KITTI"
    return "DOTA" if len(words) == 10 and all(map(_is_number, words[:8])) and not _is_number(words[8]) else ""


def _is_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False
