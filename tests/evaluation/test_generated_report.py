"""A generator's report: its files, what its page says, alarms first."""

import dataclasses
import re

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp import card as cards
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import film, generated_report
from cvapp.evaluation.generated import Crowd, judge_samples
from cvapp.evaluation.generated_report import Course
from cvapp.evaluation.generator import Measured
from tests.tiny_generator import LABELS, save_generator

FIGURES = dict.fromkeys(("d_loss", "g_loss", "d_real", "d_fake", "d_norm", "g_norm", "diversity"), 0.5)
NOTES = [{"step": step, **FIGURES, "real_diversity": 0.3, "alarms": ""} for step in range(50, 301, 50)]
ROWS = [{"stage": "adversarial", "epoch": 1 + place, "step": 100 * (1 + place), **FIGURES, "frechet": 40.0 - place} for place in range(3)]


@pytest.fixture
def made(tmp_path, rng):
    """A card with figures, and what was measured: 40 samples beside 30 photos of three classes."""

    def crowd(count):
        answers = rng.dirichlet((0.3, 0.3, 0.3), count)
        return Crowd(
            rng.normal(size=(count, 5)), answers, rng.integers(0, 256, (count, 28, 28, 3)).astype(np.uint8), rng.integers(0, 3, count)
        )

    real, samples = crowd(30), crowd(40)
    figures = {"photos": 30, "samples": 40, **judge_samples(real, samples, LABELS), "judge_accuracy": 0.912, "memorised": 0.025}
    found = Measured(figures, "test", real, samples, crowd(20).pictures, np.arange(40) % 20, np.arange(40, dtype=np.float32))
    metrics = {"test": figures, "kept_epoch": 3, "kept_frechet": 38.0, "epochs": 3, "alarms": {}, "collapsed": "", "train_seconds": 9.0}
    weights = {"source": "random", "licence": "mine", "judge": "a small classifier, trained by cvapp on the same photos"}
    return dataclasses.replace(cards.read(save_generator(tmp_path / "made")), metrics=metrics, weights=weights), found


def course(notes=NOTES):
    frames = [np.full((40, 40, 3), shade, np.uint8) for shade in (0, 90, 180)]
    return Course(ROWS, notes, (120, 1.5), frames, np.full((60, 60, 3), 9, np.uint8))


def page_of(folder):
    """The page without the pictures that it holds."""
    return re.sub("base64,[^']*", "", (folder / "report.html").read_text())


def test_all_that_it_shows_is_written(made, tmp_path):
    card, found = made
    generated_report.write(card, found, course(), tmp_path / "report")
    names = ["classes.png", "course.png", "distances.png", "nearest.png", "report.html", "samples.png", "shares.png", "training.webp"]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == names
    page = page_of(tmp_path / "report")
    assert page.count("data:image/png;") == 6 and page.count("data:image/webp;") == 1
    figures = found.figures
    for said in (
        f"<strong>{figures['frechet']:.3g}</strong>",
        f"real photos among themselves: {figures['frechet_floor']:.3g}",
        f"<strong>{figures['covered']} of 3</strong>",
        "<strong>2.5%</strong>",
        "not Inception",
        f"{figures['count']} samples beside {figures['count']} of the 30 test photos",
        "right on 91.2% of the photos",
        "The judge is a small classifier, trained by cvapp on the same photos (5 features before its last layer), not Inception",
        "Of 120 samples to all validation photos",
        "Epoch 3 of 3 is kept",
        "from step 0 to step 300, in 3 pictures",
        "cvapp sample made --grid out.png",
        "adversarial: epochs 1 to 3, kept 3",
    ):
        assert said in page, said
    assert "What went wrong" not in page


def test_the_film_is_played_by_opencv_and_its_last_picture_is_held(tmp_path):
    film.write_film(course().frames, tmp_path / "training.webp")
    done, played = cv2.imreadanimation(str(tmp_path / "training.webp"))
    assert done and [frame.mean().round() for frame in played.frames] == [0, 90, 180]
    assert list(played.durations) == [150, 150, 3000]
    with pytest.raises(CvappError) as error:
        film.write_film(course().frames, tmp_path / "training.webp" / "below.webp")
    assert error.value.code == Exit.CANNOT_WRITE


def test_red_stays_red_in_the_film(tmp_path):
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    film.write_film([red], tmp_path / "red.webp")
    assert images.read(tmp_path / "red.webp").mean((0, 1)).argmax() == 0


def test_alarms_stand_first(made, tmp_path):
    card, found = made
    wrong = dataclasses.replace(card, metrics={**card.metrics, "alarms": {"diversity": 1200}, "collapsed": "all <alike>"})
    generated_report.write(wrong, found, course(), tmp_path / "report")
    page = page_of(tmp_path / "report")
    assert "The alarm &#x27;diversity&#x27; was first raised at step 1,200." in page and "collapsed: all &lt;alike&gt;" in page
    assert page.index("What went wrong") < page.index("Fréchet")


def test_few_photos_are_told_and_many_are_not(made, tmp_path):
    card, found = made
    for count, told in ((40, True), (4000, False)):
        some = dataclasses.replace(card, data={**card.data, "photos": {"train": count}})
        generated_report.write(some, found, course(), tmp_path / "report")
        page = page_of(tmp_path / "report")
        assert ("<h2>Few photos</h2>" in page) == told and ("--set generate.augment=translation,colour" in page) == told


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "mobilenet_v2_035_96"])
def test_a_judge_that_knows_no_classes_shows_none_and_is_the_one_that_the_card_tells(made, tmp_path, backbone):
    """The second was the default of an earlier version; a generator's judge is saved beside it."""
    card, found = made
    card = dataclasses.replace(card, weights={**card.weights, "judge": f"the backbone {backbone}"})
    blind = [dataclasses.replace(crowd, probabilities=None) for crowd in (found.real, found.made)]
    figures = {"photos": 30, "samples": 40, **judge_samples(*blind, LABELS), "memorised": 0.0}
    generated_report.write(card, dataclasses.replace(found, figures=figures, real=blind[0], made=blind[1]), course([]), tmp_path / "report")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"distances.png", "nearest.png", "report.html", "samples.png", "training.webp"}
    page = page_of(tmp_path / "report")
    assert f"The judge is the backbone {backbone} (5 features, since the photos are of one class), not Inception" in page
    assert "classes are made" not in page and "Course" not in page
