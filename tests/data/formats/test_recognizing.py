"""What annotations are, told by content: of folders of any name, in any encoding; those that are not read are called by their name."""

import codecs
import json

import pytest

from cvapp.data.formats import is_boxed, scan, tools
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import coco_json, lay, voc_xml

CAT = ("cat", 2, 2, 20, 20)
JPG = {"a.jpg": ""}


@pytest.mark.parametrize("home", ["annots", "xml", "labels_voc", "labels", "Annotations", "ann/otations"])
@pytest.mark.parametrize("photos", ["images", "pics", "JPEGImages", "photos/2024"])
def test_folders_of_xmls_are_found_by_content(tmp_path, home, photos):
    found = scan(lay(tmp_path, {f"{home}/a.xml": voc_xml("a.jpg", CAT), f"{photos}/a.jpg": ""}))
    assert (found.format, [len(photo.boxes) for photo in found.photos], found.stray, found.mended) == ("voc", [1], {}, [])


def test_folders_of_parts_may_hold_folders_of_each(tmp_path):
    files = {f"{part}/{folder}/1.{suffix}": "" for part in ("train", "valid") for folder, suffix in (("pics", "jpg"),)}
    files |= {f"{part}/annots/1.xml": voc_xml("1.jpg", CAT) for part in ("train", "valid")}
    found = scan(lay(tmp_path, files))
    assert {photo.name: (photo.part, len(photo.boxes)) for photo in found.photos} == {
        "train/pics/1.jpg": ("train", 1),
        "valid/pics/1.jpg": ("val", 1),
    }


def test_a_part_without_xmls_is_not_taken_for_a_folder_of_pictures(tmp_path):
    found = scan(lay(tmp_path, {"train/1.xml": voc_xml("1.jpg", CAT), "train/1.jpg": "", "test/1.jpg": ""}))
    assert [photo.name for photo in found.photos] == ["train/1.jpg"] and list(found.stray) == ["test/1.jpg"]


@pytest.mark.parametrize("name", ["obj", "obj_train_data", "frames"])
@pytest.mark.parametrize("top", ["", "data/"])
@pytest.mark.parametrize("suffix", ["jpg", "JPG", "PNG"])
def test_darknets_folders(tmp_path, name, top, suffix):
    files = {f"{top}obj.names": "cat\n", f"{top}train.txt": f"data/{name}/1.{suffix}\n", f"{top}{name}/1.txt": "0 .5 .5 1 1"}
    (tmp_path / top / name).mkdir(parents=True)
    lay(tmp_path, {"x.png": "", **files})
    (tmp_path / "x.png").rename(tmp_path / top / name / f"1.{suffix}")
    found = scan(tmp_path)
    assert [(photo.name, photo.part, len(photo.boxes)) for photo in found.photos] == [(f"{top}{name}/1.{suffix}", "train", 1)]
    assert found.labels == ["cat"]


SETS = {
    "voc": {"xml/a.xml": voc_xml("a.jpg", CAT), **JPG},
    "coco": {"all.json": coco_json(["a.jpg"], (0, 1, [1, 1, 9, 9]), labels=("chat", "Kätzchen")), **JPG},
    "yolo": {"data.yaml": "names: ['Kätzchen']\n", "a.txt": "0 .5 .5 .5 .5\n", **JPG},
    "labelme": {"a.json": json.dumps({"imagePath": "a.jpg", "shapes": [{"label": "ü", "points": [[1, 1], [9, 9]]}]}), **JPG},
    "tensorflow": {"a.csv": "filename,class,xmin,ymin,xmax,ymax\na.jpg,Kätzchen,1,1,9,9\n", **JPG},
}
ENCODINGS = {
    "utf-8": b"",
    "utf-8 with a mark": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-16-le without a mark": b"",
}


@pytest.mark.parametrize("encoding, mark", ENCODINGS.items(), ids=list(ENCODINGS))
@pytest.mark.parametrize("name", list(SETS))
def test_files_in_the_encodings_that_people_have(tmp_path, name, encoding, mark):
    texts = {file: mark + text.encode(encoding.split(" ")[0]) for file, text in SETS[name].items() if text}
    if name == "voc" and "without" in encoding:
        pytest.skip("an xml without mark or declaration is UTF-8")
    found = scan(lay(tmp_path, {**SETS[name], **texts}))
    assert (found.format, [len(photo.boxes) for photo in found.photos]) == (name, [1])
    assert found.labels == scan(lay(tmp_path / "plain", SETS[name])).labels


def test_an_xml_that_declares_another_encoding_than_it_has_by_its_mark(tmp_path):
    text = '<?xml version="1.0" encoding="utf-8"?>' + voc_xml("a.jpg", ("Kätzchen", 1, 1, 5, 5))
    found = scan(lay(tmp_path, {"a.xml": codecs.BOM_UTF16_LE + text.encode("utf-16-le"), "a.jpg": ""}))
    assert found.labels == ["Kätzchen"]


VIA = {"_via_settings": {}, "_via_img_metadata": {"a.jpg12": {"filename": "a.jpg", "regions": []}}}
RESULT = [{"data": {"image": "a.jpg"}, "annotations": [{"result": []}]}]
SHORT = [{"image": "a.jpg", "label": [{"x": 1, "y": 1, "width": 3, "height": 3, "rectanglelabels": ["cat"]}]}]
FOREIGN = {
    "VIA (VGG Image Annotator)": [
        {"via_project.json": json.dumps(VIA)},
        {"via_region_data.json": json.dumps(VIA["_via_img_metadata"])},
        {"via.csv": "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"},
    ],
    "CVAT": [
        {"annotations.xml": '<?xml version="1.0"?>\n<annotations><version>1.1</version><image id="0" name="a.jpg"></image></annotations>'},
        {"annotations.xml": '<annotations><track id="0" label="cat"></track></annotations>'},
    ],
    "Label Studio": [{"project-1.json": json.dumps(RESULT)}, {"min.json": json.dumps(SHORT)}],
    "Supervisely": [{"ds/ann/a.jpg.json": '{"size": {"height": 48, "width": 64}, "objects": []}'}],
    "V7 Darwin": [{"a.json": '{"version": "2.0", "item": {"name": "a.jpg"}, "annotations": []}'}],
    "VoTT": [{"x-asset.json": '{"asset": {"name": "a.jpg"}, "regions": []}'}],
    "Datumaro": [{"annotations/default.json": '{"categories": {"label": {}}, "items": []}'}],
    "BDD100K": [{"det.json": '[{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}]'}],
    "COCO results": [{"results.json": '[{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}]'}],
    "dlib (imglab)": [{"x.xml": "<?xml version='1.0'?><dataset><images><image file='a.jpg'/></images></dataset>"}],
    "Open Images": [{"train.csv": "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"}],
    "KITTI": [{"label_2/a.txt": "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"}],
    "DOTA": [{"labelTxt/a.txt": "1.0 2.0 30.0 2.0 30.0 20.0 1.0 20.0 ship 0\n"}],
    tools.HEADLESS: [{"annotations.csv": "images/a.jpg,1,2,30,40,cat\n"}],
    tools.UNKNOWN: [{"a.json": '{"file": "a.jpg", "things": [{"bbox": [1, 2, 3, 4]}]}'}, {"a.xml": "<photo><thing><bndbox/></thing></photo>"}],
}


@pytest.mark.parametrize("name, files", [(name, files) for name, some in FOREIGN.items() for files in some])
def test_what_is_not_read_is_called_by_its_name_with_what_to_do(tmp_path, name, files):
    lay(tmp_path, {**files, "train/a.jpg": ""})
    assert is_boxed(tmp_path), "and not class folders"
    with pytest.raises(CvappError) as caught:
        scan(tmp_path)
    assert f"annotations of {name}, which cvapp does not read; {tools.NAMES[name]}" in str(caught.value)
    assert caught.value.code == Exit.BAD_DATA and "COCO" in str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        {"notes.json": '{"categories": [{"id": 0, "name": "cat"}], "info": {"contributor": "Label Studio"}}'},
        {"captions_train.json": '{"images": [], "annotations": [{"image_id": 1, "caption": "a cat"}]}'},
        {"about.json": '{"images": 12, "annotations": "none"}'},
        {"takeout.jpg.json": '{"title": "a.jpg", "geoData": {"latitude": 0.0}}'},
        {"cats/1.txt": "a photo of 5 cats on a sofa"},
        {"numbers.csv": "path,label\ncats/1.jpg,cats\n"},
        {"broken.json": "{"},
        {"empty.json": "", "x.xml": "<notes><note/></notes>"},
        {"labels/1.jpg": ""},
        {"model.yaml": "name: x\nlayers: 3\n", "classes.txt": "cats\ndogs\n"},
    ],
)
def test_class_folders_with_other_files_stay_class_folders(tmp_path, files):
    """The control."""
    lay(tmp_path, {"cats/1.jpg": "", "dogs/1.jpg": ""})
    lay(tmp_path, {name: text or "[]" for name, text in files.items() if not name.endswith(".jpg")})
    assert not is_boxed(lay(tmp_path, {name: text for name, text in files.items() if name.endswith(".jpg")}))


def test_label_studios_yolo_export_is_yolo(tmp_path):
    notes = '{"categories": [{"id": 0, "name": "cat"}], "info": {"year": 2025}}'
    lay(tmp_path, {"notes.json": notes, "classes.txt": "cat\n", "images/a.jpg": "", "labels/a.txt": "0 .5 .5 .5 .5"})
    assert scan(tmp_path).format == "yolo"


def test_what_is_written_too_goes_before_what_was_made_of_it(tmp_path):
    """TensorFlow's tutorials make a csv of VOC's xmls and leave both there."""
    lay(tmp_path, {"train/a.xml": voc_xml("a.jpg", CAT), "train/a.jpg": "", "train_labels.csv": SETS["tensorflow"]["a.csv"]})
    assert scan(tmp_path).format == "voc"
    assert scan(tmp_path / "train_labels.csv").format == "tensorflow"


def test_numbers_beside_pictures_are_yolo_that_lacks_its_names(tmp_path):
    with pytest.raises(CvappError, match="the classes have no names; add data.yaml with names:, or classes.txt, a line each"):
        scan(lay(tmp_path, {"train/a.jpg": "", "train/a.txt": "0 .5 .5 .5 .5"}))


@pytest.mark.parametrize("text", ["a\nb", "\u202ecat", "x" * 101, "a\u00adb"])
def test_labels_obey_one_rule_whatever_the_format(tmp_path, text):
    sets = {
        "voc": {"b.xml": voc_xml("b.jpg", (text, 2, 2, 20, 20)), **SETS["voc"], "b.jpg": ""},
        "coco": {"all.json": coco_json(["a.jpg"], (0, 1, [1, 1, 9, 9]), labels=(text,)), **JPG},
        "yolo": {"data.yaml": f"names: [{json.dumps(text)}]", "a.txt": "0 .5 .5 .5 .5", **JPG},
    }
    with pytest.raises(CvappError, match="all.json: categories.0.: label .*; mend it"):
        scan(lay(tmp_path / "coco", sets["coco"]))
    with pytest.raises(CvappError, match="data.yaml: label "):
        scan(lay(tmp_path / "yolo", sets["yolo"]))
    found = scan(lay(tmp_path / "voc", sets["voc"]))
    assert found.labels == ["cat"] and "b.xml: object 1: label " in found.stray["b.jpg"]


def test_accents_are_composed(tmp_path):
    found = scan(lay(tmp_path, {"a.xml": voc_xml("a.jpg", ("e\u0301", 1, 1, 5, 5), ("\u00e9", 1, 1, 9, 9)), "a.jpg": ""}))
    assert found.labels == ["\u00e9"]


BOTH = {
    "labelme": {"b.json": json.dumps({"imagePath": "b.jpg", "shapes": [{"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}]})},
    "createml": {
        "x.json": '[{"image": "b.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 9, "y": 9, "width": 5, "height": 5}}]}]'
    },
    "tensorflow": {"x.csv": "filename,class,xmin,ymin,xmax,ymax\nb.jpg,cat,1,1,9,9\n"},
    "edge_impulse": {"bounding_boxes.labels": '{"boundingBoxes": {"b.jpg": [{"label": "cat", "x": 1, "y": 1, "width": 9, "height": 9}]}}'},
}


@pytest.mark.parametrize("other", list(BOTH))
@pytest.mark.parametrize("one", ["voc", "coco", "yolo"])
def test_two_formats_that_both_hold_boxes_are_refused(tmp_path, one, other):
    """LabelImg writes YOLO and CreateML by one button: photos of the one would be background of the other."""
    lay(tmp_path, {**SETS[one], **BOTH[other], "b.jpg": ""})
    with pytest.raises(CvappError, match=f"holds {one} and {other}; keep one, or name its json, csv or data.yaml") as caught:
        scan(tmp_path)
    assert caught.value.code == Exit.BAD_DATA


@pytest.mark.parametrize(
    "files",
    [
        {"b.json": json.dumps({"imagePath": "b.jpg", "shapes": []})},
        {"x.json": '[{"image": "b.jpg", "annotations": []}]'},
        {"x.json": '[{"image": "gone.jpg", "annotations": [{"label": "c", "coordinates": {"x": 9, "y": 9, "width": 5, "height": 5}}]}]'},
    ],
)
def test_a_file_of_another_format_without_boxes_of_pictures_stops_nobody(tmp_path, files):
    """The control."""
    found = scan(lay(tmp_path, {**SETS["yolo"], **files, "b.jpg": ""}))
    assert (found.format, len(found.photos)) == ("yolo", 2)


@pytest.mark.parametrize("name", ["CVAT", "Supervisely", "VIA (VGG Image Annotator)"])
def test_boxes_that_are_not_read_may_be_those_of_photos_without_label_file(tmp_path, name):
    lay(tmp_path, {**SETS["yolo"], **FOREIGN[name][0], "b.jpg": ""})
    with pytest.raises(CvappError, match="holds yolo and .*; keep one, or name its json, csv or data.yaml") as caught:
        scan(tmp_path)
    assert f"yolo and {name};" in str(caught.value)
    assert len(scan(lay(tmp_path, {"b.txt": "0 .5 .5 1 1"})).photos) == 2, "every photo has boxes: no more is to be known"


@pytest.mark.parametrize("name", [tools.UNKNOWN, "COCO results"])
def test_what_may_be_something_else_stops_nobody(tmp_path, name):
    """The control."""
    assert len(scan(lay(tmp_path, {**SETS["yolo"], **FOREIGN[name][0], "b.jpg": ""})).photos) == 2
