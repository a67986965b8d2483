"""Is the backbone of drawings worth having: a linear probe on its features against the same network with random weights.

A ridge classifier on standardised features, its penalty chosen on validation photos, figures on held-out ones. Sign photos are drawn;
further folders (class folders, or Fashion-MNIST's idx files) are named on the command line.

    python benchmarks/backbone_probe.py [DIR ...]
"""

import gzip
import sys
from pathlib import Path
from typing import Iterator

import numpy as np

from cvapp import images, signs
from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed, natural
from cvapp.data.photos import fit_all
from cvapp.models import classifier, hub, mobilenet
from cvapp.recipe import DRAWINGS_BACKBONE
from cvapp.shipped import shipped_models

import keras

SHAPE = images.Images((96, 96))
Set = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # photos and classes to learn from, photos and classes held out


def sign_photos() -> Set:
    """60 photos of each sign to learn from, 40 held out."""
    count = len(signs.LABELS)
    truth = np.tile(np.arange(count), 100)
    pixels = np.stack([images.fit(signs.photo(11, signs.LABELS[label], number // count), SHAPE) for number, label in enumerate(truth)])
    return pixels[: 60 * count], truth[: 60 * count], pixels[60 * count :], truth[60 * count :]


def folder_photos(folder: Path) -> Set:
    """Class folders: the training part, and the test or validation part."""
    listing, store = fit_all(hashed(scan(folder)), SHAPE)
    rows, _ = split.make(listing.photos, 0.3, 0.0, 0)
    labels = natural({row.label for row in rows})
    pixels, truth = store.read(row.hash for row in rows), np.array([labels.index(row.label) for row in rows])
    learns = np.array([row.part == "train" for row in rows])
    return pixels[learns], truth[learns], pixels[~learns], truth[~learns]


def idx_photos(folder: Path) -> Set:
    """Fashion-MNIST: the first 4,000 training and 2,000 test pictures, enlarged."""

    def read(name: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=offset)

    def colour(values: np.ndarray) -> np.ndarray:
        return np.stack([images.fit(np.repeat(picture[..., None], 3, -1), SHAPE) for picture in values])

    learn, held = (
        read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[:4000],
        read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[:2000],
    )
    return (
        colour(learn),
        read("train-labels-idx1-ubyte.gz", 8)[:4000].astype(int),
        colour(held),
        read("t10k-labels-idx1-ubyte.gz", 8)[:2000].astype(int),
    )


def probe(values: np.ndarray, truth: np.ndarray, held: np.ndarray, held_truth: np.ndarray) -> float:
    """Accuracy of a ridge classifier on held-out features."""

    def standard(some: np.ndarray) -> np.ndarray:
        return np.hstack([(some - values.mean(0)) / (values.std(0) + 1e-8 * np.abs(values).max()), np.ones((len(some), 1))]).astype(
            np.float64
        )

    def answers(chosen: np.ndarray, on: np.ndarray, penalty: float) -> np.ndarray:
        x, y = standard(values[chosen]), np.eye(truth.max() + 1)[truth[chosen]]
        return (standard(on) @ np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)).argmax(1)

    order = np.random.default_rng(0).permutation(len(values))
    learn, check = order[len(order) // 5 :], order[: len(order) // 5]
    best = max((1.0, 10.0, 100.0, 1000.0, 10000.0), key=lambda penalty: (answers(learn, values[check], penalty) == truth[check]).mean())
    return float((answers(order, held, best) == held_truth).mean())


def sets(folders: list[str]) -> Iterator[tuple[str, Set]]:
    """The named sets."""
    yield "signs", sign_photos()
    for folder in map(Path, folders):
        yield folder.name, idx_photos(folder) if (folder / "train-images-idx3-ubyte.gz").is_file() else folder_photos(folder)


def main(*folders: str) -> None:
    """Print a row a set."""
    module, _ = hub.open_module(hub.resolve(DRAWINGS_BACKBONE))
    keras.utils.set_random_seed(0)
    random = mobilenet.build((96, 96), 0.35)
    same = mobilenet.build((96, 96), 0.35)
    same.load_weights(shipped_models() / DRAWINGS_BACKBONE / mobilenet.WEIGHTS)
    networks = {
        "drawings": lambda pixels: module(pixels / 255.0),
        "random": lambda pixels: random(pixels / 127.5 - 1, training=False),
        "Keras weights": lambda pixels: same(pixels / 127.5 - 1, training=False),
    }
    print(f"{'set':<18}{'learn from':>11}{'held out':>9}" + "".join(f"{name:>15}" for name in networks) + "   gain")
    for title, (pixels, truth, held, held_truth) in sets(list(folders)):
        found = {}
        for name, network in networks.items():
            compute = classifier.batched(network, (96, 96, 3))
            found[name] = probe(compute(pixels), truth, compute(held), held_truth)
        print(
            f"{title:<18}{len(pixels):>11}{len(held):>9}"
            + "".join(f"{value:>15.3f}" for value in found.values())
            + f"{100 * (found['drawings'] - found['random']):>+7.1f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
