"""Fixtures that many tests share."""

import shutil
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped, by name, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that saved_models/ lands there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def few_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose only fonts are those that matplotlib brings: Latin, Greek, Cyrillic, Hebrew and Arabic, no Thai, no emoji but faces."""
    from cvapp import fonts, lettering

    folders = [folder for folder in fonts.folders() if folder.parent.parent.name == "mpl-data"]
    monkeypatch.setattr(fonts, "folders", lambda: folders)
    lettering.forget()
    yield
    lettering.forget()


@pytest.fixture(scope="session")
def tiny_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub module in small: 32x32 pictures in 0..1 -> 24 features, by fixed random convolutions, their means and maxima."""
    import cvapp.models  # noqa: F401 - loads TensorFlow quietly
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("hub") / "tiny"
    module = tf.train.Checkpoint()
    kernel = tf.Variable(np.random.default_rng(5).normal(0, 0.3, (5, 5, 3, 12)).astype(np.float32))

    @tf.function(autograph=False)
    def call(images, training=False):
        maps = tf.nn.relu(tf.nn.conv2d(images - 0.5, kernel, 2, "SAME"))
        return tf.concat([tf.reduce_mean(maps, (1, 2)), tf.reduce_max(maps, (1, 2))], -1)

    spec = tf.TensorSpec((None, 32, 32, 3), tf.float32)
    call.get_concrete_function(spec, training=False)
    call.get_concrete_function(spec, training=True)
    module.__call__, module.variables, module.trainable_variables = call, [kernel], [kernel]
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders with 14 photos each of three signs, and a name with a blank and an umlaut."""
    from cvapp import images, signs

    folder = tmp_path_factory.mktemp("data") / "photos"
    for label in ("heart", "moon", "tree"):
        for index in range(14):
            images.write(folder / label / f"{label} ü {index}.png", signs.photo(3, label, index, (60, 80)))
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_module: Path) -> Path:
    """A folder with `saved_models/mine`, trained on the photos and exported; treat it as read-only, or copy it."""
    from cvapp.export.export import export
    from cvapp.training.classify import train

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        train(small_recipe(tiny_module), photos, home / "saved_models" / "mine")
        export(home / "saved_models" / "mine")
    return home


@pytest.fixture
def home(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the exported model's folder, as the current folder."""
    shutil.copytree(exported, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def signs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which signs were drawn, trained and exported by their commands, as in the demo, with a video; treat it as read-only."""
    from cvapp.cli import main

    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["data", "signs", "--out", "signs", "--count", "60", "--seed", "3", "--video", "scene.mp4"]) == 0
        assert main(["train", "--data", "signs", "--set", "model.backbone=mobilenet_v2_drawings"]) == 0
        assert main(["export", "signs", "--set", "export.variants=float32,float16"]) == 0
    return home


@pytest.fixture(scope="session")
def boxed_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO set, its parts given: 26 scenes of red discs and blue tiles, the last two without any; treat it as read-only."""
    from cvapp import images
    from cvapp.data.boxed import BoxedListing, BoxedPhoto
    from cvapp.data.formats import coco

    folder, rng, photos = tmp_path_factory.mktemp("data") / "scenes", np.random.default_rng(4), []
    for number in range(26):
        picture, boxes = scene(rng, int(rng.integers(1, 4)) if number < 24 else 0)
        images.write(folder / "images" / f"{number}.png", picture)
        part = ("train", "val", "train", "train", "test", "train")[number % 6]
        photos.append(BoxedPhoto(f"images/{number}.png", boxes, picture.shape[:2], part))
    coco.write(BoxedListing(folder, folder, photos, list(COLOURS)), folder)
    return folder


COLOURS = {"disc": (220, 60, 40), "tile": (40, 90, 220)}


def scene(rng: np.random.Generator, count: int):
    """Noise of 96x128 with so many objects, at most three; uint8 RGB and their boxes, each with its corners as landmarks."""
    import cv2

    from cvapp.data.boxed import Box

    picture, boxes = rng.integers(90, 150, (96, 128, 3)).astype(np.uint8), []
    for column in rng.permutation(3)[:count].tolist():
        side, label = int(rng.integers(24, 37)), str(rng.choice(list(COLOURS)))
        left, top = 43 * column + int(rng.integers(43 - side)), int(rng.integers(96 - side))
        right, bottom = left + side, top + side
        if label == "tile":
            picture[top:bottom, left:right] = COLOURS[label]
        else:
            cv2.circle(picture, (left + side // 2, top + side // 2), side // 2, COLOURS[label], -1)
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        boxes.append(Box(label, (left, top, right, bottom), False, corners))
    return picture, tuple(boxes)


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory, boxed_photos: Path) -> Path:
    """A folder with `saved_models/boxes`, a detector trained on the scenes and exported; treat it as read-only, or copy it."""
    from cvapp.export.export import export
    from cvapp.training.detect import train

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        train(boxed_recipe(), boxed_photos, home / "saved_models" / "boxes")
        export(home / "saved_models" / "boxes")
    return home


@pytest.fixture
def boxed_home(detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the exported detector's folder, as the current folder."""
    shutil.copytree(detector, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `saved_models/rows`, a transcriber of one or two digits that is right more often than not about one; treat it as read-only."""
    from cvapp.training.transcribe import train
    from tests.rows import few, rows_recipe

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        few(patch)
        patch.chdir(home)
        train(rows_recipe(), home / "saved_models" / "rows")
    return home


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A folder with `saved_models/made`, a conditional generator of grey pictures that learnt for six steps; treat it as read-only."""
    from cvapp.training.generate import train
    from tests.gan import gan_recipe, narrow

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        narrow(patch)
        lines: list[str] = []
        train(
            gan_recipe("generate.conditional=yes"), photos, home / "saved_models" / "made", lambda text, done=None, *_: lines.append(text)
        )
    (home / "told.txt").write_text("\n".join(lines), "utf-8")
    return home


def boxed_recipe(**detect: object):
    """A detector of one window shape on frames of 96x128, in a few seconds."""
    from cvapp.recipe import Detect, Export, Images, Model, Recipe, Train

    return Recipe(
        task="detect",
        images=Images((96, 128), "letterbox"),
        model=Model(backbone="window_net", weights="none", alpha=0.35, dropout=0.1, initialiser="he"),
        train=Train(epochs=6, batch=32, learning_rate=5e-3, schedule="cosine"),
        detect=Detect(**{"window": (48, 48), "shapes": 1, "hidden": 16, "rounds": 2, "passes": 2, **detect}),
        export=Export(min_agreement=0.5, max_drop=50),
    )


def small_recipe(module: Path, **train: object):
    """The default recipe on the tiny module, in a second."""
    from cvapp.recipe import Export, Model, Recipe, Train

    return Recipe(
        model=Model(handle=str(module)),
        train=Train(**{"epochs": 80, "learning_rate": 0.03, "batch": 8, **train}),
        export=Export(min_agreement=0.5, max_drop=50),
    )
