"""Mirroring judged by a probe: harmful where classes are mirror images, kept where it helps, and never switched off by noise."""

import numpy as np
import pytest

from cvapp.evaluation.mirroring import by_chance, compare, sentence

LABELS = ("left", "right", "round")


def photos(rng, count=30, noise=0.3):
    """Features of `count` photos a class and of their mirror images: the first tells left (-1) from right (1), the second is one of `round`."""
    truth = np.repeat([0, 1, 2], count)
    plain = np.array([[-1, 0], [1, 0], [0, 2]], float)[truth] + rng.normal(0, noise, (3 * count, 2))
    return plain, plain * (-1, 1), truth


def test_the_probability_of_so_many_losses_by_chance():
    """Of four tosses: at least three heads in 5 of 16 cases, four in one; of 58 always the same, once in 2^58."""
    assert [by_chance(3, 1), by_chance(4, 0), by_chance(0, 0), by_chance(58, 0)] == [5 / 16, 1 / 16, 1.0, 2.0**-58]


def test_classes_that_are_mirror_images_of_each_other(rng):
    found = compare(*photos(rng), LABELS, 0)
    assert found.harmful and found.photos == 90 and found.plain >= 85 and found.mirrored <= 65
    assert found.lost - found.won == found.plain - found.mirrored and set(found.mistaken) == {"left", "right"}
    assert sentence(found.figures).endswith(f"“{found.mistaken[0]}” is then most often taken for “{found.mistaken[1]}”")


def test_classes_that_a_mirror_leaves_alone(rng):
    """The control: the same photos, whose mirror images look like photos of their own class."""
    plain, _, truth = photos(rng)
    found = compare(plain, plain + rng.normal(0, 0.3, plain.shape), truth, LABELS, 0)
    assert not found.harmful and found.mistaken == () and sentence(found.figures).endswith(f"({found.lost} lost, {found.won} won)")


def test_noise_seldom_turns_it_off():
    """Features that tell nothing: of 100 draws of 60 photos, about one may be called harmful."""
    called = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = np.arange(60) % 3
        called += compare(rng.normal(size=(60, 5)), rng.normal(size=(60, 5)), truth, LABELS, seed).harmful
    assert called <= 4


def test_few_photos_are_no_proof(rng):
    assert not compare(*photos(rng, 2), LABELS, 0).harmful


@pytest.mark.parametrize("groups", [(), ("",) * 90, tuple(f"session {place // 5}" for place in range(90))], ids=["none", "unknown", "sessions"])
def test_sessions_stay_whole(rng, groups):
    assert compare(*photos(rng), LABELS, 0, groups).harmful
