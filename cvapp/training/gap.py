"""The gap between a padded network's detector and the window classifier it was made of: told, and closed where that is asked for."""

from typing import Any

import keras
import numpy as np

from cvapp.models import sliding
from cvapp.progress import Report
from cvapp.windows import Scan, lay_out, paint

PHOTOS, RATE = 16, 1e-4  # photos that the gap is measured and closed on, and the learning rate
PIXELS = 2000 * 224 * 224  # of the windows that the gap is measured on: each window is a pass of the classifier


def close(
    networks: tuple[keras.Model, keras.Model], scan: Scan, known: np.ndarray, held: np.ndarray, tune: int, report: Report
) -> dict[str, Any]:
    """How far the detector's cells are from the classifier's answers on their crops, before and after; nothing where it is exact.

    Args:
        networks: the classifier, and the detector that was made of it, which is tuned in place.
        scan: how frames are looked over.
        known: training frames, uint8 (N, H, W, 3), to tune on.
        held: validation frames to measure on.
        tune: steps; 0 measures only.
        report: told of both.
    """
    windowed, detector = networks
    if sliding.exact(windowed):
        return {}
    cost = np.prod(scan.windows.grid(lay_out(scan, held.shape[1:3])[1])) * np.prod(scan.windows.size)
    canvases = np.stack([paint(frame, scan) for frame in held[: max(1, PIXELS // int(cost))]])

    def measure() -> dict[str, float]:
        found = sliding.deviation(windowed, detector, canvases, scan.windows, report)
        return {name: round(value, 6) for name, value in vars(found).items()}

    told = {"deviation": measure()}
    report(f"padding: cells differ from their crops by {told['deviation']['mean']:.4f} in the mean")
    if tune:
        sliding.close_gap(windowed, detector, np.stack([paint(frame, scan) for frame in known]), tune, RATE, report)
        told["deviation_tuned"] = measure()
        report(f"after {tune} steps they differ by {told['deviation_tuned']['mean']:.4f}")
    return told
