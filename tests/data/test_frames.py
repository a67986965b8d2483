"""Photos with boxes fitted into frames: the boxes lie where the objects lie, in every fit, and all that was done is told."""

import dataclasses
import json

import numpy as np
import pytest

from cvapp import images
from cvapp.data import frames, split
from cvapp.data.boxed import Box
from cvapp.data.frames import TOLD, Truth, fingerprint, prepare, read_truth, write_truth
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Data, Model, Recipe

RED = (220, 30, 30)


def recipe(fit="letterbox", size=(64, 96), **more):
    return Recipe(task="detect", images=Images(size, fit), model=Model(backbone="window_net", weights="none"), **more)


def scene(number, boxes, size):
    """A grey scene with a seed of its own, so that no two are copies, and red objects."""
    height, width = size
    rgb = np.kron(np.random.default_rng(number).integers(60, 120, (8, 8, 1)), np.ones((height // 8 + 1, width // 8 + 1, 3)))
    rgb = np.repeat(rgb[:height, :width, :1], 3, 2).astype(np.uint8)
    for left, top, right, bottom in boxes:
        rgb[top:bottom, left:right] = RED
    return rgb


def lay(folder, photos, labels=("cat", "dog"), part=""):
    """A COCO set of photos: (size, [(label, (left, top, right, bottom), keys ...)])."""
    entries, annotations = [], []
    for number, (size, objects) in enumerate(photos):
        images.write(folder / "images" / f"{part}{number}.png", scene(number + 100 * len(part), [one[1] for one in objects], size))
        entries.append({"id": number, "file_name": f"{part}{number}.png", "width": size[1], "height": size[0]})
        for label, (left, top, right, bottom), *keys in objects:
            place = {"bbox": [left, top, right - left, bottom - top], "category_id": labels.index(label)}
            annotations.append({"image_id": number, "id": len(annotations), **place, **dict(*keys)})
    categories = [{"id": place, "name": label} for place, label in enumerate(labels)]
    path = folder / "annotations" / f"instances_{part or 'all'}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": entries, "annotations": annotations, "categories": categories}))
    return folder


PHOTOS = [
    ((100 + 4 * number, 150 - 4 * number), [("cat", (40, 30, 80, 70)), ("dog", (5, 5, 25, 20))][: number % 3]) for number in range(12)
]


@pytest.fixture
def source(workspace):
    return lay(workspace / "set", PHOTOS)


def told():
    """A report and the lines that it was told."""
    lines = []
    return lines, lambda text, done=None, total=None: lines.append(text) if done is None else None


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
def test_the_boxes_lie_where_the_objects_lie_in_the_frame(source, fit):
    found = prepare(source, recipe(fit))
    assert len(found.rows) == 12 and found.pixels.read([found.rows[0].hash]).shape == (1, 64, 96, 3)
    drawn = 0
    for digest, boxes in found.truth.items():
        pixels = found.pixels.read([digest])[0].astype(int)
        red = np.clip((pixels[..., 0] - pixels[..., 1]) / (RED[0] - RED[1]), 0, 1)
        for box in boxes:
            left, top, right, bottom = box.xyxy
            inner = red[round(top) + 1 : round(bottom) - 1, round(left) + 1 : round(right) - 1]
            assert inner.size == 0 or inner.min() > 0.95, "all of the box is red"
            drawn += 1
        area = sum((box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1]) for box in boxes)
        assert red.sum() == pytest.approx(area, rel=0.03), "and nothing else is"
    assert drawn == (10 if fit == "crop" else 12), "two lie where a crop does not look"


def test_a_frames_boxes_by_hand(source):
    """Photo 2 is 108 high and 142 wide: in a frame of 64x96 it is 64 high and 84 wide, 6 from the left."""
    found = prepare(source, recipe())
    (row,) = [row for row in found.rows if row.path == "2.png"]
    cat, dog = found.truth[row.hash]
    assert cat == Box("cat", pytest.approx((6 + 40 * 84 / 142, 30 * 64 / 108, 6 + 80 * 84 / 142, 70 * 64 / 108)))
    assert dog.xyxy == pytest.approx((6 + 5 * 84 / 142, 5 * 64 / 108, 6 + 25 * 84 / 142, 20 * 64 / 108))
    assert all(type(value) is float for value in cat.xyxy)


def test_what_a_crop_cuts_away_is_clipped_or_left_out(workspace):
    objects = [("cat", (0, 10, 60, 30)), ("dog", (0, 40, 30, 60)), ("cat", (90, 40, 110, 60), {"iscrowd": 1})]
    found = prepare(lay(workspace / "set", [((64, 192), objects), *PHOTOS]), recipe("crop"))
    (row,) = [row for row in found.rows if row.path == "0.png"]
    assert found.truth[row.hash] == (Box("cat", (0, 10, 12, 30)), Box("cat", (42, 40, 62, 60), True))


def test_parts_labels_and_the_split_beside_the_photos(source):
    lines, report = told()
    found = prepare(source, recipe(data=Data(val=0.25, test=0.25)), report)
    assert found.labels == ["cat", "dog"] and found.parts == ["train", "val", "test"]
    assert sorted(found.of("train") + found.of("val") + found.of("test")) == sorted(row.hash for row in found.rows)
    assert found.of("val") == [row.hash for row in found.rows if row.part == "val"] != []
    assert lines == [
        f"12 photos: {len(found.of('train'))} train, {len(found.of('val'))} val, {len(found.of('test'))} test",
        "12 objects: 8 cat, 4 dog",
    ]
    assert split.read(source / "split.csv") == found.rows
    again = prepare(source, recipe(data=Data(val=0.5), seed=9))
    assert again.rows == found.rows, "what is frozen stays"


@pytest.mark.parametrize("early", ["split.csv", "images/split.csv"])
def test_what_is_frozen_stays_where_photos_are_added_in_another_folder(source, early):
    """Then names start at another folder; a split of before lies in the folder of the photos."""
    before = {row.hash: row.part for row in prepare(source, recipe()).rows}
    if early != "split.csv":
        (source / "split.csv").rename(source / early)
    path = source / "annotations" / "instances_all.json"
    told = json.loads(path.read_text())
    for number in range(90, 96):
        images.write(source / "more" / f"{number}.png", scene(number, [(5, 5, 40, 40)], (80, 120)))
        told["images"].append({"id": number, "file_name": f"more/{number}.png", "width": 120, "height": 80})
        told["annotations"].append({"image_id": number, "id": number, "bbox": [5, 5, 35, 35], "category_id": 0})
    path.write_text(json.dumps(told))
    after = {row.hash: row.part for row in prepare(source, recipe()).rows}
    assert {digest: after[digest] for digest in before} == before
    assert [path.relative_to(source).as_posix() for path in source.rglob("split.csv")] == [early]


def test_parts_that_the_source_gives_are_kept_and_nothing_is_frozen(workspace):
    source = lay(lay(workspace / "set", PHOTOS[:6], part="train"), PHOTOS[6:9], part="val")
    found = prepare(source, recipe())
    assert [row.part for row in found.rows] == ["train"] * 6 + ["val"] * 3 and found.parts == ["train", "val"]
    assert not list(source.rglob("split.csv"))


def test_a_split_that_cannot_be_frozen_is_told_and_lives_in_the_model_alone(source, monkeypatch):
    def fails(path, rows):
        raise CvappError(f"{path}: cannot write (Read-only file system)", Exit.CANNOT_WRITE)

    monkeypatch.setattr(frames.split, "write", fails)
    lines, report = told()
    assert len(prepare(source, recipe(), report).rows) == 12
    assert lines[0].endswith("split.csv: cannot write (Read-only file system); the split lives in the model alone")


def test_what_is_left_out_or_mended_is_told_a_few_by_name(workspace):
    odd = [((80, 100 + number), [("cat", (10, 10, 30, 30)), ("dog", (50, 50, 400, 70)), ("cat", (300, 5, 320, 9))]) for number in range(4)]
    source = lay(workspace / "set", [*odd, *PHOTOS])
    (source / "images" / "15.png").write_bytes(b"")
    lines, report = told()
    found = prepare(source, recipe(), report)
    assert found.left_out["15.png"] == "the file is empty (0 bytes); copy it again" and len(found.rows) == 15
    assert lines[0] == "left out: 15.png: the file is empty (0 bytes); copy it again"
    mended = [line for line in lines if line.startswith("mended: ")]
    assert mended[0] == "mended: 0.png: box 2 (dog) 50..400 x 50..70 reaches beyond the picture (100x80): clipped"
    assert len(found.mended) == 8 and len(mended) == TOLD + 1
    assert mended[-1] == "mended: 3 more; cvapp data check names them all"


def test_a_class_without_an_object_to_train_on_is_told(workspace):
    source = lay(workspace / "set", [(size, boxes[:1]) for size, boxes in PHOTOS])
    lines, report = told()
    prepare(source, recipe(), report)
    assert lines[-1] == "class 'dog' has no object to train on; the model cannot find it" and "0 dog" in lines[-2]


def test_without_any_object_to_train_on_there_is_no_detector(workspace):
    source = lay(lay(workspace / "set", [(size, []) for size, _ in PHOTOS[:5]], part="train"), PHOTOS[6:9], part="val")
    with pytest.raises(CvappError) as error:
        prepare(source, recipe())
    assert (
        str(error.value).startswith("no object in the photos to train on: a detector needs boxes; ") and error.value.code == Exit.BAD_DATA
    )


def test_a_set_of_one_photo_cannot_be_parted(workspace):
    with pytest.raises(CvappError, match="no photo to validate with") as error:
        prepare(lay(workspace / "set", PHOTOS[1:2]), recipe())
    assert error.value.code == Exit.BAD_DATA


def marked(*points):
    return {"keypoints": [number for x, y in points for number in (x, y, 2)], "num_keypoints": len(points)}


def test_landmarks_are_fitted_as_the_boxes_are(workspace):
    two = marked((50, 40), (70, 60))
    found = prepare(lay(workspace / "set", [((128, 192), [("cat", (40, 30, 80, 70), two)]), *((size, []) for size, _ in PHOTOS)]), recipe())
    (box,) = [box for boxes in found.truth.values() for box in boxes]
    assert box.points == ((25, 20), (35, 30)) and box.xyxy == (20, 15, 40, 35) and found.points == 2


@pytest.mark.parametrize("marks, expected", [([2, 2], 2), ([2, 0], 0), ([2, 3], 0), ([0, 0], 0)])
def test_landmarks_count_where_every_box_has_as_many(marks, expected):
    boxes = [Box("cat", (0, 0, 9, 9), False, ((1.0, 2.0),) * count) for count in marks]
    made = frames.Frames([], Truth({"a": tuple(boxes[:1]), "b": tuple(boxes[1:]), "c": ()}), ["cat"], None, {}, [])
    assert made.points == expected
    assert frames.Frames([], Truth({"c": ()}), ["cat"], None, {}, []).points == 0


def test_the_fingerprint_knows_photos_parts_and_boxes(source):
    first = prepare(source, recipe())
    assert fingerprint(prepare(source, recipe())) == fingerprint(first) and len(fingerprint(first)) == 64
    digest = next(digest for digest, boxes in first.truth.items() if boxes)
    moved = first.truth[digest][0]._replace(xyxy=(1.0, 2.0, 30.0, 40.0))
    row = first.rows[0]
    for values in (
        {"truth": Truth({**first.truth, digest: (moved, *first.truth[digest][1:])})},
        {"truth": Truth({**first.truth, digest: (first.truth[digest][0]._replace(difficult=True), *first.truth[digest][1:])})},
        {"rows": [row._replace(part="train" if row.part != "train" else "val"), *first.rows[1:]]},
        {"rows": first.rows[1:]},
    ):
        assert fingerprint(dataclasses.replace(first, **values)) != fingerprint(first)
    reordered = Truth(dict(reversed(list(first.truth.items()))))
    assert fingerprint(dataclasses.replace(first, truth=reordered)) == fingerprint(first), "the order of photos is none of its business"


def test_the_truth_is_read_back_to_a_thousandth_of_a_pixel(tmp_path):
    truth = Truth({"b": (Box("Käfer, 2", (1 / 3, 2.0, 30.00049, 40.5), True, ((1.5, 2.25), (3.0, 4.0))),), "a": ()})
    write_truth(tmp_path / "truth.json", truth)
    again = read_truth(tmp_path / "truth.json")
    assert list(again) == ["a", "b"] and again["a"] == ()
    assert again["b"] == (Box("Käfer, 2", (0.333, 2.0, 30.0, 40.5), True, ((1.5, 2.25), (3.0, 4.0))),)
    write_truth(tmp_path / "again.json", again)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "truth.json").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        '{"photos": 3}',
        '{"photos": {"a": 3}}',
        '{"photos": {"a": [["cat", [1, 2, 3], false, []]]}}',
        '{"photos": {"a": [["cat"]]}}',
        '{"photos": {"a": [["cat", [1, 2, 3, 4], false, [[1]]]]}}',
    ],
)
def test_what_holds_no_boxes_is_bad_data(tmp_path, content):
    (tmp_path / "truth.json").write_text(content)
    with pytest.raises(CvappError, match=r"truth\.json: cannot be read as boxes \(\w+: .*\); copy the whole model again$") as error:
        read_truth(tmp_path / "truth.json")
    assert error.value.code == Exit.BAD_DATA


def test_a_missing_truth_is_bad_data_too(tmp_path):
    with pytest.raises(CvappError, match=r"truth\.json: cannot be read as boxes \(FileNotFoundError") as error:
        read_truth(tmp_path / "truth.json")
    assert error.value.code == Exit.BAD_DATA
