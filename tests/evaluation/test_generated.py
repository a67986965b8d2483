"""What is said of samples: figures beside those of real photos, classes that are covered, how varied pictures are."""

import itertools
import json

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.crowds import frechet
from cvapp.evaluation.generated import Crowd, diversity, judge_samples

LABELS = ["ants", "bees", "wasps"]


def crowd(rng, count, mean=0.0, spread=1.0, classes=None, sure=0.9, known=False):
    features = rng.normal(mean, spread, (count, 6))
    picked = np.arange(count) % 3 if classes is None else np.resize(classes, count)
    probabilities = np.full((count, 3), (1 - sure) / 2)
    probabilities[np.arange(count), picked] = sure
    pictures = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return Crowd(features, probabilities, pictures, picked if known else None)


def test_samples_like_real_photos_reach_what_those_reach(rng):
    figures = judge_samples(crowd(rng, 801, known=True), crowd(rng, 600, sure=0.7), LABELS)
    assert figures["count"] == 400
    assert figures["frechet"] == pytest.approx(figures["frechet_floor"], abs=0.15) and figures["frechet_floor"] < 0.2
    assert abs(figures["kernel"]) < 0.05 and abs(figures["kernel_floor"]) < 0.05
    assert figures["precision"] == pytest.approx(figures["precision_floor"], abs=0.1) and figures["recall"] > 0.7
    assert figures["covered"] == 3 and figures["classes"] == figures["real_classes"]
    assert (figures["confidence"], figures["real_confidence"]) == (0.7, 0.9)
    assert figures["diversity"] == pytest.approx(1 / 3, abs=0.01)
    assert json.loads(json.dumps(figures)) == figures


def test_bad_samples_are_told_from_good_ones(rng):
    real = crowd(rng, 400)
    far, alike = judge_samples(real, crowd(rng, 200, mean=3), LABELS), judge_samples(real, crowd(rng, 200, spread=0.01), LABELS)
    assert far["frechet"] > 100 * far["frechet_floor"] and far["kernel"] > 10 * abs(far["kernel_floor"]) and far["precision"] < 0.1
    assert alike["precision"] == 1 and alike["recall"] < 0.05 < alike["recall_floor"] - 0.5
    assert far["frechet_floor"] == alike["frechet_floor"], "the same two halves each time"


def test_both_figures_are_of_one_count(rng, monkeypatch):
    """The distance falls with the count: a floor of more photos than samples would be too low."""
    given = []
    monkeypatch.setattr("cvapp.evaluation.generated.frechet", lambda some, others: given.append((some, others)) or frechet(some, others))
    real, made = crowd(rng, 100), crowd(rng, 30)
    assert judge_samples(real, made, LABELS)["count"] == 30
    (first, samples), (again, second) = given
    assert len(first) == len(samples) == len(second) == 30 and first is again
    chosen = {tuple(row) for row in np.concatenate([first, second])}
    assert len(chosen) == 60 and chosen <= {tuple(row) for row in real.features}, "no photo is in both halves"
    assert {tuple(row) for row in samples} == {tuple(row) for row in made.features}


def test_a_class_is_covered_from_a_fifth_of_its_share_on(rng):
    real = crowd(rng, 100, classes=[0] * 8 + [1] * 2)  # 80%, 20% and no wasps
    for bees, covered in ((4, 2), (3, 1)):  # of a hundred: a fifth of a fifth is 4
        made = crowd(rng, 100, classes=[1] * bees + [0] * (99 - bees) + [2])
        figures = judge_samples(real, made, LABELS)
        assert figures["classes"] == {"ants": round(0.99 - bees / 100, 2), "bees": bees / 100, "wasps": 0.01}
        assert figures["covered"] == covered
    assert figures["real_classes"] == {"ants": 0.8, "bees": 0.2, "wasps": 0}


def test_the_truth_of_the_photos_counts_where_it_is_known(rng):
    real = crowd(rng, 30, classes=[0])
    known = Crowd(real.features, real.probabilities, real.pictures, np.arange(30) % 3)
    made = crowd(rng, 30, classes=[0])
    assert judge_samples(real, made, LABELS)["real_classes"]["bees"] == 0
    assert judge_samples(known, made, LABELS)["real_classes"]["bees"] == pytest.approx(1 / 3, abs=1e-4)
    assert judge_samples(known, made, LABELS)["covered"] == 1


def test_without_probabilities_nothing_is_said_of_classes(rng):
    real, made = crowd(rng, 30), crowd(rng, 30)
    figures = judge_samples(real, Crowd(made.features, None, made.pictures), [])
    assert "frechet" in figures and "classes" not in figures and "confidence" not in figures


def test_too_few_or_uneven_is_told(rng):
    with pytest.raises(CvappError, match="3 samples beside 30 held-out photos: judging takes at least 4 samples and 8 photos") as caught:
        judge_samples(crowd(rng, 30), crowd(rng, 3), LABELS)
    assert caught.value.code == Exit.BAD_DATA
    assert judge_samples(crowd(rng, 8), crowd(rng, 4), LABELS)["count"] == 4
    with pytest.raises(CvappError, match="a crowd whose parts have 5, 4 rows"):
        Crowd(np.zeros((5, 2)), None, np.zeros((4, 8, 8, 3), np.uint8))


def test_diversity_is_the_mean_over_all_pairs(rng):
    pictures = rng.integers(0, 256, (7, 5, 4, 3), dtype=np.uint8)
    pairs = [np.abs(one.astype(int) - other).mean() / 255 for one, other in itertools.combinations(pictures, 2)]
    assert diversity(pictures) == pytest.approx(np.mean(pairs))


def test_diversity_of_the_same_of_opposites_and_of_one():
    grey = np.full((9, 4, 4, 1), 77, np.uint8)
    assert diversity(grey) == 0 and diversity(grey[:1]) == 0
    assert diversity(np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)])) == 1
    noisy = grey + np.random.default_rng(0).integers(0, 5, grey.shape, dtype=np.uint8)
    assert 0 < diversity(noisy) < 0.01
