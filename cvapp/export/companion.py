"""The companion of a vision transformer's variants: a .tflite that answers where the model looks, proven against the Keras network."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from cvapp.bundle import ATTENTION
from cvapp.errors import CvappError, Exit
from cvapp.export import variants
from cvapp.files import sha256
from cvapp.models.attention_maps import attention_maps
from cvapp.models.classifier import predict_function
from cvapp.progress import Report, each
from cvapp.tflite import open_tflite

MOST = 0.02  # of the even share: how far any place may be off
KINDS = ("float16", "float32")  # of the weights, the small one first; the halves' rounding is too much for few, sharp looks


def make(model: keras.Model, pixels: np.ndarray, work: Path, place: Path, report: Report) -> dict[str, Any]:
    """Make `attention.tflite`: uint8 RGB (1, H, W, 3) -> the attention rollout, float32 (1, h, w) of mean 1.

    Args:
        model: a classifier.
        pixels: uint8 validation photos (V, H, W, 3), on each of which it is proven.
        work: where the file stays if it is as near to Keras' as `MOST`.
        place: a folder for temporary files.
        report: told how near it is.

    Returns:
        `attention` with its row of `lite/export.json`; nothing where the model has no attention, or no file is near enough.
    """
    network = attention_maps(model, whole=False)
    if network is None:
        return {}
    path, told = work / f"{ATTENTION}.tflite", "the file that shows where it looks"
    report(f"making {told}")
    expected = predict_function(network)(pixels)
    for kind in KINDS:
        try:
            path.write_bytes(variants.make(network, kind, place / ATTENTION))
        except CvappError as error:
            if error.code != Exit.GATE:
                raise
            report(f"{path.name} was not made: {error}")
            break
        answer = open_tflite(path)
        found = np.concatenate([answer(picture[None]) for picture in each(list(pixels), f"proving {told}", report)])
        difference = float(np.abs(found - expected).max())
        if difference <= MOST:
            size, places = path.stat().st_size, list(found.shape[1:])
            report(f"{path.name} in {kind}: {size / 1e6:.2f} MB, a place differs from Keras' by {difference:.4f} at most")
            return {ATTENTION: {"sha256": sha256(path), "bytes": size, "difference": round(difference, 6), "places": places}}
        more = f"; {KINDS[-1]} is tried" if kind != KINDS[-1] else ""
        report(f"{path.name} in {kind} is not kept: a place differs from Keras' by {difference:.4f} (at most {MOST:g}){more}")
    path.unlink(missing_ok=True)
    return {}
