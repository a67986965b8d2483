"""Sign photos come from their seed and number alone; a moving scene shows at the corners that its truth names what it names."""

import itertools

import cv2
import numpy as np
import pytest

from cvapp.signs import BACKGROUND, LABELS, SIGNS, close_up, draw, moving_scene, photo

SIZE, STEPS = (120, 160), 12
SHOWN = {label: draw(sign, 64) for label, sign in SIGNS.items()}


@pytest.fixture(scope="module")
def film():
    """A frame and its truth for each of 12 steps of 10 signs."""
    return list(moving_scene(1, SIZE, seconds_each=1.0, fps=STEPS))


def unwarped(rgb: np.ndarray, corners) -> np.ndarray:
    """What lies between four corners, straight on: (64, 64, 3)."""
    square = np.float32([(0, 0), (64, 0), (64, 64), (0, 64)]) - np.float32(0.5)
    return cv2.warpPerspective(rgb, cv2.getPerspectiveTransform(np.float32(corners), square), (64, 64))


def likeness(patch: np.ndarray, label: str) -> float:
    """Correlation with a sign where its plate is."""
    plate = SHOWN[label][..., 3] == 255
    return float(np.corrcoef(patch[plate].ravel(), SHOWN[label][plate][:, :3].ravel())[0, 1])


def test_a_photo_depends_on_seed_label_and_number_alone():
    keys = list(itertools.product((0, 1), LABELS, (0, 1, 50)))
    photos = {key: photo(*key, size=(60, 80)) for key in keys}
    assert {(rgb.shape, rgb.dtype.name) for rgb in photos.values()} == {((60, 80, 3), "uint8")}
    assert len({rgb.tobytes() for rgb in photos.values()}) == len(keys)
    for key in reversed(keys):
        np.testing.assert_array_equal(photo(*key, size=(60, 80)), photos[key])


def test_the_size_is_240_by_320_unless_told():
    assert photo(0, "heart", 0).shape == (240, 320, 3)


def test_an_unknown_sign_is_an_error():
    with pytest.raises(ValueError):
        photo(0, "zebra", 0)


def test_the_film_shows_every_sign_in_turn_with_background_between(film):
    truths = [truth for _, truth in film]
    assert [truth.frame for truth in truths] == list(range(10 * STEPS))
    order = [label for label, _ in itertools.groupby(truth.label for truth in truths if truth.label != BACKGROUND)]
    assert sorted(order) == sorted(SIGNS)
    for label in SIGNS:
        mine = [truth for truth in truths if truth.label == label]
        assert len(mine) >= STEPS - 4 and sum(truth.whole for truth in mine) >= STEPS // 2, label
    assert all(truths[number * STEPS].label == BACKGROUND for number in range(10)), "a sign comes in from outside"
    assert {(rgb.shape, rgb.dtype.name) for rgb, _ in film} == {((*SIZE, 3), "uint8")}


def test_whole_means_that_all_corners_are_in_the_picture(film):
    for _, truth in film:
        assert len(truth.corners) == (0 if truth.label == BACKGROUND else 4)
        if truth.corners:
            inside = [0 <= x <= SIZE[1] and 0 <= y <= SIZE[0] for x, y in truth.corners]
            assert truth.whole == all(inside)
        else:
            assert not truth.whole


def test_at_its_corners_a_frame_shows_its_sign_and_no_other(film):
    whole = [(rgb, truth) for rgb, truth in film if truth.whole]
    assert len(whole) > 60
    beside = []
    for rgb, truth in whole:
        scores = {label: likeness(unwarped(rgb, truth.corners), label) for label in SIGNS}
        assert scores.pop(truth.label) > 0.9 > 0.7 > max(scores.values()), truth
        beside.append(likeness(unwarped(rgb, np.add(truth.corners, (25, 0))), truth.label))
    assert max(beside) < 0.6, "the sign is where it is said to be, not 25 pixels beside"


def test_a_film_is_its_seed(film):
    again = list(itertools.islice(moving_scene(1, SIZE, seconds_each=1.0, fps=STEPS), 5))
    for (rgb, truth), (first, told) in zip(again, film):
        np.testing.assert_array_equal(rgb, first)
        assert truth == told
    other, _ = next(moving_scene(2, SIZE, seconds_each=1.0, fps=STEPS))
    assert (other != film[0][0]).mean() > 0.5


def test_its_length_is_seconds_times_frames_of_each_sign():
    assert sum(1 for _ in moving_scene(0, (24, 32), seconds_each=0.5, fps=10)) == 10 * 5


def test_a_close_up_is_nearly_filled_by_its_sign_and_each_is_another():
    """Its colours are the sign's: nearer to the sign drawn alone than to any other, in eight of ten."""
    names = list(SIGNS)
    alone = {name: cv2.resize(draw(SIGNS[name], 256), (96, 96), interpolation=cv2.INTER_AREA).astype(np.float32) for name in names}

    def off(picture, name):
        inside = alone[name][..., 3] > 250
        return float(np.abs(picture[inside] - alone[name][inside, :3]).mean())

    pictures = [(name, close_up(3, name, index)) for name in names for index in range(3)]
    right = [min(names, key=lambda other: off(picture.astype(np.float32), other)) == name for name, picture in pictures]
    assert np.mean(right) >= 0.8
    assert pictures[0][1].shape == (96, 96, 3) and pictures[0][1].dtype == np.uint8
    assert np.array_equal(close_up(3, "heart", 5, 64), close_up(3, "heart", 5, 64))
    assert not np.array_equal(close_up(3, "heart", 5), close_up(4, "heart", 5))
    photos = [(name, photo(3, name, index, (96, 96))) for name in names for index in range(3)]
    far = [min(names, key=lambda other: off(picture.astype(np.float32), other)) == name for name, picture in photos]
    assert np.mean(far) < 0.6, "a photo's sign is small and anywhere"
