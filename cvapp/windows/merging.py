"""Many windows that show one object made one box, where a window does not say where in it the object lies."""

import numpy as np

from cvapp.boxes import Boxes, iou

LINKED = 0.25  # IoU from which windows of one class show the same object


def merge(found: Boxes) -> Boxes:
    """One box for each group of boxes of one class that hang together: their mean, weighted by score; its score is the best one's.

    A classifier names an object in every window that holds enough of it, larger, smaller and beside it; what these have in common is where
    it lies (as the merging of Sermanet et al. 2014, OverFeat, arXiv:1312.6229, section 4.3, with the whole group at once). Two objects of
    one class whose windows meet become one box.
    """
    linked = (iou(found.xyxy, found.xyxy) >= LINKED) & (found.classes[:, None] == found.classes[None])
    group = np.arange(len(found))
    while True:  # each takes the least number among those that it is linked to
        least = np.where(linked, group[None], len(found)).min(1, initial=len(found))
        if np.array_equal(least, group):
            break
        group = least[least]
    firsts = np.unique(group)
    weights = (group[None] == firsts[:, None]) * found.scores[None]
    weights /= weights.sum(1, keepdims=True)
    scores = np.array([found.scores[group == first].max() for first in firsts], np.float32)
    made = Boxes((weights @ found.xyxy).astype(np.float32), scores, found.classes[firsts], found.points[firsts])
    return made.take(np.argsort(-made.scores, kind="stable"))
