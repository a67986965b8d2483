"""keras-cv's part: a mixed picture and its targets agree to the pixel, a key repeats, and the backbones need neither network nor keras-cv."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.models import keras_cv_parts
from cvapp.recipe import Augment
from cvapp.recipe.model import BACKBONES

COUNT = 12
FLAT = np.broadcast_to(np.arange(COUNT, dtype=np.float32).reshape(-1, 1, 1, 1) ** 2, (COUNT, 20, 30, 3))  # picture i is i * i all over
ONE_HOT = np.eye(COUNT, dtype=np.float32)  # every picture its own class


def mixed(key=(0, 1, 2), pictures=FLAT, targets=ONE_HOT, **settings):
    """As arrays."""
    return [np.asarray(values) for values in keras_cv_parts.Mixer(Augment(**settings), key)(pictures, targets)]


def parts_by_pixels(pictures):
    """Whose pixels a picture is made of, counted: (B, COUNT)."""
    return (pictures[:, :, :, :1] == np.arange(COUNT) ** 2).mean((1, 2))


def test_mixup_blends_pixels_and_targets_in_the_same_shares():
    pictures, targets = mixed(mixup=1.0)
    assert pictures.shape == FLAT.shape and np.ptp(pictures, (1, 2, 3)).max() == 0
    np.testing.assert_allclose(pictures[:, 0, 0, 0], targets @ np.arange(COUNT) ** 2, rtol=1e-5)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    assert ((targets > 0).sum(1) <= 2).all() and (targets.max(1) < 0.999).sum() > COUNT // 2


def test_cutmix_pastes_pixels_and_counts_them_in_the_targets():
    pictures, targets = mixed(cutmix=1.0)
    np.testing.assert_allclose(targets, parts_by_pixels(pictures), atol=1e-6)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    assert ((targets > 0).sum(1) <= 2).all() and (targets.max(1) < 0.999).sum() > COUNT // 2


def test_the_labels_of_keras_cv_itself_would_not_agree():
    """It counts the whole box where a part of it falls outside the picture."""
    import keras_cv
    import tensorflow as tf

    tf.random.set_seed(0)
    made = keras_cv.layers.CutMix(1.0)({"images": tf.constant(FLAT), "labels": tf.constant(ONE_HOT)})
    assert np.abs(np.asarray(made["labels"]) - parts_by_pixels(np.asarray(made["images"]))).max() > 0.1


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"cutmix": 1.0}])
def test_a_key_repeats_and_another_does_not(settings, rng):
    pictures = rng.uniform(0, 255, (5, 16, 16, 3)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
    first = mixed((7, 0, 3), pictures, targets, **settings)
    keras.random.normal((3,)), np.random.rand()  # what others draw in between does not count
    again = mixed((7, 0, 3), pictures, targets, **settings)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for key in [(7, 0, 4), (7, 1, 3), (8, 0, 3)]:
        assert not np.array_equal(first[0], mixed(key, pictures, targets, **settings)[0])


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_an_epoch_goes_on_in_its_middle(settings):
    whole = keras_cv_parts.Mixer(Augment(**settings), (3, 1))
    steps = [[np.asarray(values) for values in whole(FLAT, ONE_HOT)] for _ in range(5)]
    rest = keras_cv_parts.Mixer(Augment(**settings), (3, 1))
    rest.skip(3, FLAT.shape[:3])
    for pictures, targets in steps[3:]:
        for one, other in zip(rest(FLAT, ONE_HOT), (pictures, targets), strict=True):
            np.testing.assert_array_equal(np.asarray(one), other)
    assert not np.array_equal(steps[0][0], steps[3][0])


def test_with_both_each_takes_half_of_the_batches():
    cut = [np.isin(mixed((0, 0, step), mixup=1.0, cutmix=1.0)[0], np.arange(COUNT) ** 2).all() for step in range(60)]
    assert 20 <= sum(cut) <= 40, "30 are expected; fewer than 20 or more than 40 happens once in 150 seeds"


@pytest.mark.parametrize("settings", [{}, {"mirror": True}])
def test_without_either_a_batch_stays_as_it_is(settings):
    pictures, targets = mixed(**settings)
    np.testing.assert_array_equal(pictures, FLAT)
    np.testing.assert_array_equal(targets, ONE_HOT)


@pytest.mark.parametrize("settings", [{"mixup": 1.0}, {"cutmix": 1.0}])
def test_a_picture_alone_stays_as_it_is(settings):
    pictures, targets = mixed((0,), FLAT[3:4], ONE_HOT[3:4], **settings)
    np.testing.assert_array_equal(pictures, FLAT[3:4])
    np.testing.assert_array_equal(targets, ONE_HOT[3:4])


def test_16_bits_for_the_network_are_not_for_the_mixing():
    """A bfloat16 cannot count beyond 256, nor a float16 hold a pixel's share."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        pictures, targets = mixed(cutmix=1.0)
        blended, _ = mixed(mixup=1.0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert pictures.dtype == targets.dtype == blended.dtype == np.float32
    np.testing.assert_allclose(targets, parts_by_pixels(pictures), atol=1e-6)


@pytest.mark.parametrize(
    "name, parameters, channels, block, blocks",
    [
        ("keras_cv_resnet_18_v2", 11_183_488, 512, r"v2_stack_\d_block\d", 8),
    ],
)
def test_a_backbone_is_a_plain_graph_that_loads_without_keras_cv(name, parameters, channels, block, blocks, tmp_path, rng, monkeypatch):
    """The count is keras-cv's own for ResNet-18 v2."""
    monkeypatch.setattr("socket.socket", None)
    model = keras_cv_parts.backbone(name, (64, 96))
    assert type(model) is type(keras.Model(model.inputs, model.outputs)) and model.name == name
    assert model.count_params() == parameters and model.output_shape == (None, 2, 3, channels)
    assert not any(isinstance(layer, (keras.layers.Rescaling, keras.layers.Dropout)) for layer in model.layers)
    assert len({found.group() for layer in model.layers if (found := re.match(block, layer.name))}) == blocks
    for layer in model.layers:  # a random network answers alike for all pictures until its statistics fit them
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    pictures = rng.random((4, 64, 96, 3), np.float32)
    model(pictures, training=True)
    pixels = keras.Input((64, 96, 3))
    whole = keras.Model(pixels, model(keras.layers.Rescaling(1 / 255)(pixels)))
    answers = np.asarray(whole(pictures * 255, training=False))
    assert np.ptp(answers, 0).max() > 0.1
    whole.save(tmp_path / "model.keras")
    np.save(tmp_path / "pictures.npy", pictures * 255)
    code = (
        "import sys; sys.modules['keras_cv'] = None\n"
        "import keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1] + '/model.keras')\n"
        "np.save(sys.argv[1] + '/answers.npy', model(np.load(sys.argv[1] + '/pictures.npy'), training=False))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), answers, atol=1e-5)


def test_the_recipe_names_these_backbones():
    assert set(keras_cv_parts.BACKBONES) == {name for name in BACKBONES if name.startswith("keras_cv")}


def test_keras_cv_is_loaded_late_and_its_absence_is_told(monkeypatch):
    code = "import sys, cvapp.models.keras_cv_parts; sys.exit('keras_cv' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(CvappError, match=r"^keras_cv is not installed: pip install -e '.*\[train\]'$"):
        keras_cv_parts.backbone("keras_cv_resnet_18_v2", (64, 64))
