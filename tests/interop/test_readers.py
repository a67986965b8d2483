"""Other programs read what `cvapp export` made, from the file alone, and say what `cvapp predict` says.

Runs where MediaPipe is and neither cvapp nor TensorFlow: `make test-interop` makes such a place. CVAPP_MODEL names the saved model's
folder (saved_models/signs), CVAPP the command (.venv/bin/cvapp); cvapp answers from its own environment, as a process.
"""

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
MODEL = Path(os.path.abspath(os.environ.get("CVAPP_MODEL", ROOT / "saved_models/signs")))
CVAPP = os.path.abspath(os.environ.get("CVAPP", ROOT / ".venv/bin/cvapp"))
LITE = MODEL / "lite"
SCORE = {"float32": 2e-3, "float16": 2e-3, "dynamic": 2 / 256, "int8": 2 / 256}  # by how much a reader's score may differ
NEAR = 0.01  # so near to the threshold, both answers will do
NO_ANSWER = None


class Said(NamedTuple):
    """What cvapp says of the pictures: best labels, probabilities in the labels' order (N, C), the threshold."""

    best: list[str]
    probabilities: np.ndarray
    threshold: float


def published() -> list[str]:
    """The variants that the export published; all that there may be, where there is no model yet, so that each fails by name."""
    if not (LITE / "export.json").is_file():
        return list(SCORE)
    return [name for name, row in json.loads((LITE / "export.json").read_text())["variants"].items() if row["published"]]


VARIANTS = published()
FLOATS = [name for name in VARIANTS if name in ("float32", "float16")]


@pytest.fixture(scope="module")
def labels() -> list[str]:
    """The labels, from the file beside the variants."""
    return (LITE / "labels.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    """The golden samples: pixels, and what each variant answered when it was made."""
    with np.load(LITE / "golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def pictures(golden) -> np.ndarray:
    """The golden photos, and as many mixtures of two, of which a model is less sure: uint8 RGB (N, H, W, 3)."""
    photos = golden["pixels"]
    mixed = (photos.astype(np.uint16) + np.roll(photos, 1, 0)) // 2
    return np.concatenate([photos, mixed.astype(np.uint8)])


@pytest.fixture(scope="module")
def said(pictures, labels, tmp_path_factory) -> dict[str, Said]:
    """What `cvapp predict` says of the pictures, by variant."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    files = [folder / f"{number:03}.png" for number in range(len(pictures))]
    for file, picture in zip(files, pictures):
        assert cv2.imwrite(str(file), picture[..., ::-1])
    return {variant: ask(variant, folder, files, labels) for variant in VARIANTS}


def ask(variant: str, folder: Path, files: list[Path], labels: list[str]) -> Said:
    """One run of `cvapp predict`."""
    command = [CVAPP, "predict", MODEL.name, str(folder), "--variant", variant, "--json"]
    done = subprocess.run(command, cwd=MODEL.parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    rows = [{score["label"]: score["probability"] for score in answer["photos"][str(file)]} for file in files]
    best = [answer["photos"][str(file)][0]["label"] for file in files]
    return Said(best, np.array([[row[label] for label in labels] for row in rows]), answer["threshold"])


def classify(path: Path, pictures: np.ndarray) -> list[dict[str, float]]:
    """What MediaPipe says of each picture, told nothing but the file's path: label -> score, the best first."""
    import mediapipe
    from mediapipe.tasks.python.vision import ImageClassifier

    images = [mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(picture)) for picture in pictures]
    with ImageClassifier.create_from_model_path(str(path)) as classifier:
        found = [classifier.classify(image).classifications[0].categories for image in images]
    return [{category.category_name: category.score for category in categories} for categories in found]


def forward(path: Path, pictures: np.ndarray) -> np.ndarray:
    """What OpenCV's own network reader computes: probabilities (N, C). It wants float32 0..255 (1, 3, H, W) for bytes (1, H, W, 3)."""
    import cv2

    net = cv2.dnn.readNetFromTFLite(str(path))
    answers = []
    for picture in pictures:
        net.setInput(cv2.dnn.blobFromImage(picture))
        answers.append(net.forward().reshape(-1).copy())
    return np.stack(answers)


def disagreements(found: list[dict[str, float]], said: Said, score: float, margin: float = 0.0) -> list[str]:
    """Pictures of which MediaPipe says another thing than cvapp, one line each.

    Args:
        score: by how much the best score may differ.
        margin: a best label that leads by no more than that may be another.
    """
    lines = []
    for number, (categories, best, row) in enumerate(zip(found, said.best, said.probabilities)):
        label, value = next(iter(categories.items()), (NO_ANSWER, 0.0))
        second, first = np.sort(row)[-2:]
        if (label is NO_ANSWER) != (first < said.threshold) and abs(first - said.threshold) > NEAR:
            lines.append(f"{number}: {label} against {best} {first:.3f} at threshold {said.threshold:.3f}")
        elif label is not NO_ANSWER and label != best and first - second > margin:
            lines.append(f"{number}: {label} against {best} that leads by {first - second:.4f}")
        elif label == best and abs(value - first) > score:
            lines.append(f"{number}: {value:.4f} against {first:.4f} for {best}")
    return lines


@pytest.mark.parametrize("variant", VARIANTS)
def test_cvapp_says_of_the_golden_photos_what_it_said_when_they_were_made(variant, golden, said, labels):
    expected = golden[variant]
    np.testing.assert_allclose(said[variant].probabilities[: len(expected)], expected, atol=SCORE[variant])
    keras = golden["keras"]
    sure = np.ptp(np.sort(keras)[:, -2:], axis=1) > 0.1
    assert sure.any() and len(set(keras.argmax(1))) > 1  # a model that says one thing of every photo proves nothing
    assert [labels[index] for index in keras[sure].argmax(1)] == [said[variant].best[index] for index in np.flatnonzero(sure)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_mediapipe_says_what_cvapp_says_from_the_file_alone(variant, pictures, labels, said, capsys):
    found = classify(LITE / f"{variant}.tflite", pictures)
    assert {label for categories in found for label in categories} <= set(labels)
    assert any(found)
    assert disagreements(found, said[variant], SCORE[variant], margin=SCORE[variant]) == []
    ties = disagreements(found, said[variant], SCORE[variant])
    silent = sum(not categories for categories in found)
    with capsys.disabled():
        print(f"\n{variant}: {len(found)} pictures, {silent} without an answer, near ties that differ: {'; '.join(ties) or 'none'}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_labels_and_threshold_come_from_the_file(variant, pictures, labels, said, tmp_path):
    """The control: another label file, or another threshold, in the same file, and MediaPipe says another thing."""
    data = (LITE / f"{variant}.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        model = data[: archive.getinfo("labels.txt").header_offset]
    for name, start, lines in (
        ("same", model, labels),
        ("reversed", model, labels[::-1]),
        ("never", model.replace(np.float32(said[variant].threshold).tobytes(), np.float32(2).tobytes(), 1), labels),
    ):
        (tmp_path / name).write_bytes(start)
        with zipfile.ZipFile(tmp_path / name, "a") as archive:
            archive.writestr("labels.txt", "\n".join(lines))
    same, reverse, never = (classify(tmp_path / name, pictures) for name in ("same", "reversed", "never"))
    answered = sum(bool(categories) for categories in same)
    assert same == classify(LITE / f"{variant}.tflite", pictures) and answered
    assert len(disagreements(reverse, said[variant], 1.0)) >= answered / 2  # the middle label of an odd number stays
    assert not any(never)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pictures_with_colours_swapped_are_told_apart(variant, pictures, said):
    """The control: blue for red, and the scores are not the same."""
    assert disagreements(classify(LITE / f"{variant}.tflite", pictures[..., ::-1]), said[variant], SCORE[variant], SCORE[variant])


@pytest.mark.parametrize("variant", FLOATS)
def test_opencv_says_what_cvapp_says(variant, pictures, golden, said, labels):
    found = forward(LITE / f"{variant}.tflite", pictures)
    photos = len(golden["pixels"])
    assert [labels[index] for index in found[:photos].argmax(1)] == said[variant].best[:photos]
    tolerance = 5e-3 if variant == "float16" else 2e-3
    np.testing.assert_allclose(found, said[variant].probabilities, atol=tolerance)
    swapped = forward(LITE / f"{variant}.tflite", pictures[..., ::-1])
    assert np.abs(swapped - said[variant].probabilities).max() > 10 * tolerance
