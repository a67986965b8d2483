"""A whole detector on a video: fitting and the pyramid, the network, decoding and suppression, for each published variant, one thread.

python benchmarks/detector.py scenes demo/scene.mp4

Medians in milliseconds a frame, of frames that take turns between the variants; the answers to a second are those of one thread that does it all.
"""

import sys
import time

import cv2
import numpy as np

from cvapp.bundle import open_lite, read_export
from cvapp.camera.sources import open_source
from cvapp.card import read
from cvapp.cli.answer import model_folder, table

FRAMES = 150


def main(name: str, video: str) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    folder = model_folder(name)
    export = read_export(folder, read(folder))
    assert export is not None, f"cvapp export {name} first"
    bundles = {variant: open_lite(folder, variant) for variant, row in export["variants"].items() if row["published"]}
    taken: dict[str, list[tuple[float, ...]]] = {variant: [] for variant in bundles}
    boxes: dict[str, int] = dict.fromkeys(bundles, 0)
    with open_source(video) as source:
        for number, frame in enumerate(source):
            if number >= FRAMES:
                break
            for variant, bundle in bundles.items():
                start = time.perf_counter()
                canvas = bundle.fit(frame.image)
                painted = time.perf_counter()
                maps = bundle.predict(canvas[None])[0]
                answered = time.perf_counter()
                boxes[variant] += len(bundle.locate(maps, frame.image.shape))
                taken[variant].append((painted - start, answered - painted, time.perf_counter() - answered))
    card = next(iter(bundles.values())).card
    rows = []
    for variant, times in taken.items():
        parts = 1000 * np.median(np.array(times[5:]), axis=0)
        rows.append((variant, *(f"{part:.1f}" for part in parts), f"{parts.sum():.1f}", f"{1000 / parts.sum():.1f}", boxes[variant]))
    height, width = card.input_size
    print(f"{name}: frames of {card.images.size[1]}x{card.images.size[0]}, {len(card.scan.scales)} levels on a canvas of {width}x{height}")
    print(table(("variant", "fit and pyramid", "network", "decode and suppress", "all", "frames/s", "boxes"), rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
