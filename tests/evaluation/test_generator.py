"""A generator's figures: those of the files alone, the same again from the command, and fair to classes and grey photos."""

import shutil

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import load
from cvapp.data import split
from cvapp.data.photos import store_for
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import generated, generator as measuring, judging
from cvapp.evaluation.generator import Photos
from cvapp.evaluation.judging import Judge
from tests.tiny_generator import save_generator

MEANS = Judge(lambda pictures: pictures.reshape(len(pictures), -1)[:, :6].astype(np.float32), 6, 0)


@pytest.fixture
def here(generator, workspace):
    shutil.copytree(generator, workspace / "home")
    return workspace / "home" / "saved_models" / "made"


def test_evaluate_gives_the_figures_of_the_card(here, monkeypatch):
    monkeypatch.chdir(here.parents[1])
    found, card = measuring.evaluate(here), cards.read(here)
    assert {name: found[name] for name in card.metrics["test"]} == card.metrics["test"]
    assert (found["name"], found["variant"], found["split"], found["photos"], found["samples"]) == ("made", "keras", "test", 9, 64)
    assert found["count"] == 4 and found["fingerprint"] == card.data["fingerprint"]
    assert {"frechet", "frechet_floor", "kernel", "precision", "recall", "covered", "memorised", "judge_accuracy"} <= found.keys()
    assert set(found["classes"]) == set(card.labels) and sum(found["classes"].values()) == pytest.approx(1, abs=1e-3)
    other = measuring.evaluate(here, part="val")
    assert other["split"] == "val" and other["frechet"] != found["frechet"]
    assert "memorised" not in measuring.evaluate(here, part="train"), "nothing is held out from what was learnt"


def test_figures_are_those_of_samples_and_grey_photos(here, monkeypatch):
    """By hand, from the files; colour photos would be others."""
    monkeypatch.chdir(here.parents[1])
    card, bundle, judge = cards.read(here), load(here), judging.open_judge(here / "judge.keras")
    rows = [row for row in split.read(here / "split.csv") if row.part == "test"]
    colour = store_for(card.images).read(row.hash for row in rows)
    grey = np.rint(colour @ (0.299, 0.587, 0.114)).astype(np.uint8)[..., None].repeat(3, 3)
    truth = np.array([card.labels.index(row.label) for row in rows])
    made = judge.look(measuring.samples(bundle, 64, truth))
    expected = generated.judge_samples(judge.look(grey, truth), made, card.labels)
    assert card.metrics["test"]["frechet"] == pytest.approx(expected["frechet"], rel=0.02)  # grey levels are rounded otherwise
    assert card.metrics["test"]["classes"] == expected["classes"]
    wrong = generated.judge_samples(judge.look(colour, truth), made, card.labels)
    assert wrong["frechet"] != pytest.approx(card.metrics["test"]["frechet"], rel=0.02)


def test_photos_are_named_where_they_are_not_kept(here, photos, workspace):
    found = measuring.evaluate(here, photos)
    assert found["frechet"] == cards.read(here).metrics["test"]["frechet"]
    shutil.rmtree(workspace / "saved_models")
    with pytest.raises(CvappError, match="are not kept in .* name their folder with --split test --data DIR") as error:
        measuring.evaluate(here)
    assert error.value.code == Exit.BAD_DATA


def test_its_own_folder_gives_the_figures_of_the_card(here, photos, workspace):
    found, card = measuring.evaluate(here, photos), cards.read(here)
    assert {name: found[name] for name in card.metrics["test"]} == card.metrics["test"]
    assert (found["split"], found["left_out"]["learned"], found["missing"], found["extra"]) == (None, 33, [], [])


def test_other_photos_are_judged_beside_and_classes_are_matched(here, photos, workspace):
    """Photos encoded anew; the training photos are not kept, so nothing tells whether samples are their copies."""
    from cvapp import images

    for label, name in (("heart", "Heart"), ("moon", "moon"), ("tree", "oak")):
        for number, path in enumerate(sorted((photos / label).iterdir())):
            images.write(f"new/{name}/{number}.bmp", images.read(path))
    found = measuring.evaluate(here, "new")
    assert (found["photos"], found["missing"], found["respelled"]) == (28, ["tree"], [{"given": "Heart", "label": "heart"}])
    assert found["extra"] == [{"label": "oak", "photos": 14, "unknown": None}] and "memorised" not in found
    assert found["real_classes"] == {"heart": 0.5, "moon": 0.5, "tree": 0.0}
    assert "the photos that it learned from are not kept: whether samples are nearly copies of them is not known" in found["notes"]
    measuring.evaluate(here, photos)
    assert measuring.evaluate(here, "new")["memorised"] >= 0, "kept again"
    with pytest.raises(CvappError, match=r"^--data photos: none of its classes"):
        images.write("photos/1.png", images.read(path))
        measuring.evaluate(here, "photos")


def test_what_is_missing_or_no_generator_is_told(here, exported):
    with pytest.raises(CvappError, match="^mine is a classify model; only a generator makes pictures"):
        measuring.evaluate(exported / "saved_models" / "mine")
    with pytest.raises(CvappError, match="made was not exported, so it has no variant 'float32'"):
        measuring.evaluate(here, variant="float32")
    (here / "judge.keras").unlink()
    with pytest.raises(CvappError, match="judge.keras: missing from the saved model"):
        measuring.evaluate(here)


def test_classes_are_asked_for_as_often_as_photos_have_them(tmp_path):
    bundle = load(save_generator(tmp_path / "made", conditional=True))
    asked = []
    monkey = bundle.make
    object.__setattr__(bundle, "make", lambda noise: asked.append(noise) or monkey(noise))
    assert measuring.samples(bundle, 40, np.array([2, 0, 0, 0])).shape == (40, 28, 28, 3)
    counts = asked[0][:, -3:].sum(0)
    assert counts.tolist() == [30, 0, 10]


class Kept:
    """A store of given pictures."""

    def __init__(self, pictures):
        self.pictures, self.shape = pictures, pictures.shape[1:]

    def read(self, names):
        return self.pictures[[int(name) for name in names]]


class Copier:
    """A generator of given pictures."""

    variant = "keras"

    def __init__(self, folder, pictures):
        self.card, self.pictures = cards.read(folder), pictures

    def make(self, noise):
        return self.pictures[np.arange(len(noise)) % len(self.pictures)]


@pytest.mark.parametrize("copies, share", [(True, 1.0), (False, 0.0)])
def test_copies_of_training_photos_are_found_out(tmp_path, rng, copies, share):
    pictures = rng.integers(0, 256, (60, 28, 28, 3)).astype(np.uint8)
    rows = [split.Row(str(place), f"{place}.png", "bag", "train" if place < 40 else "test") for place in range(60)]
    made = pictures[:8] if copies else rng.integers(0, 256, (8, 28, 28, 3)).astype(np.uint8)
    if not copies:
        made = 255 - made // 8  # far from all
    photos = Photos("test", Kept(pictures), rows[40:], rows[:40])
    found = measuring.measure(Copier(save_generator(tmp_path / "made"), made), MEANS, photos)
    assert found.figures["memorised"] == share and found.figures["photos"] == 20 and "judge_accuracy" not in found.figures
    assert len(found.places) == len(found.made) == 5000 or len(found.places) == measuring.COMPARED
    if copies:
        assert found.places[:8].tolist() == list(range(8)) and (found.distances == 0).all()


def test_grey_pictures_are_compared_by_one_channel(rng):
    grey = rng.integers(0, 256, (6, 8, 8, 1)).astype(np.uint8).repeat(3, 3)
    places, distances = measuring._nearest(grey[:2], grey[2:])
    expected = np.sqrt(((grey[:2, None, ..., 0].astype(float) - grey[None, 2:, ..., 0]) ** 2).sum((2, 3)))
    assert places.tolist() == expected.argmin(1).tolist()
    np.testing.assert_allclose(distances, expected.min(1), rtol=1e-5)
    colour = grey.copy()
    colour[0, 0, 0, 2] ^= 255
    assert measuring._nearest(colour[:1], grey[2:])[1][0] > np.sqrt(2.5) * expected[0].min()
