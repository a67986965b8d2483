"""The table of backbones: as large as their papers say, fed as their weights want it, and honest about where the weights come from."""

import dataclasses
import re
import socket

import keras
import numpy as np
import pytest

from cvapp import images, signs
from cvapp.errors import CvappError, Exit
from cvapp.models import backbones, mobilenet
from cvapp.models.backbones import TABLE, open_backbone
from cvapp.recipe import Model
from cvapp.recipe.model import BACKBONES, HUB, PRETRAINED

# without a top, batch norm's statistics included; MobileNetV2 and the window net at width 0.35; the transformers' positions are of 32x32
PARAMETERS = {
    "mobilenet_v2_drawings": 410_208,
    "efficientnet_lite0": 3_413_024,
    "efficientnet_lite1": 4_189_344,
    "efficientnet_lite2": 4_869_168,
    "mobilenet_v2": 410_208,
    "mobilenet_v3_small": 939_120,
    "mobilenet_v3_large": 2_996_352,
    "efficientnet_v2_b0": 5_919_312,
    "resnet_50": 23_587_712,
    "small_resnet": 157_128,
    "window_net": 13_048,
    "vit_small": 394_464,
    "vit_small_8": 440_544,
    "vit_compact": 283_201,
    "keras_cv_resnet_18_v2": 11_183_488,
}
PIXELS = np.arange(2 * 32 * 32 * 3, dtype=np.float32).reshape(2, 32, 32, 3) % 256


def test_the_recipe_knows_the_table_and_the_hub():
    assert BACKBONES == (HUB, *TABLE) and set(PARAMETERS) == set(TABLE)
    assert PRETRAINED == tuple(name for name, row in TABLE.items() if row.imagenet)


@pytest.mark.parametrize("name", TABLE)
def test_a_backbone_has_the_parameters_that_its_paper_says(name, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    side = 64 if name == "window_net" else 32  # it does not pad, and 32 pixels leave nothing
    network = TABLE[name].build((side, side), Model(), None)
    assert network.count_params() == PARAMETERS[name]
    assert network.input_shape == (None, side, side, 3) and len(network.output_shape) == 4


def test_the_width_of_a_mobilenet_is_the_recipes():
    """Sandler et al. 2018: 3.47 million at width 1.0 with a top of 1000 classes on 1280 features, which has 1,281,000."""
    network = TABLE["mobilenet_v2"].build((32, 32), Model("mobilenet_v2", alpha=1.0), None)
    assert network.count_params() == 2_257_984
    assert round((network.count_params() + 1_281_000) / 1e6, 1) == 3.5


def keras_own_scaling(name: str) -> np.ndarray:
    """The pixels as Keras itself would feed them."""
    applications = keras.applications
    if name in ("mobilenet_v2_drawings", "mobilenet_v2"):
        return applications.mobilenet_v2.preprocess_input(PIXELS.copy())
    if name == "resnet_50":  # turned round: the kernel is turned instead
        return applications.resnet.preprocess_input(PIXELS.copy())[..., ::-1]
    builders = {
        "efficientnet_v2_b0": "EfficientNetV2B0",
        "mobilenet_v3_small": "MobileNetV3Small",
        "mobilenet_v3_large": "MobileNetV3Large",
    }
    options = {"input_shape": (32, 32, 3), "include_top": False, "weights": None, "include_preprocessing": True}
    network = getattr(applications, builders[name])(**options)
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    last = [layer for layer in network.layers if isinstance(layer, kinds)][-1]
    return np.asarray(keras.Model(network.input, last.output)(PIXELS))


@pytest.mark.parametrize(
    "name", ["mobilenet_v2_drawings", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_v2_b0", "resnet_50"]
)
def test_pixels_are_scaled_as_keras_scales_them(name):
    factor, offset = (np.asarray(value, np.float32) for value in TABLE[name].scale)
    expected = keras_own_scaling(name)
    np.testing.assert_allclose(PIXELS * factor + offset, expected, atol=1e-4)
    wrong = backbones.CAFFE if name != "resnet_50" else backbones.SYMMETRIC
    assert not np.allclose(PIXELS * np.asarray(wrong[0]) + np.asarray(wrong[1]), expected, atol=0.1)


def test_pixels_are_scaled_as_keras_cv_scales_them():
    import keras_cv

    from cvapp.models import keras_cv_parts

    name = "keras_cv_resnet_18_v2"
    made = keras_cv.models.ResNetV2Backbone(include_rescaling=True, input_shape=(32, 32, 3), **keras_cv_parts.BACKBONES[name][1])
    rescaling = next(layer for layer in made.layers if isinstance(layer, keras.layers.Rescaling))
    assert TABLE[name].scale == (rescaling.scale, rescaling.offset)


def features(backbone: backbones.Backbone, pixels: np.ndarray) -> np.ndarray:
    """What the backbone says of pixels 0..255."""
    factor, offset = (np.asarray(value, np.float32) for value in backbone.scale)
    return np.asarray(backbone.layer(pixels * factor + offset, training=False))


def wake(network: keras.Model) -> None:
    """Fit batch norm to some noise: a network fresh from chance answers alike for all pictures."""
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    network(np.random.default_rng(0).normal(size=(8, *network.input_shape[1:])).astype(np.float32), training=True)
    for layer, momentum in zip(norms, kept):
        layer.momentum = momentum


def test_the_shipped_backbone_says_what_the_shipped_module_says():
    shape = images.Images((96, 96))
    pixels = np.stack([images.fit(signs.photo(0, label, 0), shape) for label in signs.LABELS[:6]]).astype(np.float32)
    name = "mobilenet_v2_drawings"
    as_hub, as_keras = (open_backbone(model, None) for model in (Model(HUB, handle=name), Model(name)))
    assert as_hub.size == as_keras.size == (96, 96) and as_hub.features == as_keras.features == 1280
    assert as_hub.weights == as_keras.weights and as_hub.weights["licence"] == "Apache-2.0"
    found = features(as_keras, pixels)
    assert np.ptp(found, 0).max() > 0.1
    np.testing.assert_allclose(found, features(as_hub, pixels), atol=1e-5)
    assert not np.allclose(found, features(as_keras, pixels[..., ::-1]), atol=0.1)


def test_caffe_weights_see_red_green_blue_as_keras_shows_them_blue_green_red(tmp_path, rng):
    """Keras' own way (blue first, the kernel as it is) says the same features."""
    own = keras.applications.ResNet50(input_shape=(32, 32, 3), include_top=False, weights=None, pooling="avg")
    wake(own)
    own.save_weights(tmp_path / "made.weights.h5")
    pixels = rng.uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    pixels[..., 0] /= 4  # little red: a turned picture is another
    expected = np.asarray(own(keras.applications.resnet.preprocess_input(pixels.copy()), training=False))
    backbone = open_backbone(Model("resnet_50", weights=str(tmp_path / "made.weights.h5")), (32, 32))
    spread = np.ptp(expected, 0).max()
    np.testing.assert_allclose(features(backbone, pixels) / spread, expected / spread, atol=1e-4)
    assert not np.allclose(features(backbone, pixels[..., ::-1]) / spread, expected / spread, atol=0.05)


def test_downloaded_caffe_weights_are_turned_too(monkeypatch, rng):
    """Shown on a small network: what is downloaded is made on the spot."""
    made = TABLE["small_resnet"].build((32, 32), Model(), None)
    row = dataclasses.replace(TABLE["small_resnet"], build=lambda size, settings, weights: made if weights else build(size, settings, None))
    build = TABLE["small_resnet"].build
    monkeypatch.setitem(TABLE, "small_resnet", dataclasses.replace(row, imagenet="MIT", bgr=True))
    pixels = rng.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(made(pixels[..., ::-1] / 127.5 - 1, training=False)).mean((1, 2))
    np.testing.assert_allclose(features(open_backbone(Model("small_resnet"), None), pixels), expected, atol=1e-4)


def test_downloaded_weights_arrive_and_say_where_they_come_from(tmp_path, monkeypatch, rng, capsys):
    made = TABLE["mobilenet_v2"].build((32, 32), Model(), None)
    wake(made)
    made.save_weights(tmp_path / "made.weights.h5")
    asked = []

    def get_file(name, address, **_):
        asked.append(address)
        print("Downloading data from", address)
        return str(tmp_path / "made.weights.h5")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    backbone = open_backbone(Model("mobilenet_v2", weights="imagenet"), (96, 96))
    pixels = rng.uniform(0, 255, (3, 96, 96, 3)).astype(np.float32)
    other = TABLE["mobilenet_v2"].build((96, 96), Model(), None)
    other.set_weights(made.get_weights())
    expected = np.asarray(other(pixels * (1 / 127.5) - 1, training=False)).mean((1, 2))
    assert np.ptp(expected, 0).max() > 0.1
    np.testing.assert_allclose(features(backbone, pixels), expected, atol=1e-5)
    assert len(asked) == 1 and "mobilenet_v2" in asked[0] and "no_top" in asked[0]
    assert backbone.weights == {"source": "ImageNet weights of keras.applications mobilenet_v2", "licence": "Apache-2.0"}
    assert "Downloading" not in capsys.readouterr().out, "with --json, standard output is one object"


def test_the_licence_of_downloaded_weights_is_known_for_every_row():
    assert {name: row.imagenet for name, row in TABLE.items() if row.imagenet} == {
        "efficientnet_lite0": "Apache-2.0",
        "efficientnet_lite1": "Apache-2.0",
        "efficientnet_lite2": "Apache-2.0",
        "mobilenet_v2": "Apache-2.0",
        "mobilenet_v3_small": "Apache-2.0",
        "mobilenet_v3_large": "Apache-2.0",
        "efficientnet_v2_b0": "Apache-2.0",
        "resnet_50": "MIT",
    }


def test_from_scratch_there_is_no_source_but_the_model_itself():
    opened = open_backbone(Model("small_resnet", weights="none"), None)
    assert opened.size == (32, 32)
    assert opened.weights == {"source": "none: trained from random weights", "licence": "the model's own"}


def test_weights_that_cannot_be_downloaded_are_exit_4(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))  # nothing is there from an earlier download
    with pytest.raises(
        CvappError, match=r"model.weights imagenet for mobilenet_v3_small: cannot be fetched \(URL fetch failure on https:"
    ) as error:
        open_backbone(Model("mobilenet_v3_small"), (32, 32))
    assert error.value.code == Exit.NO_WEIGHTS
    assert "download them elsewhere and give model.weights=FILE.weights.h5, or take model.backbone=efficientnet_lite0" in str(error.value)


def test_a_width_that_nobody_trained_is_exit_4():
    with pytest.raises(CvappError, match=r"imagenet for mobilenet_v2: cannot be fetched \(.*alpha must be one of `0.35`") as error:
        open_backbone(Model("mobilenet_v2", alpha=0.4), (96, 96))
    assert error.value.code == Exit.NO_WEIGHTS


def test_a_download_cut_short_is_exit_4(monkeypatch):

    def cut_short(*_, **__):
        raise ValueError("Incomplete or corrupted file detected. The auto file hash does not match the provided value of 0.")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", cut_short)
    with pytest.raises(CvappError, match="Incomplete or corrupted file") as error:
        open_backbone(Model("mobilenet_v3_small"), (32, 32))
    assert error.value.code == Exit.NO_WEIGHTS


def test_a_local_file_of_weights_is_read(tmp_path, rng):
    made = TABLE["small_resnet"].build((32, 32), Model(), None)
    wake(made)
    made.save_weights(tmp_path / "mine.weights.h5")
    backbone = open_backbone(Model("small_resnet", weights=str(tmp_path / "mine.weights.h5")), (48, 40))
    pixels = rng.uniform(0, 255, (3, 48, 40, 3)).astype(np.float32)
    other = TABLE["small_resnet"].build((48, 40), Model(), None)
    other.set_weights(made.get_weights())
    expected = np.asarray(other(pixels * (1 / 127.5) - 1, training=False)).mean((1, 2))
    np.testing.assert_allclose(features(backbone, pixels), expected, atol=1e-4)
    assert backbone.weights["source"].startswith("the file mine.weights.h5, sha256 ") and str(tmp_path) not in backbone.weights["source"]
    assert backbone.weights["licence"] == "not stated by the file; see where it came from"


@pytest.mark.parametrize("fault", ["of another network", "garbage", "missing", "a folder"])
def test_a_file_that_does_not_fit_is_exit_3(fault, tmp_path):
    path = tmp_path / "mine.weights.h5"
    if fault == "of another network":
        mobilenet.build((32, 32), 0.35).save_weights(path)
    elif fault == "garbage":
        path.write_bytes(b"not HDF5")
    elif fault == "a folder":
        path.mkdir()
    with pytest.raises(CvappError) as error:
        open_backbone(Model("small_resnet", weights=str(path)), None)
    expected = {
        "of another network": r"does not fit small_resnet without its top \(A total of \d+ objects could not be loaded",
        "garbage": r"does not fit small_resnet without its top \(",
    }.get(fault, "no such file; give imagenet, none, or a .weights.h5 file")
    assert error.value.code == Exit.BAD_DATA and re.search(rf"^model.weights .*mine.weights.h5: {expected}", str(error.value))


@pytest.mark.parametrize(
    "settings, size, text",
    [
        (Model("mobilenet_v2", weights="none"), (16, 16), r"model.backbone mobilenet_v2 at \(16, 16\): Keras refuses it"),
        (Model("small_resnet"), None, "small_resnet has no ImageNet weights; give model.weights=none or a local file"),
        (Model("keras_cv_resnet_18_v2"), None, "keras_cv_resnet_18_v2 has no ImageNet weights"),
        (Model("small_resnet", weights="none", stages=5), None, "model.stages is 5: small_resnet has 4 resolutions at this size"),
    ],
)
def test_settings_that_a_backbone_does_not_take_are_exit_2(settings, size, text):
    with pytest.raises(CvappError, match=text) as error:
        open_backbone(settings, size)
    assert error.value.code == Exit.USAGE


def test_a_module_says_its_size_and_its_name_without_the_path(tiny_module):
    settings = Model(handle=str(tiny_module))
    backbone = open_backbone(settings, None)
    assert backbone.size == (32, 32) and backbone.features == 24
    assert backbone.weights == {"source": "tiny", "licence": "not stated by the module; see where it came from"}
    with pytest.raises(CvappError, match=r"images.size is \(64, 64\), but the module takes \(32, 32\); leave it out"):
        open_backbone(settings, (64, 64))
    assert backbones.public_name("https://tfhub.dev/a/b/1") == "https://tfhub.dev/a/b/1"


def test_a_module_of_any_size_wants_to_be_told_one(tmp_path):
    import tensorflow as tf

    module = tf.train.Checkpoint()
    module.__call__ = tf.function(lambda images, training=False: tf.reduce_mean(images, (1, 2)), autograph=False)
    module.__call__.get_concrete_function(tf.TensorSpec((None, None, None, 3)), training=False)
    module.variables = module.trainable_variables = []
    tf.saved_model.save(module, str(tmp_path / "any"))
    with pytest.raises(CvappError, match="takes pictures of any size; choose one with --set images.size=224,224"):
        open_backbone(Model(handle=str(tmp_path / "any")), None)
    backbone = open_backbone(Model(handle=str(tmp_path / "any")), (20, 30))
    np.testing.assert_allclose(features(backbone, np.full((2, 20, 30, 3), 51, np.float32)), 0.2, atol=1e-5)


def test_the_cache_of_features_knows_one_set_of_weights_and_stages_from_another(tmp_path):
    for name in ("a", "b"):
        TABLE["small_resnet"].build((32, 32), Model(), None).save_weights(tmp_path / f"{name}.weights.h5")
    a, again, b = (open_backbone(Model("small_resnet", weights=str(tmp_path / f"{name}.weights.h5")), None) for name in "aab")
    deeper = open_backbone(Model("small_resnet", weights=str(tmp_path / "a.weights.h5"), stages=2), None)
    assert a.fingerprint == again.fingerprint and len({a.fingerprint, b.fingerprint, deeper.fingerprint}) == 3
    assert (a.features, deeper.features) == (88, 136)


@pytest.mark.shared
def test_published_imagenet_weights_say_what_their_module_says(shared_data):
    """One set of weights in two forms, on real photos."""
    weights = shared_data / "weights" / "mobilenet_v2_035_224_no_top.weights.h5"
    as_keras = open_backbone(Model("mobilenet_v2", weights=str(weights)), None)
    as_hub = open_backbone(Model(handle=str(shared_data / "hub" / "mobilenet_v2_035_224_feature_vector")), None)
    files = sorted((shared_data / "hymenoptera-256" / "val" / "bees").iterdir())[:4]
    pixels = np.stack([images.fit(images.read(path), images.Images((224, 224))) for path in files]).astype(np.float32)
    found = features(as_keras, pixels)
    assert np.ptp(found, 0).max() > 0.5
    np.testing.assert_allclose(found, features(as_hub, pixels), atol=1e-3)
    with pytest.raises(CvappError, match="does not fit mobilenetv2_0.50_224 without its top .* objects could not be loaded") as error:
        open_backbone(Model("mobilenet_v2", weights=str(weights), alpha=0.5), (224, 224))
    assert error.value.code == Exit.BAD_DATA
