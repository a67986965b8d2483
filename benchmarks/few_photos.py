"""Which backbone names a newcomer's photos best: the default pipeline on a few photos of each class, one column a backbone.

Of each folder of class folders some photos of each class train and validate (four to one), up to 50 others of each are measured; the mean of
several draws. Backbones that need no network are compared, and a MobileNetV2 0.35 with ImageNet weights where its file is named.

    python benchmarks/few_photos.py DIR ... [--each 20] [--draws 3] [--mobilenet FILE.weights.h5]
"""

import argparse
import os
import random
import tempfile
from pathlib import Path

import numpy as np

from cvapp import recipe as recipes
from cvapp import shipped
from cvapp.data.folders import scan
from cvapp.recipe import DEFAULT_BACKBONE, DRAWINGS_BACKBONE
from cvapp.training import classify

MEASURED = 50  # photos of a class


def lay(source: Path, folder: Path, each: int, seed: int) -> None:
    """Link some photos of each class below `folder`, by part."""
    listing = scan(source)
    for label in listing.labels:
        names = sorted(photo.name for photo in listing.photos if photo.label == label)
        random.Random(seed).shuffle(names)
        checks = max(1, each // 5)
        parts = {"val": names[:checks], "train": names[checks:each], "test": names[each : each + MEASURED]}
        for part, chosen in parts.items():
            (folder / part / label).mkdir(parents=True)
            for number, name in enumerate(chosen):
                path = (listing.folder / name).resolve()
                (folder / part / label / f"{number}{path.suffix}").symlink_to(path)


def main() -> None:
    """Print a row a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--mobilenet", type=Path)
    args = parser.parse_args()
    folders, weights = [folder.resolve() for folder in args.folders], args.mobilenet and args.mobilenet.resolve()
    backbones = {name: [f"model.backbone={name}"] for name in (DEFAULT_BACKBONE, "efficientnet_lite2", DRAWINGS_BACKBONE)}
    if weights:
        backbones["mobilenet_v2"] = ["model.backbone=mobilenet_v2", f"model.weights={weights}"]
    print(f"{'photos':<16}{'classes':>8}{'measured':>9}" + "".join(f"{name:>23}" for name in backbones))
    for source in folders:
        found: dict[str, list[float]] = {name: [] for name in backbones}
        with tempfile.TemporaryDirectory() as home:
            os.chdir(home)
            for draw in range(args.draws):
                lay(source, Path(f"draw{draw}"), args.each, draw)
                for name, settings in backbones.items():
                    recipe = recipes.override(shipped.load_pipeline("feature_extraction"), [*settings, f"seed={draw}"])
                    card = classify.train(recipe, f"draw{draw}", Path("saved_models") / name)
                    found[name].append(card.metrics["test"]["accuracy"])
            os.chdir("/")
        measured = card.metrics["test"]["photos"]
        print(
            f"{source.name:<16}{len(card.labels):>8}{measured:>9}" + "".join(f"{np.mean(values):>23.3f}" for values in found.values()),
            flush=True,
        )


if __name__ == "__main__":
    main()
