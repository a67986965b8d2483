"""A sheet of where a transformer looks: photos with its attention laid over them, rolled out over all blocks and of each by itself."""

import keras
import numpy as np

from cvapp.camera.heat import paint
from cvapp.data import split
from cvapp.evaluation.results import Results
from cvapp.evaluation.sheets import WIDTH, contact_sheet
from cvapp.evaluation.words import percent
from cvapp.images import Images, fit
from cvapp.models.attention_maps import attention_maps
from cvapp.models.classifier import predict_function

PHOTOS = 8
COLUMNS = 8  # of the sheet, which fill a laptop's screen
BLOCKS = 5  # shown of a deep network: the first, the last and some between


def sheet(model: keras.Model, results: Results, labels: tuple[str, ...]) -> np.ndarray | None:
    """Some photos that the model did not learn from, taken from the classes in turn: uint8 RGB.

    Args:
        model: the saved classifier.
        results: of the run.
        labels: in the order of the model's outputs.

    Returns:
        The photo with its label and its answer, then the attention rollout, then blocks; None for a model without attention.
    """
    network = attention_maps(model)
    if network is None:
        return None
    part = "test" if any(row.part == "test" for row in results.rows) else "val"
    rows = split.balanced([row for row in results.rows if row.part == part], PHOTOS)
    answers = {row.hash: answer for row, answer in zip(results.rows, results.probabilities)}
    pixels = results.pixels.read(row.hash for row in rows)
    maps = predict_function(network)(pixels)  # (N, 1 + blocks, h, w)
    shown = np.unique(np.linspace(1, maps.shape[1] - 1, min(BLOCKS, maps.shape[1] - 1)).astype(int))
    tile = Images(size=(round(WIDTH * pixels.shape[1] / pixels.shape[2]), WIDTH), fit="stretch")
    pictures, captions = [], []
    for row, photo, looks in zip(rows, pixels, maps):
        answer, photo = answers[row.hash], fit(photo, tile)
        said = f"{percent(answer.max())} {labels[int(answer.argmax())]}"
        pictures += [photo, *(paint(photo, looks[place]) for place in (0, *shown))]
        captions += [f"{row.label}\n{said}", "all blocks\nrolled out", *(f"block {place}\n" for place in shown)]
    of_photo = 2 + len(shown)
    return contact_sheet(pictures, captions, of_photo * max(1, COLUMNS // of_photo))
