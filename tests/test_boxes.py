"""Boxes: overlap by hand, suppression against brute force, OpenCV, TensorFlow and keras-cv, and the mistakes that course notes make."""

import cv2
import numpy as np
import pytest

from cvapp import boxes
from cvapp.errors import CvappError

SQUARE = (0, 0, 10, 10)


def crowd(rng, count, classes=3):
    """Boxes in clusters: float32 xyxy (N, 4), scores (N,) all different, classes (N,)."""
    middle = rng.uniform(50, 450, (max(1, count // 8), 2))[rng.integers(0, max(1, count // 8), count)] + rng.normal(0, 8, (count, 2))
    half = rng.uniform(15, 40, (count, 2))
    scores = rng.permutation(np.linspace(0.02, 0.98, count))
    return np.concatenate([middle - half, middle + half], 1).astype(np.float32), scores.astype(np.float32), rng.integers(0, classes, count)


def counted_iou(one, other):
    """By counting the cells of a grid: exact for whole numbers."""
    cells = [{(x, y) for x in range(int(a), int(c)) for y in range(int(b), int(d))} for a, b, c, d in (one, other)]
    union = len(cells[0] | cells[1])
    return len(cells[0] & cells[1]) / union if union else 0.0


def plain_nms(xyxy, scores, classes, threshold, overlap=None):
    """The rule, word for word: the best of what is left, then all of its class that overlap it go."""
    table = boxes.iou(xyxy, xyxy) if overlap is None else overlap
    left, kept = sorted(range(len(scores)), key=lambda index: -scores[index]), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [index for index in left if classes[index] != classes[best] or table[best, index] <= threshold]
    return kept


@pytest.mark.parametrize(
    "other, expected",
    [
        ((0, 0, 10, 10), 1),  # itself
        ((5, 0, 15, 10), 1 / 3),  # 50 of 150
        ((0, 0, 5, 10), 1 / 2),  # 50 of 100
        ((5, 5, 15, 15), 1 / 7),  # 25 of 175
        ((2, 2, 4, 4), 1 / 25),  # inside: 4 of 100
        ((10, 0, 20, 10), 0),  # they share an edge only
        ((30, 30, 40, 40), 0),
        ((3, 3, 3, 8), 0),  # no width
        ((8, 3, 2, 8), 0),  # right and left changed places
    ],
)
def test_overlap_by_hand(other, expected):
    assert boxes.iou(np.array([SQUARE]), np.array([other]))[0, 0] == pytest.approx(expected, abs=1e-12)


def test_overlap_is_what_counting_cells_gives(rng):
    corners = rng.integers(0, 15, (30, 2))
    xyxy = np.concatenate([corners, corners + rng.integers(0, 12, (30, 2))], 1)
    expected = [[counted_iou(one, other) for other in xyxy[:20]] for one in xyxy]
    np.testing.assert_allclose(boxes.iou(xyxy, xyxy[:20]), expected, atol=1e-12)


def test_dividing_by_what_is_not_shared_is_no_overlap():
    """A mistake of course notes: 50 / (150 - 50) = 1/2 where 50 / 150 = 1/3 is right; for the same box it divides by 0."""
    one, other = np.array([SQUARE]), np.array([(5, 0, 15, 10)])
    shared = 50
    wrong = shared / (boxes.area(one) + boxes.area(other) - 2 * shared)
    assert wrong[0] == 0.5 and boxes.iou(one, other)[0, 0] == pytest.approx(1 / 3)
    assert abs(wrong[0] - counted_iou(SQUARE, (5, 0, 15, 10))) > 0.1


def test_pascals_extra_pixel_counts_the_last_one_in():
    one, other = np.array([(0, 0, 9, 9)]), np.array([(5, 0, 14, 9)])  # ten pixels wide, five shared
    assert boxes.area(one, plus_one=True)[0] == 100
    assert boxes.iou(one, other, plus_one=True)[0, 0] == pytest.approx(50 / 150)
    assert boxes.iou(one, other)[0, 0] == pytest.approx(36 / 126)
    assert boxes.iou(np.array([(3, 3, 3, 3)]), np.array([(3, 3, 3, 3)]), plus_one=True)[0, 0] == 1  # one pixel
    assert boxes.iou(np.array([(3, 3, 3, 3)]), np.array([(3, 3, 3, 3)]))[0, 0] == 0


def test_area_by_hand():
    assert boxes.area(np.array([(1, 2, 4, 8), (4, 4, 4, 9), (9, 9, 1, 1)])).tolist() == [18, 0, 0]


def test_suppression_by_hand():
    xyxy = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (2, 0, 12, 10), (50, 50, 60, 60)])  # neighbours share 9/11, the ends 8/12
    scores = np.array([0.6, 0.9, 0.7, 0.5])
    assert boxes.nms(xyxy, scores).tolist() == [1, 3]
    assert boxes.nms(xyxy, scores, threshold=0.81).tolist() == [1, 3]
    assert boxes.nms(xyxy, scores, threshold=0.82).tolist() == [1, 2, 0, 3]
    assert boxes.nms(xyxy, scores, np.array([0, 1, 0, 0])).tolist() == [1, 2, 3]


def test_a_box_that_was_removed_removes_none():
    """0 removes 1; 1 would have removed 2, which 0 hardly touches."""
    xyxy = np.array([(0, 0, 10, 10), (3, 0, 13, 10), (6, 0, 16, 10)])
    assert boxes.nms(xyxy, np.array([0.9, 0.8, 0.7])).tolist() == [0, 2]


def test_an_overlap_of_just_the_threshold_stays():
    xyxy = np.array([(0, 0, 10, 10), (0, 0, 5, 10)])
    assert boxes.nms(xyxy, np.array([0.9, 0.8]), threshold=0.5).tolist() == [0, 1]
    assert boxes.nms(xyxy, np.array([0.9, 0.8]), threshold=0.499).tolist() == [0]


def test_equal_scores_are_taken_in_their_order():
    assert boxes.nms(np.array([SQUARE] * 5), np.full(5, 0.5)).tolist() == [0]
    apart = np.arange(0, 200 * 20, 20)[:, None] + np.array([0, 0, 10, 10])
    assert boxes.nms(apart, np.full(200, 0.5)).tolist() == list(range(200))
    assert boxes.soft_nms(apart, np.full(200, 0.5))[0].tolist() == list(range(200))


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 300])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_suppression_is_the_plain_rule(rng, count, threshold):
    xyxy, scores, classes = crowd(rng, count)
    assert boxes.nms(xyxy, scores, classes, threshold).tolist() == plain_nms(xyxy, scores, classes, threshold)
    assert boxes.nms(xyxy, scores, None, threshold).tolist() == plain_nms(xyxy, scores, np.zeros(count), threshold)


def test_keeping_what_overlaps_best_is_no_suppression(rng):
    """A mistake of course notes: of rivals the one with the best score stays, not the one with the best overlap."""
    xyxy, scores, classes = crowd(rng, 60, 1)
    overlap = boxes.iou(xyxy, xyxy)
    by_overlap = (overlap - np.eye(60)).max(1)
    assert plain_nms(xyxy, by_overlap, classes, 0.5) != boxes.nms(xyxy, scores).tolist()
    not_shared = overlap / np.where(overlap < 1, 1 - overlap, 1)  # the other mistake: divided by the part that is not shared
    assert plain_nms(xyxy, scores, classes, 0.5, not_shared) != boxes.nms(xyxy, scores).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_opencv_and_tensorflow_keep_the_same_boxes(seed):
    import cvapp.models  # noqa: F401 - loads TensorFlow quietly
    import tensorflow as tf

    xyxy, scores, classes = crowd(np.random.default_rng(seed), 250)
    xywh = boxes.to_xywh(xyxy)
    for threshold in (0.3, 0.5, 0.7):
        kept = boxes.nms(xyxy, scores, None, threshold).tolist()
        assert kept == list(cv2.dnn.NMSBoxes(xywh, scores, 0.0, threshold))
        assert kept == tf.image.non_max_suppression(xyxy[:, [1, 0, 3, 2]], scores, 250, threshold).numpy().tolist()
        batched = cv2.dnn.NMSBoxesBatched(xywh, scores, classes, 0.0, threshold)
        assert sorted(boxes.nms(xyxy, scores, classes, threshold)) == sorted(batched)
    assert 10 < len(kept) < 240


def test_keras_cv_keeps_the_same_boxes(rng):
    from cvapp.models.keras_cv_parts import _keras_cv

    xyxy, scores, _ = crowd(rng, 120)
    layer = _keras_cv().layers.NonMaxSuppression("xyxy", from_logits=False, iou_threshold=0.5, confidence_threshold=0.0, max_detections=120)
    found = {name: np.asarray(value)[0] for name, value in layer(xyxy[None], scores[None, :, None]).items()}
    kept = boxes.nms(xyxy, scores)
    assert found["num_detections"] == len(kept)
    np.testing.assert_allclose(found["boxes"][: len(kept)], xyxy[kept], atol=1e-3)


def test_soft_suppression_by_hand():
    xyxy = np.array([(0, 0, 10, 10), (0, 0, 5, 10), (50, 50, 60, 60)])  # the first two share half
    scores = np.array([0.9, 0.8, 0.6])
    chosen, became = boxes.soft_nms(xyxy, scores)
    assert chosen.tolist() == [0, 2, 1]
    np.testing.assert_allclose(became, [0.9, 0.6, 0.8 * np.exp(-0.25 / 0.5)])  # 0.485
    chosen, became = boxes.soft_nms(xyxy, scores, sigma=0.3, method="linear")
    assert chosen.tolist() == [0, 2, 1]
    np.testing.assert_allclose(became, [0.9, 0.6, 0.8 * 0.5])
    chosen, became = boxes.soft_nms(xyxy, scores, sigma=0.5, method="linear")  # an overlap of just 0.5 is not above it
    np.testing.assert_allclose(became, [0.9, 0.8, 0.6])
    assert boxes.soft_nms(xyxy, scores, threshold=0.5)[0].tolist() == [0, 2]
    assert boxes.soft_nms(xyxy, scores, np.array([0, 1, 0]))[1].tolist() == [0.9, 0.8, 0.6]
    assert scores.tolist() == [0.9, 0.8, 0.6]  # the caller's are as they were


@pytest.mark.parametrize("method", boxes.METHODS)
@pytest.mark.parametrize("count", [1, 64, 65, 300])
def test_soft_suppression_is_opencvs(rng, method, count):
    xyxy, scores, _ = crowd(rng, count)
    xyxy = np.round(xyxy)  # OpenCV takes whole numbers only
    number = {"linear": cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_LINEAR, "gaussian": cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN}[method]
    became, chosen = cv2.dnn.softNMSBoxes(boxes.to_xywh(xyxy).astype(int).tolist(), scores, 0.01, 0.3, 0, 0.5, number)
    ours = boxes.soft_nms(xyxy, scores, None, 0.5 if method == "gaussian" else 0.3, 0.01, method)
    assert ours[0].tolist() == list(chosen)
    np.testing.assert_allclose(ours[1], became, rtol=1e-4)


def test_soft_suppression_of_classes_is_that_of_each_class(rng):
    xyxy, scores, classes = crowd(rng, 200)
    chosen, became = boxes.soft_nms(xyxy, scores, classes)
    for label in range(3):
        mine = np.flatnonzero(classes == label)
        alone = boxes.soft_nms(xyxy[mine], scores[mine])
        assert chosen[classes[chosen] == label].tolist() == mine[alone[0]].tolist()
        np.testing.assert_allclose(became[classes[chosen] == label], alone[1])


def test_a_threshold_of_nought_keeps_all_once(rng):
    xyxy, scores, _ = crowd(rng, 150)
    for method in boxes.METHODS:
        chosen, became = boxes.soft_nms(np.concatenate([xyxy, xyxy]), np.concatenate([scores, scores]), None, 0.5, 0.0, method)
        assert sorted(chosen) == list(range(300)) and (np.diff(became) <= 0).all()


def test_formats_by_hand_and_back(rng):
    xyxy = np.array([(10.0, 20.0, 40.0, 60.0)])
    assert boxes.to_xywh(xyxy).tolist() == [[10, 20, 30, 40]]
    assert boxes.to_centred(xyxy, (80, 100)).tolist() == [[0.25, 0.5, 0.3, 0.5]]  # a picture 80 high, 100 wide
    many = crowd(rng, 40)[0]
    np.testing.assert_allclose(boxes.from_xywh(boxes.to_xywh(many)), many, atol=1e-4)
    np.testing.assert_allclose(boxes.from_centred(boxes.to_centred(many, (480, 640)), (480, 640)), many, atol=1e-3)
    assert boxes.from_centred(boxes.to_centred(many, (480, 640)), (480, 640)).dtype == np.float32


def test_clipping_keeps_what_lies_in_the_picture():
    xyxy = np.array([(-5.0, 10.0, 20.0, 90.0), (110.0, 10.0, 130.0, 20.0)])
    clipped = boxes.clip(xyxy, (80, 100))
    assert clipped.tolist() == [[0, 10, 20, 80], [100, 10, 100, 20]]
    assert boxes.area(clipped).tolist() == [1400, 0]


def test_nothing_gives_nothing():
    none = np.zeros((0, 4), np.float32)
    assert boxes.iou(none, np.array([SQUARE])).shape == (0, 1) and boxes.iou(np.array([SQUARE]), []).shape == (1, 0)
    assert boxes.nms(none, np.zeros(0)).shape == boxes.nms([], [], []).shape == (0,)
    assert [part.shape for part in boxes.soft_nms(none, np.zeros(0))] == [(0,), (0,)]
    for call in (boxes.to_xywh, boxes.from_xywh, boxes.area):
        assert len(call(none)) == 0
    assert boxes.clip(none, (4, 4)).shape == boxes.to_centred(none, (4, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: boxes.iou(np.zeros((2, 5)), np.zeros((2, 4))), r"boxes are float64 \(2, 5\): expected numbers \(N, 4\)"),
        (lambda: boxes.area(np.array(["a", "b"])), r"boxes are <U1 \(2,\): expected numbers"),
        (lambda: boxes.area(np.array([(0, 0, np.nan, 1)])), "boxes hold values that are no numbers"),
        (lambda: boxes.clip(np.array([(0, 0, np.inf, 1)]), (4, 4)), "boxes hold values that are no numbers"),
        (lambda: boxes.nms(np.zeros((2, 4)), np.zeros(3)), r"2 boxes, scores \(3,\): expected one score"),
        (lambda: boxes.nms(np.zeros((2, 4)), np.zeros(2), np.zeros(1)), r"2 boxes, scores \(2,\), classes \(1,\): expected"),
        (lambda: boxes.nms(np.zeros((1, 4)), np.array([np.nan])), "scores hold values that are no numbers"),
        (lambda: boxes.soft_nms(np.zeros((1, 4)), np.ones(1), sigma=0), "sigma 0, threshold 0.001: choose one of gaussian, linear"),
        (lambda: boxes.soft_nms(np.zeros((1, 4)), np.ones(1), threshold=-1), "a threshold of 0 or more"),
        (lambda: boxes.soft_nms(np.zeros((1, 4)), np.ones(1), method="hard"), "method 'hard'"),
    ],
)
def test_bad_input_is_one_line(call, said):
    with pytest.raises(CvappError, match=said):
        call()


def test_huge_boxes_overflow_nothing():
    huge = np.float32([(-1e30, -1e30, 1e30, 1e30)])
    assert boxes.iou(huge, huge)[0, 0] == 1
