"""Variations before the discriminator: what each does to a picture, that a seed decides it, and that gradients pass."""

import numpy as np
import pytest
import tensorflow as tf

from cvapp.training.differentiable import vary

SEED = tf.constant((3, 4), tf.int32)


def pictures(rng, count=6, side=16):
    return rng.uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def test_translation_moves_each_picture_by_whole_pixels_and_fills_with_the_middle(rng):
    given = pictures(rng, 40)
    found = vary(given, ("translation",), SEED).numpy()
    wide = np.pad(given, ((0, 0), (2, 2), (2, 2), (0, 0)))  # an eighth of 16
    moves = []
    for before, after in zip(wide, found):
        fits = [(y, x) for y in range(5) for x in range(5) if np.array_equal(after, before[y : y + 16, x : x + 16])]
        assert len(fits) == 1
        moves += fits
    assert len(set(moves)) > 12 and {y for y, _ in moves} == set(range(5)) == {x for _, x in moves}


def test_cutout_makes_one_square_of_half_the_side_zero(rng):
    found = vary(pictures(rng, 30), ("cutout",), SEED).numpy()
    sizes = []
    for picture in found:
        rows, columns = (np.flatnonzero((picture == 0).all(2).any(axis)) for axis in (1, 0))
        assert (picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
        sizes.append((len(rows), len(columns)))
    assert max(sizes) == (8, 8) and (np.array(sizes) >= 4).all()  # a middle at the border cuts half of it


def test_colour_keeps_what_lies_where(rng):
    given = pictures(rng)
    found = vary(given, ("colour",), SEED).numpy()
    for before, after in zip(given, found):
        assert np.corrcoef(before.mean(2).ravel(), after.mean(2).ravel())[0, 1] == pytest.approx(1, abs=1e-5)
    assert np.abs(found.mean((1, 2, 3)) - given.mean((1, 2, 3))).max() <= 0.5 + 1e-5
    assert np.ptp(found.mean((1, 2, 3)) - given.mean((1, 2, 3))) > 0.1


def test_a_seed_decides_it_and_none_asked_for_changes_nothing(rng):
    given, kinds = pictures(rng), ("colour", "translation", "cutout")
    same, other = vary(given, kinds, SEED).numpy(), vary(given, kinds, SEED + 1).numpy()
    assert np.array_equal(same, vary(given, kinds, SEED).numpy()) and not np.array_equal(same, other)
    assert np.array_equal(vary(given, (), SEED), given)


def test_gradients_pass_through_all_of_them(rng):
    given = tf.constant(pictures(rng))
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(vary(given, ("colour", "translation", "cutout"), SEED) ** 2)
    slopes = tape.gradient(total, given).numpy()
    assert np.isfinite(slopes).all() and (np.abs(slopes) > 0).mean() > 0.3
