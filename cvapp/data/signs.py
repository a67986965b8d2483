"""The embedded data set put on disk: class folders of sign photos, a video with its truth, and a sheet to print."""

import csv
import io
from pathlib import Path
from typing import Iterable

import numpy as np

from cvapp import images, signs
from cvapp.camera.recorder import record
from cvapp.errors import CvappError, missing_extra
from cvapp.files import check_suffix, check_writable, replacing, write_text
from cvapp.progress import Report, each, silent

VIDEO_FPS = 15.0
SHEETS = (".pdf",)
OTHERS = 2  # times as many photos without a sign: there are more ways to be none
TRUTH_COLUMNS = ("frame", "label", "whole", "x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3")


def write_folder(out: str | Path, count: int, seed: int, report: Report = silent) -> int:
    """Write `count` photos of each sign and twice as many scenes without one, as `out/LABEL/LABEL-0001.jpg`; how many in all."""
    if count < 1:
        raise CvappError(f"--count {count}: give how many photos of each sign, at least 1")
    check_writable(out)
    jobs = [(label, index) for label in signs.LABELS for index in range(count * (OTHERS if label == signs.BACKGROUND else 1))]
    for label, index in each(jobs, "drawing signs", report):
        images.write(Path(out) / label / f"{label}-{index + 1:04d}.jpg", signs.photo(seed, label, index), quality=85)
    return len(jobs)


def write_close_ups(out: str | Path, count: int, seed: int, report: Report = silent) -> int:
    """Write `count` pictures of 96x96 of each sign, which nearly fills them, as `out/LABEL/LABEL-0001.jpg`; how many in all."""
    jobs = [(label, index) for label in signs.SIGNS for index in range(count)]
    for label, index in each(jobs, "drawing signs", report):
        images.write(Path(out) / label / f"{label}-{index + 1:04d}.jpg", signs.close_up(seed, label, index), quality=92)
    return len(jobs)


def truth_path(video: str | Path) -> Path:
    """Where the truth of a video lies: beside it, `NAME.truth.csv`."""
    return Path(video).with_suffix(".truth.csv")


def write_video(path: str | Path, seed: int, report: Report = silent) -> int:
    """Write a moving scene that shows every sign in turn, and the truth for each frame beside it; how many frames."""
    truths = []
    total = round(2.0 * VIDEO_FPS) * len(signs.SIGNS)
    with record(path, VIDEO_FPS, report) as recorder:
        for rgb, truth in each(signs.moving_scene(seed, fps=VIDEO_FPS), "drawing the video", report, total):
            recorder.write(rgb)
            truths.append(truth)
    write_text(truth_path(path), truth_csv(truths))
    return len(truths)


def truth_csv(truths: Iterable[signs.Truth]) -> str:
    """The truth as CSV text: frame, label, whole (1 or 0), and the sign's corners in pixels where it is seen."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TRUTH_COLUMNS)
    for truth in truths:
        writer.writerow([truth.frame, truth.label, int(truth.whole), *(value for corner in truth.corners for value in corner)])
    return text.getvalue()


def read_truth(path: str | Path) -> list[tuple[str, bool]]:
    """For each frame in order, its label and whether the whole sign is seen."""
    with open(path, encoding="utf-8", newline="") as file:
        return [(row["label"], row["whole"] == "1") for row in csv.DictReader(file)]


def read_boxes(path: str | Path) -> list[np.ndarray]:
    """For each frame in order, the box about its sign's corners, (1, 4) in pixels; (0, 4) where no sign is seen."""
    with open(path, encoding="utf-8", newline="") as file:
        corners = [
            np.array([[row[f"{axis}{place}"] or "nan" for axis in "xy"] for place in range(4)], float) for row in csv.DictReader(file)
        ]
    return [np.concatenate([four.min(0), four.max(0)])[None] if np.isfinite(four).all() else np.zeros((0, 4)) for four in corners]


def write_sheet(path: str | Path) -> int:
    """Write a PDF, A4, two signs a page with their names, to print or to show on a screen; how many pages."""
    try:
        from matplotlib.backends.backend_pdf import PdfPages
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise missing_extra("matplotlib", "train") from error
    check_suffix(path, SHEETS)
    names = list(signs.SIGNS)
    pages = [names[start : start + 2] for start in range(0, len(names), 2)]
    with replacing(path) as neighbour, PdfPages(neighbour, metadata={"Title": "cvapp signs", "CreationDate": None}) as pdf:
        for number, page in enumerate(pages):
            figure = Figure(figsize=(8.27, 11.69))
            for row, name in enumerate(page):
                axes = figure.add_axes((0.15, 0.555 - 0.485 * row, 0.70, 0.40))
                axes.imshow(_on_white(signs.draw(signs.SIGNS[name], 1024)), interpolation="none")
                axes.set_axis_off()
                axes.set_title(name, y=-0.08, fontsize=16, color="0.35")
            figure.text(
                0.5,
                0.02,
                f"cvapp signs, page {number + 1} of {len(pages)}. Print at 100%, cut in half, hold one sheet at a time before the camera.",
                ha="center",
                fontsize=8,
                color="0.5",
            )
            pdf.savefig(figure)
    return len(pages)


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return (rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
