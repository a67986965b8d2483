"""Pascal VOC: pixels from 1, parts from lists or folders, and the reason for each picture that cannot be used."""

import unicodedata

import pytest

from cvapp.data.boxed import Box
from cvapp.data.formats import voc
from tests.data.formats.sets import lay, voc_xml

SETS = "ImageSets/Main/"


def test_pixels_count_from_one_and_the_last_belongs_to_the_box(tmp_path):
    xml = voc_xml("a.jpg", ("cat", 1, 1, 64, 48), ("dog 2", 11, 21, 11, 30, 1))
    lay(tmp_path, {"Annotations/a.xml": xml, "JPEGImages/a.jpg": ""})
    found = voc.read(tmp_path)
    (photo,) = found.photos
    assert photo.boxes == (Box("cat", (0.0, 0.0, 64.0, 48.0)), Box("dog 2", (10.0, 20.0, 11.0, 30.0), True))
    assert (photo.name, photo.size, photo.part, found.labels) == ("a.jpg", (48, 64), None, ["cat", "dog 2"])
    assert (found.folder, found.format, found.mended, found.stray) == (tmp_path / "JPEGImages", "voc", [], {})


def test_a_tool_that_counts_from_zero_is_clipped_without_a_word_two_pixels_are_told(tmp_path):
    xml = voc_xml("a.jpg", ("cat", 0, 0, 20, 20), ("cat", -1, 1, 20, 20))
    found = voc.read(lay(tmp_path, {"Annotations/a.xml": xml, "JPEGImages/a.jpg": ""}))
    assert [box.xyxy for box in found.photos[0].boxes] == 2 * [(0.0, 0.0, 20.0, 20.0)]
    assert found.mended == ["a.jpg: box 2 (cat) -2..20 x 0..20 reaches beyond the picture (64x48): clipped"]


def test_parts_come_from_the_lists(tmp_path):
    names = ("train 1", "val_1", "test.1", "both", "only trainval", "free")
    lay(tmp_path, {f"Annotations/{name}.xml": voc_xml(f"{name}.jpg") for name in names})
    lay(tmp_path, {f"JPEGImages/{name}.jpg": "" for name in names})
    lay(
        tmp_path,
        {
            SETS + "train.txt": "train 1\r\nboth 1\r\n",
            SETS + "val.txt": "val_1.jpg\nboth -1\n",
            SETS + "trainval.txt": "train 1\nval_1\nonly trainval\nboth\n",
            SETS + "test.txt": "\ufefftest.1  0\ngone\n",
            SETS + "cat_train.txt": "free 1\n",
        },
    )
    found = voc.read(tmp_path)
    parts = {photo.name: photo.part for photo in found.photos}
    assert parts == {"train 1.jpg": "train", "val_1.jpg": "val", "test.1.jpg": "test", "only trainval.jpg": "train", "free.jpg": None}
    assert found.stray == {
        "both.jpg": "listed in train.txt and in val.txt; keep it in one",
        "gone.jpg": "ImageSets/Main/test.txt lists it, but it has no xml",
    }


def test_xmls_may_lie_beside_their_pictures_in_folders_of_parts(tmp_path):
    files = {
        f"{part}/{part}.{end}": voc_xml(f"{part}.png") if end == "xml" else "" for part in ("train", "valid") for end in ("xml", "png")
    }
    assert [(photo.name, photo.part) for photo in voc.read(lay(tmp_path, files)).photos] == [
        ("train/train.png", "train"),
        ("valid/valid.png", "val"),
    ]


def test_the_picture_is_the_one_of_the_same_name_else_the_one_that_is_named(tmp_path):
    lay(tmp_path, {"Annotations/a.xml": voc_xml("other.jpg"), "images/a.PNG.jpg": "", "images/a.png": ""})
    lay(tmp_path, {"Annotations/b.xml": voc_xml("C:\\photos\\IMG_1.jpg"), "images/IMG_1.jpg": ""})
    lay(tmp_path, {"Annotations/c.xml": voc_xml("c.bmp"), "images/c.bmp": "", "images/c.jpg": ""})
    found = voc.read(tmp_path)
    assert [photo.name for photo in found.photos] == ["IMG_1.jpg", "a.png", "c.bmp"]
    assert found.stray == dict.fromkeys(("a.PNG.jpg", "c.jpg"), "has no xml; give it one, without objects where it shows none")


def test_two_annotations_of_one_picture_are_told(tmp_path):
    lay(tmp_path, {"Annotations/a.xml": voc_xml("a.jpg"), "Annotations/b.xml": voc_xml("a.jpg"), "Annotations/c.xml": voc_xml("c.jpg")})
    found = voc.read(lay(tmp_path, {"JPEGImages/a.jpg": "", "JPEGImages/c.jpg": ""}))
    assert found.stray == {"a.jpg": "annotated twice, in Annotations/a.xml and in Annotations/b.xml; keep the one that is right"}


BOMB = '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>'
DAMAGED = {
    "": "line 1: no element found",
    "<annotation>\n<object>": "line 2: no element found",
    "<annotation></annotatio>": "line 1: mismatched tag",
    "<html></html>": "its first element is <html>, not <annotation>",
    BOMB: "declares entities, which no annotation needs; remove its DOCTYPE",
    BOMB.replace('"lol"', 'SYSTEM "file:///etc/passwd"'): "declares entities, which no annotation needs; remove its DOCTYPE",
    '<?xml version="1.0" encoding="nonsense"?><annotation/>': "unknown encoding: nonsense",
    voc_xml("a.jpg", ("cat", 1, 1, 5, 5), ("cat", 1, "x", 5, 5)): "object 2: ymin is 'x', not a number",
    voc_xml("a.jpg", (" ", 1, 1, 5, 5)): "object 1 has no name",
    "<annotation><object><name>cat</name></object></annotation>": "object 1 has no bndbox",
    "<annotation><object><name>cat</name><bndbox><xmin>3</xmin></bndbox></object></annotation>": "object 1: ymin is '', not a number",
}


@pytest.mark.parametrize("xml, reason", DAMAGED.items(), ids=list(DAMAGED.values()))
def test_a_damaged_xml_makes_its_picture_a_stray_and_says_where(tmp_path, xml, reason):
    lay(tmp_path, {"Annotations/good.xml": voc_xml("good.jpg"), "JPEGImages/good.jpg": "", "JPEGImages/a.jpg": ""})
    (tmp_path / "Annotations" / "a.xml").write_text(xml)
    found = voc.read(tmp_path)
    assert [photo.name for photo in found.photos] == ["good.jpg"]
    assert found.stray == {"a.jpg": f"Annotations/a.xml: {reason}"}


def test_a_doctype_without_entities_and_another_encoding_are_read(tmp_path):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE annotation>' + voc_xml("a.jpg", ("Kätzchen", 1, 1, 5, 5))
    found = voc.read(lay(tmp_path, {"Annotations/a.xml": text.encode("latin-1"), "JPEGImages/a.jpg": ""}))
    assert found.labels == ["Kätzchen"]


def test_labels_txt_orders_the_classes_and_others_follow(tmp_path):
    xml = voc_xml("a.jpg", *((label, 1, 1, 5, 5) for label in ("c10", "b", "c2", "a")))
    found = voc.read(lay(tmp_path, {"Annotations/a.xml": xml, "JPEGImages/a.jpg": "", "labels.txt": "b\n\nunused\n"}))
    assert found.labels == ["b", "unused", "a", "c2", "c10"]


def in_parts(photos="JPEGImages"):
    """Folders of the parts within Annotations and within the folder of photos."""
    files = {f"Annotations/{part}/{part}.xml": voc_xml(f"{part}.jpg", ("cat", 1, 1, 9, 9)) for part in ("train", "val")}
    return {**files, **{f"{photos}/{part}/{part}.jpg": "" for part in ("train", "val")}}


@pytest.mark.parametrize("photos", ["JPEGImages", "images", "pics"])
def test_parts_come_from_folders_where_there_are_no_lists(tmp_path, photos):
    found = voc.read(lay(tmp_path, in_parts(photos)))
    assert [photo.part for photo in found.photos] == ["train", "val"] and found.stray == {}
    found = voc.read(lay(tmp_path, {SETS + "default.txt": "train/train\nval/val\n"}))
    assert [photo.part for photo in found.photos] == [None, None], "a list of no part says that there are none"


def test_lists_say_names_as_people_write_them(tmp_path):
    names = [unicodedata.normalize("NFC", name) for name in ("é", "ü")]
    lay(tmp_path, {f"Annotations/{name}.xml": voc_xml(f"{name}.jpg", ("cat", 1, 1, 9, 9)) for name in (*names, "IMG_1")})
    lay(tmp_path, {f"JPEGImages/{name}.jpg": "" for name in (*names, "IMG_1")})
    lay(tmp_path, {SETS + "train.txt": unicodedata.normalize("NFD", names[0]) + "\nimg_1.JPG\n", SETS + "val.txt": f"{names[1]} 1\n"})
    found = voc.read(tmp_path)
    assert {photo.name: photo.part for photo in found.photos} == {f"{names[0]}.jpg": "train", f"{names[1]}.jpg": "val", "IMG_1.jpg": "train"}
    assert found.stray == {}


def test_lists_of_several_years_each_speak_of_their_own(tmp_path):
    files = {}
    for year, part in (("VOC2007", "train"), ("VOC2012", "val")):
        home = f"VOCdevkit/{year}"
        files |= {f"{home}/Annotations/1.xml": voc_xml("1.jpg", ("cat", 1, 1, 9, 9)), f"{home}/JPEGImages/1.jpg": ""}
        files |= {f"{home}/{SETS}{part}.txt": "1\n"}
    found = voc.read(lay(tmp_path, files))
    assert [(photo.name.split("/")[1], photo.part) for photo in found.photos] == [("VOC2007", "train"), ("VOC2012", "val")] and found.stray == {}
