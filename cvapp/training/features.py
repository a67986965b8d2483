"""Features of a frozen backbone: computed once a photo and kept."""

from pathlib import Path
from typing import Any, Callable, Sequence

import keras
import numpy as np

from cvapp.data.split import Row
from cvapp.data.store import ROOT, Store
from cvapp.models.backbones import Backbone
from cvapp.models.classifier import BATCH, batched
from cvapp.progress import Report, each, silent


def features(
    compute: Callable[[np.ndarray], np.ndarray], pixels: Store, kept: Store, rows: Sequence[Row], report: Report = silent
) -> np.ndarray:
    """Features of photos in the order of their rows: float32 (N, features).

    Args:
        compute: uint8 pictures (B, H, W, 3) -> features (B, features).
        pixels: where the fitted photos are kept.
        kept: where their features are kept; what it lacks is computed and put there.
        rows: which photos.
        report: told how far the computing is.
    """
    missing = list(dict.fromkeys(row.hash for row in rows if not kept.has(row.hash)))
    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    for names in each(batches, "computing features", report) if batches else ():
        for name, values in zip(names, compute(pixels.read(names))):
            kept.put(name, values)
    return kept.read(row.hash for row in rows)


def frozen(
    backbone: Backbone, rows: Sequence[Row], pixels: Store, report: Report = silent, root: Path = ROOT, mirrored: bool = False
) -> np.ndarray:
    """Features (N, F) of photos, or of their mirror images, by the untouched backbone; what was computed before is read from below `root`.

    Photos of another size than the backbone's are stretched to it.
    """
    stretched = pixels.shape[:2] != tuple(backbone.size)
    key = [backbone.fingerprint, pixels.folder.name, *([str(backbone.size)] if stretched else []), *(["mirrored"] if mirrored else [])]
    kept = Store("features", key, (backbone.features,), "float32", root).open()
    factor, offset = (np.asarray(value, np.float32) for value in backbone.scale)

    def of_pictures(pictures: Any) -> Any:
        pictures = pictures[:, :, ::-1] if mirrored else pictures
        if stretched:
            pictures = keras.ops.image.resize(pictures, backbone.size)
        return backbone.layer(pictures * factor + offset, training=False)

    return features(batched(of_pictures, pixels.shape), pixels, kept, rows, report)
