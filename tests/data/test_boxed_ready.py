"""`data check` and training agree on photos with boxes: what is called ready trains, and drops no photo that the check does not name."""

import json

import pytest

from cvapp import images, signs
from cvapp.data.boxed_check import check
from cvapp.data.frames import prepare
from cvapp.errors import CvappError
from cvapp.images import Images
from cvapp.recipe import Model, Recipe
from tests.data.formats.sets import lay, voc_xml

RECIPE = Recipe(task="detect", images=Images((48, 64), "letterbox"), model=Model(backbone="window_net", weights="none"))
GOOD = [f"g{number}" for number in range(6)]
LINE = "0 .5 .5 .5 .5"
POINT = {"label": "cat", "points": [[1, 1]], "shape_type": "point"}


def scene(path, number):
    """A photo of its own, large enough to be a near copy of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, signs.photo(number % 9, "cup", 100 + number, (72, 96)))


def photos(folder, *names, home="images"):
    """Photos that are no copies of one another."""
    for number, name in enumerate(names):
        scene(folder / home / f"{name}.png", number)


def yolo(folder, bad, good=GOOD, **more):
    """Six good photos, and `bad.png` with these lines; without any where that is None."""
    photos(folder, *good, "bad")
    files = {f"labels/{name}.txt": LINE for name in good} | {"data.yaml": "names: [cat]"} | ({} if bad is None else {"labels/bad.txt": bad})
    return lay(folder, {name: text or "\n" for name, text in {**files, **more}.items()})


def coco(folder, *annotations, **more):
    """The same; the bad photo's id is 9."""
    photos(folder, *GOOD, "bad")
    whole = {
        "images": [{"id": place, "file_name": f"{name}.png"} for place, name in [*enumerate(GOOD), (9, "bad")]],
        "annotations": [{"image_id": place, "category_id": 1, "bbox": [1, 1, 30, 30]} for place in range(6)] + list(annotations),
        "categories": [{"id": 1, "name": "cat"}],
    }
    return lay(folder, {"all.json": json.dumps(whole | more)})


def voc(folder, bad):
    photos(folder, *GOOD, "bad")
    xmls = {f"xml/{name}.xml": voc_xml(f"{name}.png", ("cat", 2, 2, 30, 30)) for name in GOOD}
    return lay(folder, {**xmls, **({"xml/bad.xml": bad} if bad else {})})


def labelme(folder, bad):
    photos(folder, *GOOD, "bad")
    shape = {"label": "cat", "points": [[1, 1], [30, 30]], "shape_type": "rectangle"}
    texts = {f"images/{name}.json": json.dumps({"imagePath": f"{name}.png", "shapes": [shape]}) for name in GOOD}
    return lay(folder, {**texts, **({"images/bad.json": bad} if bad else {})})


def copied(folder, lines):
    """A copy of a good photo, byte for byte, under another name and with other lines."""
    yolo(folder, lines)
    (folder / "images" / "bad.png").write_bytes((folder / "images" / "g0.png").read_bytes())


def nearly(folder):
    """A near copy of a photo to train on among those to be tested with."""
    yolo(folder, LINE, **{"data.yaml": "train: t.txt\nval: v.txt\ntest: x.txt\nnames: [cat]", "x.txt": "images/bad.png"})
    lay(folder, {"t.txt": "".join(f"images/{name}.png\n" for name in GOOD[:4]), "v.txt": "".join(f"images/{name}.png\n" for name in GOOD[4:])})
    (folder / "images" / "bad.png").write_bytes((folder / "images" / "g0.png").read_bytes() + b"\0")


def cut(folder):
    yolo(folder, LINE)
    data = (folder / "images" / "bad.png").read_bytes()
    (folder / "images" / "bad.png").write_bytes(data[:-30])


def parts(folder, **lists):
    """Photos in the lists of a data.yaml."""
    names = {"train": "t.txt", "val": "v.txt", "test": "x.txt"}
    yaml = "".join(f"{part}: {names[part]}\n" for part in lists) + "names: [cat]"
    texts = {names[part]: "".join(f"images/{name}.png\n" for name in some) for part, some in lists.items()}
    yolo(folder, LINE, **{"data.yaml": yaml, **texts})


def alone(folder):
    photos(folder, "a")
    lay(folder, {"data.yaml": "names: [cat]", "labels/a.txt": LINE})


BAD = {
    "a good set": lambda at: yolo(at, LINE),
    "a background": lambda at: yolo(at, ""),
    "a photo without label file": lambda at: yolo(at, None),
    "an undeclared class": lambda at: yolo(at, "7 .5 .5 .5 .5"),
    "no size": lambda at: yolo(at, "0 .5 .5 0 .5"),
    "a damaged line": lambda at: yolo(at, "cat .5 .5 .5 .5"),
    "a class that is not whole": lambda at: yolo(at, "0.5 .5 .5 .5 .5"),
    "an outline": lambda at: yolo(at, "0 .1 .1 .5 .1 .5 .6"),
    "far outside": lambda at: yolo(at, "0 5 5 .1 .1"),
    "beyond the frame": lambda at: yolo(at, "0 .9 .9 .5 .5"),
    "a label file of another name": lambda at: yolo(at, None, **{"labels/other.txt": LINE}),
    "a label file with a prefix": lambda at: yolo(at, None, **{"labels/0a1b2c3d-bad.txt": LINE}),
    "a picture that is cut short": cut,
    "a copy with other boxes": lambda at: copied(at, "0 .2 .2 .1 .1"),
    "a copy without boxes": lambda at: copied(at, None),
    "a copy": lambda at: copied(at, LINE),
    "a near copy in another part": nearly,
    "a list of nothing else": lambda at: parts(at, train=GOOD, val=[]),
    "only to be tested": lambda at: parts(at, test=GOOD),
    "in two lists": lambda at: parts(at, train=GOOD[:4], val=[*GOOD[3:], "bad"]),
    "in no list": lambda at: parts(at, train=GOOD[:3], val=GOOD[3:]),
    "missing in a list": lambda at: parts(at, train=[*GOOD[:3], "gone"], val=[*GOOD[3:], "bad"]),
    "a damaged split": lambda at: yolo(at, LINE, **{"images/split.csv": "nonsense"}),
    "one photo": alone,
    "no objects to train on": lambda at: yolo(at, "", good=[]),
    "COCO, a good set": lambda at: coco(at, {"image_id": "9", "category_id": 1.0, "bbox": [1, 1, 9, 9]}),
    "COCO, an undeclared class": lambda at: coco(at, {"image_id": 9, "category_id": 5, "bbox": [1, 1, 9, 9]}),
    "COCO, an id of no picture": lambda at: coco(at, {"image_id": "nine", "category_id": 1, "bbox": [1, 1, 9, 9]}),
    "COCO, an outline": lambda at: coco(at, {"image_id": 9, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}),
    "COCO, a picture in no json": lambda at: (coco(at), scene(at / "images" / "more.png", 50)),
    "COCO, no categories": lambda at: coco(at, categories=[]),
    "VOC, no xml": lambda at: voc(at, None),
    "VOC, damaged": lambda at: voc(at, "<annotation>"),
    "VOC, no size": lambda at: voc(at, voc_xml("bad.png", ("cat", 9, 9, 3, 3))),
    "VOC, a bad label": lambda at: voc(at, voc_xml("bad.png", ("a\nb", 2, 2, 9, 9))),
    "LabelMe, no json": lambda at: labelme(at, None),
    "LabelMe, a point": lambda at: labelme(at, json.dumps({"imagePath": "bad.png", "shapes": [POINT]})),
}
READY = {"a good set", "a background", "a photo without label file", "an outline", "beyond the frame", "a label file with a prefix", "a copy"}
READY |= {"in no list", "a list of nothing else", "COCO, a good set", "COCO, an outline", "COCO, a picture in no json"}


@pytest.mark.parametrize("make", BAD.values(), ids=list(BAD))
def test_the_check_says_what_training_does(workspace, make, request):
    folder = workspace / "set"
    make(folder)
    found, told = outcome(lambda: check(folder)), []
    made = outcome(lambda: prepare(folder, RECIPE, lambda text, done=None, total=None: told.append(text)))
    ready = bool(found) and not found.wrong and not found.missing
    assert ready == (request.node.callspec.id in READY)
    if ready or made:
        named = "\n".join([*found.unusable, *found.left_out, *(line for lines in found.mended.values() for line in lines)])
        lost = {path.name for path in folder.rglob("*.png")} - {row.path.split("/")[-1] for row in made.rows}
        assert all(name in named and name in "\n".join(told) for name in lost)
        assert not ready or not made.left_out
    else:
        assert made is None and (not found or found.wrong or found.missing)


def outcome(work):
    """What work answers; None where it ends with one line."""
    try:
        return work()
    except CvappError:
        return None


def test_too_few_photos_are_not_called_wrong_but_not_ready_either(workspace):
    alone(workspace / "set")
    found = check(workspace / "set")
    assert not found.wrong and found.few and found.missing.startswith("no photo to validate with: add different photos")


def test_parts_without_any_photo_to_train_on_are_wrong(workspace):
    parts(workspace / "set", test=[*GOOD, "bad"])
    found = check(workspace / "set")
    assert found.wrong and not found.few and found.missing.startswith("no photo to train on and none to validate with")


@pytest.mark.parametrize("lines", [LINE + "\n0 .2 .2 .1 .1", ""])
def test_copies_whose_boxes_differ_are_left_out_by_name(workspace, lines):
    copied(workspace / "set", lines)
    found = check(workspace / "set")
    reason = "same picture as {}, which has other boxes; keep the one that is right"
    assert found.left_out == {"bad.png": reason.format("g0.png"), "g0.png": reason.format("bad.png")} and found.wrong
    made = prepare(workspace / "set", RECIPE)
    assert made.left_out == found.left_out and len(made.rows) == 5


def test_the_boxes_of_copies_may_stand_in_another_order(workspace):
    copied(workspace / "set", f"0 .2 .2 .1 .1\n{LINE}")
    lay(workspace / "set", {"labels/g0.txt": f"{LINE}\n0 .2 .2 .1 .1"})
    found = check(workspace / "set")
    assert found.left_out == {} and not found.wrong and found.parts == {"none": 7}
