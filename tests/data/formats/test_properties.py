"""Whatever annotation files hold: reading ends with a listing or one error, every picture is used or named, and boxes lie within pictures."""

import codecs
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cvapp.data.formats import is_boxed, scan
from cvapp.errors import CvappError
from tests.properties import examples

WIDTH, HEIGHT = 24, 16
NAMES = ("a.png", "images/b.PNG", "images/train/c d.png", "val/é.png", "labels/1.png")
PNGS = [cv2.imencode(".png", np.full((HEIGHT, WIDTH, 3), 40 * place, np.uint8))[1].tobytes() for place in range(len(NAMES))]

numbers = st.one_of(
    st.integers(-3, 40), st.floats(-3, 40), st.sampled_from([float("nan"), float("inf"), 1e308, -1e308, 10**400, 0, 1, 0.5, -0.0])
)
odd = st.one_of(numbers, st.text(max_size=4), st.none(), st.booleans(), st.lists(st.integers(0, 9), max_size=3), st.just({}))
rarely_odd = st.one_of(numbers, numbers, numbers, odd)
labels = st.one_of(st.sampled_from(["cat", "dog", "cat ", "e\u0301", "a\nb", "\u202ecat", "", "x" * 101, "0"]), st.text(max_size=3))
called = st.one_of(
    st.sampled_from([*NAMES, "a", "c d.png", "b.png", "C:\\me\\val\\é.png", "/data/upload/1/0a1b2c3d-a.png", "?d=images/b.PNG", "c%20d.png"]),
    st.sampled_from(["e\u0301.png", "http://x/val/%C3%A9.png?token=1", "gone.png", "", "..", "/", "a\0.png", "\ud800.png", "[::1.png", "//[x"]),
    st.text(max_size=5),
)
ids = st.one_of(st.sampled_from([1, 2, 3, 1.0, "1", "2.0", " 3 ", True, None, [1], "x"]), odd)
boxes = st.lists(rarely_odd, min_size=3, max_size=5)
polygons = st.lists(st.lists(rarely_odd, min_size=0, max_size=9), max_size=3)
counts = st.one_of(st.text("0123RSTab`~\n", max_size=8), st.lists(rarely_odd, max_size=5))
runs = st.fixed_dictionaries({"size": st.lists(rarely_odd, min_size=2, max_size=2), "counts": counts})


def fields(**known):
    """Objects with most of some fields."""
    return st.fixed_dictionaries({}, optional=known)


coco = fields(
    images=st.lists(fields(id=ids, file_name=called, width=odd, height=odd), max_size=4),
    annotations=st.lists(
        fields(
            image_id=ids,
            category_id=ids,
            bbox=boxes,
            segmentation=st.one_of(polygons, runs, odd),
            iscrowd=odd,
            keypoints=st.lists(numbers, max_size=6),
            attributes=fields(rotation=odd),
        ),
        max_size=5,
    ),
    categories=st.lists(fields(id=ids, name=labels), max_size=3),
).map(lambda whole: {"images": [], "annotations": [], "categories": [], **whole})
labelme = fields(
    imagePath=called,
    imageWidth=odd,
    imageHeight=odd,
    shapes=st.lists(
        fields(
            label=labels,
            points=st.lists(st.lists(rarely_odd, min_size=1, max_size=3), max_size=4),
            shape_type=st.sampled_from(["rectangle", "polygon", "circle", "point", "line", "mask", "?"]),
        ),
        max_size=3,
    ),
)
coordinates = fields(x=rarely_odd, y=rarely_odd, width=rarely_odd, height=rarely_odd)
createml = st.lists(
    fields(image=called, annotations=st.lists(fields(label=labels, coordinates=st.one_of(coordinates, odd)), max_size=3)), max_size=4
)
impulse = st.dictionaries(called, st.lists(fields(label=labels, x=numbers, y=numbers, width=numbers, height=rarely_odd), max_size=3), max_size=3)
wholes = st.one_of(coco, coco, labelme, createml, impulse.map(lambda listed: {"boundingBoxes": listed}), odd)
jsons = st.builds(lambda whole, plain: json.dumps(whole, ensure_ascii=plain), wholes, st.booleans())


def _xml(tree):
    name, objects = tree
    tags = "".join(
        f"<object><name>{label}</name><{frame}>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(order, values)) + f"</{frame}></object>"
        for label, frame, order, values in objects
    )
    return f"<annotation><filename>{name}</filename><size><width>24</width><height>16</height></size>{tags}</annotation>"


frames = st.sampled_from(
    [("bndbox", ("xmin", "ymin", "xmax", "ymax")), ("robndbox", ("cx", "cy", "w", "h", "angle")), ("polygon", ("x1", "y1", "x2", "y2", "x3", "y3"))]
)
xmls = st.tuples(
    called, st.lists(st.tuples(labels, frames, st.lists(rarely_odd, min_size=3, max_size=6)).map(lambda one: (one[0], *one[1], one[2])), max_size=3)
).map(_xml)
shares = st.one_of(st.sampled_from(["0", "0.5", ".25", "1", "nan", "1e400", "-1", "0.000000", "cat", "1_0", "0,5"]), numbers.map(str))
lines = st.lists(st.lists(shares, min_size=0, max_size=12).map(" ".join), max_size=4).map("\n".join)
yamls = st.lists(
    st.sampled_from(
        ["names: [cat, dog]", "names:\n  0: cat\n  1: a", "train: images", "val: ../val", "path: x", "kpt_shape: [1, 3]", "test: /c/images"]
        + ["names: {"]
    ),
    max_size=4,
).map("\n".join)
cells = st.one_of(st.sampled_from(["1", "20", "0.5", "", "x", "nan"]), numbers.map(str))
rows = st.lists(st.tuples(called, labels, st.lists(cells, min_size=2, max_size=5)).map(lambda row: ",".join([row[0], row[1], *row[2]])), max_size=5)
csvs = rows.map(lambda some: "\n".join(["filename,class,xmin,ymin,xmax,ymax", *some]))
lists = st.lists(called, max_size=4).map("\n".join)


def encoded(text, how, cut):
    """The bytes of a text in an encoding, perhaps cut short."""
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-8-sig": b""}.get(how, b"")
    data = mark + text.encode(how, "replace")
    return data[: len(data) * cut // 10]


def files(path, texts):
    """A file's name and its content."""
    encodings = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "latin-1"])
    content = st.builds(encoded, texts, encodings, st.sampled_from([10, 10, 10, 10, 7, 3, 0]))
    return st.tuples(path, st.one_of(content, content, content, content, st.binary(max_size=20)))


stems = st.sampled_from(["a", "images/b", "images/train/c d", "val/é", "labels/b", "labels/train/c d", "x/0a1b2c3d-a", "labels/A", "Annotations/b"])
some_files = st.one_of(
    files(st.sampled_from(["a.json", "annotations/train.json", "val/_annotations.json", "bounding_boxes.labels", "x.JSON"]), jsons),
    files(stems.map(lambda stem: f"{stem}.json"), labelme.map(json.dumps)),
    files(stems.map(lambda stem: f"{stem}.xml"), xmls),
    files(stems.map(lambda stem: f"{stem}.txt"), lines),
    files(st.sampled_from(["data.yaml", "x/my.yml"]), yamls),
    files(st.sampled_from(["classes.txt", "obj.names", "labels/classes.txt", "labels.txt"]), st.lists(labels, max_size=3).map("\n".join)),
    files(st.sampled_from(["train.txt", "val.txt", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt"]), lists),
    files(st.sampled_from(["train_labels.csv", "val/_annotations.csv"]), csvs),
)


def lay(folder, contents):
    """The pictures, and these files, below a folder."""
    for name, content in [*zip(NAMES, PNGS), *contents]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def looked_at(folder):
    """A listing whose every picture is used or named and whose boxes lie within; None where reading ended with one line."""
    boxed = is_boxed(folder)
    try:
        found = scan(folder)
    except CvappError as error:
        assert "\n" not in str(error) and str(error)
        return None
    assert boxed
    used = {found.folder / photo.name for photo in found.photos}
    told = {folder / name for name in found.stray} | {found.folder / name for name in found.stray}
    told |= {base / line.rsplit(": is in no", 1)[0] for line in found.mended for base in (folder, found.folder)}
    pictures = {folder / name for name in NAMES}
    assert used <= pictures and not used & told
    assert {path for path in pictures if path.is_relative_to(found.folder) or path in told} <= used | told
    for photo in found.photos:
        assert photo.size == (HEIGHT, WIDTH)
        for box in photo.boxes:
            left, top, right, bottom = box.xyxy
            assert 0 <= left < right <= WIDTH and 0 <= top < bottom <= HEIGHT
            assert box.label in found.labels and box.label.isprintable() and 0 < len(box.label) <= 100
            assert np.isfinite(np.reshape(box.points, (-1, 2))).all()
    return found


@examples(30)
@given(st.lists(some_files, min_size=1, max_size=4))
def test_whatever_the_files_hold(contents):
    with tempfile.TemporaryDirectory() as place:
        lay(Path(place), contents)
        looked_at(Path(place))


@examples(25)
@given(jsons)
def test_whatever_a_json_holds(text):
    with tempfile.TemporaryDirectory() as place:
        lay(Path(place), [("annotations/train.json", text.encode("utf-8", "replace"))])
        looked_at(Path(place))


same = st.sampled_from([int, float, str, lambda number: f"{number}.0"])


@examples(25)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4), same, same, boxes), max_size=8),
    st.permutations(range(5)),
)
def test_a_photo_of_coco_that_lost_all_its_boxes_is_never_background(drawn, order):
    """Its objects are known here: one that is used has boxes where it has objects, whatever became of each of them."""
    images = [{"id": place + 1, "file_name": NAMES[place]} for place in order]
    annotations = [{"image_id": one(image), "category_id": other(kind), "bbox": bbox} for image, kind, one, other, bbox in drawn]
    whole = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
    with tempfile.TemporaryDirectory() as place:
        lay(Path(place), [("all.json", json.dumps(whole).encode())])
        found = looked_at(Path(place))
    bearing = {NAMES[image - 1] for image, *_ in drawn}
    for photo in found.photos if found else []:
        assert bool(photo.boxes) == (photo.name in bearing)
    if not found:
        assert bearing == set(NAMES)
