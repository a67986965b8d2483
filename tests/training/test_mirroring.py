"""`augment.mirror`: settled by the photos where it is auto, obeyed where it is given."""

import cv2
import numpy as np
import pytest

from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError
from cvapp.recipe import Recipe, override
from cvapp.training import mirroring
from cvapp.training.stages import Material

SCRATCH = ["model.backbone=small_resnet"]


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Arrows to the left and to the right, 20 of each; and the same pictures labeled by their brightness, which a mirror leaves alone."""
    store = Store("pixels", 0, (32, 32, 3), "uint8", tmp_path_factory.mktemp("mirror")).open()
    arrows, shades = [], []
    for place in range(40):
        rng, right = np.random.default_rng(place), place % 2
        picture = np.full((32, 32, 3), 200 - 120 * (place // 20), np.uint8) + rng.integers(0, 30, (32, 32, 3), np.uint8)
        ends = ((6, int(rng.integers(10, 22))), (26, int(rng.integers(10, 22))))
        cv2.arrowedLine(picture, *(ends if right else ends[::-1]), (20, 20, 20), 2, tipLength=0.4)
        name, part = f"{place:064x}", "val" if place >= 36 or 16 <= place < 20 else "train"
        store.put(name, picture)
        arrows.append(Row(name, f"{place}.png", "right" if right else "left", part))
        shades.append(Row(name, f"{place}.png", "dark" if place >= 20 else "light", part))
    return {"arrows": Material(arrows, store), "shades": Material(shades, store)}


def settled(material, value, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    lines = []
    recipe, figures = mirroring.settle(
        override(Recipe(), [*SCRATCH, f"augment.mirror={value}"]), None, material, lambda text, *_: lines.append(text)
    )
    return recipe.augment.mirror, figures, [line for line in lines if "mirror" in line]


@pytest.mark.parametrize(
    "kind, value, mirrored, words",
    [
        ("arrows", "auto", False, "augment.mirror=auto: left and right differ, pictures are not mirrored: a probe names "),
        ("arrows", "yes", True, "pictures are mirrored, as augment.mirror=yes asks, but a probe names "),
        ("shades", "auto", True, "augment.mirror=auto: pictures are mirrored: a probe names "),
        ("shades", "yes", True, None),
        ("arrows", "no", False, None),
    ],
)
def test_what_is_settled_and_said(material, kind, value, mirrored, words, monkeypatch, tmp_path):
    found, figures, lines = settled(material[kind], value, monkeypatch, tmp_path)
    assert found is mirrored and [line[: len(words or "")] for line in lines] == ([words] if words else [])
    assert bool(figures) == (value != "no") and figures.get("harmful", False) == (kind == "arrows" and value != "no")


def test_only_a_classifier_can_settle_it():
    with pytest.raises(CvappError, match="augment.mirror is 'auto' in a generate recipe: only a classifier's photos tell; give yes or no"):
        override(Recipe(), ["task=generate", "augment.mirror=auto"])
    assert override(Recipe(), ["augment.mirror=auto"]).augment.mirror == "auto"
