"""A detector's report: its files, what its page says, and that boxes are drawn where they are."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from cvapp import images
from cvapp.boxes import Boxes
from cvapp.card import Card
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import boxed_mistakes, boxed_report, boxed_sheets
from cvapp.evaluation.boxed_plots import write_precision_recall
from cvapp.evaluation.boxed_sheets import EDGE, FOUND, TRUE, BoxedResults
from cvapp.evaluation.detection import precision_recall
from cvapp.images import Images
from cvapp.recipe import Recipe
from tests.evaluation.detections import boxes, random_set, truth
from tests.evaluation.runs import history

LABELS = ("red & white", "platelet")
FILES = ["curves.png", "errors.csv", "false.png", "found.png", "missed.png", "precision_recall.png", "report.html"]


def card(labels=LABELS):
    """Of a detector."""
    return Card("cells", "classify", labels, Images((120, 160)), Recipe(), threshold=0.3)


def text_of(folder):
    """The page without the pictures that it holds."""
    return re.sub("base64,[^']*", "", (folder / "report.html").read_text())


def results(found, truths, **more):
    """Grey photos, so that every coloured pixel is a line."""
    photos = np.full((len(truths), 120, 160, 3), 90, np.uint8)
    names = [f"photo {place}.jpg" for place in range(len(truths))]
    plain = {
        "part": "val",
        "names": names,
        "photos": photos.__getitem__,
        "history": [{**row, "val_map50": 0.5} for row in history([0.9, 0.4, 0.3], stage="round 1")],
        "score": 0.3,
    }
    return BoxedResults(**{"found": found, "truths": truths, **plain, **more})


SOME = (
    [boxes((10, 10, 50, 50, 0.9, 0), (100, 60, 140, 100, 0.8, 1), (60, 10, 80, 30, 0.7, 1), (0, 0, 9, 9, 0.1, 0)), boxes()],
    [truth((10, 10, 50, 50, 0), (100, 60, 140, 100, 0)), truth((20, 20, 60, 60, 1))],
)


def test_the_report_is_whole(tmp_path):
    figures = boxed_report.write(card(), results(*SOME), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    page = text_of(tmp_path)
    for said in (
        "<h1>cells</h1>",
        "red &amp; white, platelet",
        "of 3 objects found",
        "in 2 validation photos",
        "<strong>1</strong><span>of 3",
        "<strong>2</strong><span>false boxes</span><small>1.00 a photo",
        "wrong class: is red &amp; white",
        "missed: no box near",
        "photo 1.jpg",
        "AP50",
        "How it was made",
    ):
        assert said in page, said
    assert "http" not in page and "nan" not in page and "src='data:" in page and not re.search("src='(?!data:)", page)
    assert page.count("data:image/png") == 3 and page.count("data:image/jpeg") == 2 + 2  # two missed, two false
    assert figures["false"] == {"wrong class": 1, "poor place": 0, "twice": 0, "background": 1} and figures["coco"]["ap50"] > 0
    rows = list(csv.DictReader((tmp_path / "errors.csv").read_text().splitlines()))
    assert [(row["kind"], row["label"], row["answer"]) for row in rows] == [
        ("missed", "platelet", ""),
        ("missed", "red & white", ""),
        ("wrong class", "red & white", "platelet"),
        ("background", "", "platelet"),
    ]


@pytest.mark.parametrize(
    "found, truths",
    [([], []), ([boxes()], [truth()]), ([boxes()], [truth((1, 1, 9, 9, 0))]), ([boxes((1, 1, 9, 9, 0.9, 0))], [truth()])],
    ids=["no photos", "nothing to find", "nothing found", "only false"],
)
def test_a_report_of_next_to_nothing_is_written(tmp_path, found, truths):
    boxed_report.write(card(), results(found, truths, history=[]), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name in FILES if name != "curves.png"]
    assert "nan" not in text_of(tmp_path)


def test_a_perfect_detector_has_no_mistakes(tmp_path):
    found = boxes((10, 10, 50, 50, 0.9, 0))
    figures = boxed_report.write(card(), results([found], [truth((10, 10, 50, 50, 0))]), tmp_path)
    page = text_of(tmp_path)
    assert figures["map50"] == 1 and page.count("<p>None.</p>") == 2 and "Without objects, so not in the mean: platelet" in page


def colours(picture):
    """The colours of a picture's pixels."""
    return set(map(tuple, picture.reshape(-1, 3).tolist()))


def test_a_cut_out_shows_the_box_in_its_middle():
    """An object of 40 pixels, missed, in a cut-out of 80: at 176 pixels its sides stand at 44 and 132."""
    made = results([boxes()], [truth((60, 40, 100, 80, 0))])
    mistake = boxed_mistakes.find(made.found, made.truths)[0]
    picture = boxed_sheets.cut_out(made, mistake)
    assert picture.shape == (176, 176, 3)
    assert all(tuple(picture[y, x]) == TRUE for y, x in ((44, 88), (132, 88), (88, 44), (88, 132)))
    assert tuple(picture[88, 88]) == tuple(picture[20, 88]) == (90, 90, 90)
    assert EDGE in colours(picture) and FOUND not in colours(picture)


def test_a_cut_out_at_the_edge_is_grey_beyond_the_photo():
    made = results([boxes((0, 0, 40, 40, 0.9, 1))], [truth()])
    picture = boxed_sheets.cut_out(made, boxed_mistakes.find(made.found, made.truths)[0])
    assert tuple(picture[5, 5]) == (128, 128, 128) and tuple(picture[88, 88]) == (90, 90, 90)
    assert FOUND in colours(picture) and TRUE not in colours(picture)


def test_a_box_under_the_score_is_not_drawn():
    made = results([boxes((50, 30, 110, 90, 0.2, 0))], [truth((60, 40, 100, 80, 0))])
    mistake = boxed_mistakes.find(made.found, made.truths, score=made.score)[0]
    assert mistake.kind == "missed" and FOUND not in colours(boxed_sheets.cut_out(made, mistake))
    lower = replace(made, score=0.1)
    assert FOUND in colours(boxed_sheets.cut_out(lower, mistake))


def test_a_sheet_groups_by_size_and_shows_the_worst():
    small = [(4 * place, 4 * row, 4 * place + 3, 4 * row + 3, 0) for place in range(10) for row in range(2)]
    made = results([boxes()], [truth(*small, (0, 20, 99, 119, 0))])
    mistakes = boxed_mistakes.find(made.found, made.truths)
    assert {size: len(group) for size, group in boxed_sheets.by_size(mistakes).items()} == {"small": 20, "large": 1}
    all_small = boxed_sheets.mistakes_sheet(made, [one for one in mistakes if one.size == "small"], LABELS)
    sheet = boxed_sheets.mistakes_sheet(made, mistakes, LABELS)
    assert sheet.shape[0] > all_small.shape[0] and sheet.shape[1] == all_small.shape[1]


def test_captions_say_what_went_wrong():
    objects = truth((10, 10, 50, 50, 0), (100, 60, 140, 100, 1))
    found = boxes((10, 10, 50, 50, 0.9, 0), (12, 10, 52, 50, 0.8, 0), (30, 10, 70, 50, 0.7, 0), (100, 60, 140, 100, 0.6, 0))
    told = [boxed_sheets.caption(one, ["a.jpg"], LABELS) for one in boxed_mistakes.find([found], [objects])]
    assert told == [
        ["platelet", "missed: best overlap 100%", "a.jpg"],
        ["red & white 80%", "twice", "a.jpg"],
        ["red & white 70%", "poor place: overlap 33%", "a.jpg"],
        ["red & white 60%", "wrong class: is platelet", "a.jpg"],
    ]


def test_whole_photos_draw_mistakes_thick():
    """Photos are enlarged from 160 to 460 pixels."""
    right = results([boxes((40, 40, 80, 80, 0.9, 0))], [truth((40, 40, 80, 80, 0))])
    wrong = replace(right, found=[boxes((90, 40, 130, 80, 0.9, 0))])
    inks = []
    for made in (right, wrong):
        sheet = boxed_sheets.found_sheet(made, ("x" * 30, "y"))  # a name too long for any box
        part = sheet[sheet.shape[0] // 10 :]
        inks.append([(part == ink).all(-1).sum() for ink in (TRUE, FOUND)])
    assert inks[1][0] > 2 * inks[0][1] > 0 and inks[1][1] > 2 * inks[0][1]


def test_pictures_of_other_shapes_and_more_photos_than_fit(rng):
    found, truths = random_set(rng, (40, 30), photos=20)
    photos = [np.full((400, 560 + 20 * place, 3), 90, np.uint8) for place in range(20)]
    sheet = boxed_sheets.found_sheet(results(found, truths, photos=photos.__getitem__), LABELS)
    assert sheet.shape[1] == 12 + 3 * (460 + 12)


def test_curves_of_many_classes_are_those_with_the_least_precision(tmp_path, rng):
    found, truths = random_set(rng, (20, 20))
    one = precision_recall(found, truths, 0)
    many = {f"class {place}": one for place in range(30)} | {"never found": precision_recall([boxes()], [truth((1, 1, 9, 9, 0))], 0)}
    write_precision_recall(many, 0.5, tmp_path / "a.png")
    write_precision_recall({}, 0.5, tmp_path / "b.png")
    assert images.read(tmp_path / "a.png").shape[1] == images.read(tmp_path / "b.png").shape[1]


def test_what_does_not_fit_together_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(CvappError, match="names class 2") as error:
        boxed_report.write(card(), results([boxes((1, 1, 9, 9, 0.9, 2))], [truth()]), tmp_path / "report")
    assert error.value.code == Exit.BAD_DATA and not (tmp_path / "report").exists()


def test_boxes_far_outside_the_photo_draw_nothing_and_break_nothing():
    far = Boxes(np.float32([(-1e9, -1e9, -1e8, -1e8)]), np.float32([0.9]), np.int32([0]))
    sheet = boxed_sheets.found_sheet(results([far], [truth()]), LABELS)
    assert sheet.dtype == np.uint8
