"""How often a model of the signs is right on a drawn video, against the truth beside it: a classifier by name, a detector by its boxes.

python benchmarks/sign_video.py signs demo/scene.mp4
"""

import sys
from pathlib import Path

import numpy as np

from cvapp import load
from cvapp.boxes import iou
from cvapp.bundle import Bundle
from cvapp.camera import live
from cvapp.camera.boxed import boxed
from cvapp.camera.loop import Answered
from cvapp.data.signs import read_boxes, read_truth, truth_path


def main(name: str, video: str) -> None:
    """Print how the model does on the frames with a whole sign, and on the others."""
    bundle = load(f"saved_models/{name}")
    (names if bundle.card.scan is None else boxes)(bundle, video, truth_path(video))


def names(bundle: Bundle, video: str, path: Path) -> None:
    """The share of frames named right: those with a whole sign, those with none, and all."""
    truth = read_truth(path)
    answers: list[str] = []
    live.run(video, bundle.classify, each=lambda answered: answers.append(answered.answer[0][0]))
    right = [answer == label for answer, (label, _) in zip(answers, truth, strict=True)]
    whole = [was for was, (_, seen) in zip(right, truth) if seen]
    empty = [was for was, (label, _) in zip(right, truth) if label == "background"]
    print(
        f"{video}: {bundle.card.name} is right on {sum(whole)}/{len(whole)} = {sum(whole) / len(whole):.3f} of the frames with a whole sign, "
        f"{sum(empty)}/{len(empty)} of those with none, {sum(right)}/{len(right)} of all"
    )


def boxes(bundle: Bundle, video: str, path: Path) -> None:
    """Of the frames with a whole sign: how many have a box of its name, how many one that overlaps it by half; and how many other boxes there are."""
    truth, places = read_truth(path), read_boxes(path)
    overlaps: list[float] = []
    others: list[int] = []
    empty: list[bool] = []

    def look(answered: Answered) -> None:
        (label, whole), place, found = truth[answered.frame.index], places[answered.frame.index], answered.answer
        mine = np.array([bundle.card.labels[number] == label for number in found.classes], bool)
        if whole:
            overlaps.append(float(iou(found.xyxy[mine], place).max(initial=0)))
            others.append(len(found) - min(1, int(mine.sum())))
        elif not len(place):
            empty.append(len(found) == 0)

    live.run(video, bundle.detect, live.Options(kind=boxed(bundle.card.labels)), each=look)
    right = sum(overlap >= 0.5 for overlap in overlaps)
    print(
        f"{video}: {bundle.card.name} boxes {right}/{len(overlaps)} = {right / len(overlaps):.3f} of the whole signs with an IoU of 0.5 or more "
        f"(median {np.median(overlaps):.2f}), {sum(others)} other boxes beside them; {sum(empty)}/{len(empty)} frames with none are left without"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
