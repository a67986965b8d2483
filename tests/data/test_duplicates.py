"""Near copies: found whatever was done to them, and nothing else taken for one; against loops over every pair."""

import itertools

import cv2
import numpy as np
import pytest

from cvapp import images, signs
from cvapp.data import duplicates
from cvapp.data.duplicates import groups, near_copies, perceptual_hash, thumbnail
from cvapp.signs.pictograms import draw

SIZE = (160, 200)


@pytest.fixture(scope="module")
def pictures():
    """Sixty different scenes (160, 200), of every sign and of none."""
    labels = itertools.cycle(signs.LABELS)
    return [signs.photo(7, label, index, SIZE) for label, index in zip(labels, range(60))]


def jpeg(rgb, quality):
    return cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def cropped(rgb, left, top, right, bottom):
    """A copy cut by shares of its sides."""
    height, width = rgb.shape[:2]
    return rgb[round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)]


CHANGES = {
    "saved at quality 15": lambda rgb: jpeg(rgb, 15),
    "half the size": lambda rgb: cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR),
    "twice the size": lambda rgb: cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "cropped by 4% all around": lambda rgb: cropped(rgb, 0.02, 0.02, 0.02, 0.02),
    "cropped by 5% at a corner": lambda rgb: cropped(rgb, 0.05, 0.05, 0, 0),
    "cropped by 5% at one side": lambda rgb: cropped(rgb, 0, 0, 0.05, 0),
    "brighter": lambda rgb: cv2.convertScaleAbs(rgb, alpha=1.05, beta=12),
    "darker": lambda rgb: cv2.convertScaleAbs(rgb, alpha=0.85),
    "grey": lambda rgb: np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, -1),
    "mirrored": lambda rgb: rgb[:, ::-1],
    "mirrored, cropped, brighter and saved again": lambda rgb: jpeg(cv2.add(cropped(rgb[:, ::-1], 0.01, 0.02, 0.02, 0), 8), 40),
}


def found(first, second):
    """Which places of the first pictures have a near copy, and at which of the second."""
    named = {f"{kind}{place:03}": thumbnail(rgb) for kind, some in (("a", first), ("b", second)) for place, rgb in enumerate(some)}
    return {(one[0], int(one[1:]), other[0], int(other[1:])) for one, other in near_copies(named)}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else_is(change, pictures):
    """Plain backgrounds among the pictures say too little once they are changed; one in twenty may be missed."""
    copies = found(pictures, [CHANGES[change](rgb) for rgb in pictures])
    right = {("a", place, "b", place) for place in range(len(pictures))}
    assert copies <= right and len(copies) >= 0.95 * len(right), sorted(right - copies)


def test_other_pictures_are_no_copies(pictures):
    """Two thousand scenes' worth of pairs; turned upside down, each is another picture too."""
    assert found(pictures, [rgb[::-1] for rgb in pictures]) == set()


def test_another_thing_before_the_same_wall_is_no_copy():
    """Five scenes, six signs held at the same place: the thumbnails agree but for the sign."""
    rng = np.random.default_rng(3)
    shots = []
    for number in range(5):
        wall = signs.photo(11, "background", 3 + number, SIZE)
        wall = cv2.addWeighted(wall, 0.4, cv2.resize(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8), SIZE[::-1]), 0.6, 0)
        for label in list(signs.SIGNS)[:6]:
            shot, sign = wall.copy(), cv2.resize(draw(signs.SIGNS[label], 256), (60, 60), interpolation=cv2.INTER_AREA)
            opaque = sign[..., 3:] > 127
            shot[50:110, 70:130] = np.where(opaque, sign[..., :3], shot[50:110, 70:130])
            shots.append(shot)
    again = [cv2.add(shot, rng.integers(0, 9, shot.shape, dtype=np.uint8)) for shot in shots]
    copies = found(shots, again)
    assert {("a", place, "b", place) for place in range(30)} <= copies, "the same shot with other noise is a copy"
    assert [pair for pair in copies if pair[1] != pair[3]] == []
    alike = np.corrcoef([thumbnail(shot).ravel() for shot in shots]) > 0.7
    assert (alike.sum() - 30) / 2 > 20, "the correlation of the whole, 0.7 for many a cropped copy, could not tell"


def test_small_and_plain_pictures_are_never_near_copies(pictures):
    small = [cv2.resize(rgb, (63, 90)) for rgb in pictures[:5]]
    assert not any(thumbnail(rgb).any() for rgb in small) and found(small, small) == set()
    assert thumbnail(cv2.resize(pictures[0], (64, 64))).any()
    wall = np.full((100, 100, 3), 120, np.uint8) + np.random.default_rng(0).integers(0, 3, (100, 100, 3), dtype=np.uint8)
    assert found([wall], [jpeg(wall, 90)]) == set()
    assert near_copies({}) == []


def test_a_thumbnail_is_the_mean_of_each_cell():
    rgb = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    expected = rgb.reshape(32, 3, 32, 5, 3).mean((1, 3)) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(thumbnail(rgb), expected, atol=1.1)


def bits_of(picture):
    """The oracle of the hash: OpenCV's own cosine transform, bit by bit."""
    low = cv2.dct(picture.astype(np.float64))[:8, :8].ravel()
    middle = sorted(low[1:])[31]
    return [bool(value > middle) for value in low]


def test_the_perceptual_hash_is_that_of_a_cosine_transform(pictures):
    thumbs = np.stack([thumbnail(rgb) for rgb in pictures])
    bits = np.unpackbits(perceptual_hash(thumbs).view(np.uint8).reshape(-1, 8), axis=1).astype(bool)
    assert 0.4 < bits.mean() < 0.6
    wrong = [bit for some, picture in zip(bits, thumbs) for bit in np.flatnonzero(some != bits_of(picture))]
    assert len(wrong) <= 2, "but for values that rounding alone tells from the median"


def worst_tile(left):
    """The largest mean square of sixteen tiles."""
    return max((left[row : row + 8, column : column + 8] ** 2).mean() for row in range(0, 32, 8) for column in range(0, 32, 8))


def laid_on(moving, fixed):
    """The oracle of the proof for one pair: the worst tile's share of the variance and the gain, as it lies and once it is moved.

    By NumPy's least squares and bilinear look-ups.
    """
    y, x = np.mgrid[:32, :32].astype(float)
    across, down = x / 15.5 - 1, y / 15.5 - 1

    def solved(picture):
        slopes = np.gradient(picture)
        columns = [picture - picture.mean(), np.ones((32, 32)), *(slope * by for slope in slopes[::-1] for by in (1, across, down))]
        matrix = np.stack([column.ravel() for column in columns], -1)
        weights = np.linalg.lstsq(matrix, (fixed - fixed.mean()).ravel(), rcond=None)[0]
        return weights, fixed - fixed.mean() - (matrix @ weights).reshape(32, 32)

    gain = ((moving - moving.mean()) * (fixed - fixed.mean())).mean() / moving.var()
    unmoved = worst_tile(fixed - fixed.mean() - gain * (moving - moving.mean())) / fixed.var(), gain
    weights, _ = solved(moving)
    motion = weights[2:] / weights[0]
    place_x = np.clip(x + motion[0] + motion[1] * across + motion[2] * down, 0, 31)
    place_y = np.clip(y + motion[3] + motion[4] * across + motion[5] * down, 0, 31)
    left, top = np.minimum(place_x.astype(int), 30), np.minimum(place_y.astype(int), 30)
    right_share, low_share = place_x - left, place_y - top
    upper = moving[top, left] * (1 - right_share) + moving[top, left + 1] * right_share
    lower = moving[top + 1, left] * (1 - right_share) + moving[top + 1, left + 1] * right_share
    weights, rest = solved(upper * (1 - low_share) + lower * low_share)
    return [unmoved, (worst_tile(rest) / fixed.var(), weights[0])]


def test_copies_are_those_that_a_loop_over_all_pairs_finds(pictures):
    """Fourteen pictures and changed copies, 56 in all: 1,540 pairs, each also mirrored, each laid on the other both ways."""
    some = [*pictures[:14], *(CHANGES[name](rgb) for name in list(CHANGES)[4:9:2] for rgb in pictures[:14])]
    thumbs = {f"{place:03}": thumbnail(rgb) for place, rgb in enumerate(some)}
    smooth = {name: cv2.GaussianBlur(value.astype(np.float64), (0, 0), 0.7) for name, value in thumbs.items()}
    expected, near_the_limit = set(), set()
    for one, other in itertools.combinations(thumbs, 2):
        for turn in (1, -1):
            differ = sum(first != second for first, second in zip(bits_of(thumbs[one]), bits_of(thumbs[other][:, ::turn])))
            if differ > 16:
                continue
            pair = smooth[one], smooth[other][:, ::turn]
            ways = laid_on(*pair) + laid_on(*pair[::-1])
            if any(worst <= 0.1 and 1 / 1.5 < gain < 1.5 for worst, gain in ways):
                expected.add((one, other))
            if any(0.09 < worst < 0.11 for worst, _ in ways):
                near_the_limit.add((one, other))
    copies = set(near_copies(thumbs))
    assert len(expected) > 50 and len(near_the_limit) < 5
    assert copies ^ expected <= near_the_limit


def test_groups_are_what_pairs_connect():
    rng = np.random.default_rng(0)
    for _ in range(200):
        names = [f"{number:02}" for number in rng.permutation(20)]
        pairs = [tuple(rng.choice(names, 2, replace=False)) for _ in range(rng.integers(0, 20))]
        expected = {name: {name} for name in names}
        for _ in names:  # spread, until nothing can change any more
            for one, other in pairs:
                expected[one] = expected[other] = expected[one] | expected[other]
        assert groups(names, pairs) == {name: min(expected[name]) for name in names}
    assert groups([], []) == {}


def test_pairs_are_found_across_chunks(pictures, monkeypatch):
    thumbs = {f"{place:03}": thumbnail(rgb) for place, rgb in enumerate([*pictures, *map(CHANGES["brighter"], pictures)])}
    whole = near_copies(thumbs)
    monkeypatch.setattr(duplicates, "_ROWS", 7)
    monkeypatch.setattr(duplicates, "_PAIRS", 2)
    assert near_copies(thumbs) == whole and len(whole) >= 57


@pytest.mark.shared
def test_real_photos_are_all_different_and_their_copies_are_found(shared_data):
    paths = [*sorted(shared_data.glob("hymenoptera-256/*/*/*.jpg")), *sorted(shared_data.glob("kodak/*.png"))]
    photos = [images.read(path) for path in paths]
    assert len(photos) > 400 and found(photos, []) == set()
    combined = found(photos, [jpeg(cv2.add(cropped(rgb, 0.03, 0.01, 0.02, 0.03), 10), 40) for rgb in photos])
    right = {("a", place, "b", place) for place in range(len(photos))}
    assert combined <= right and len(combined) >= 0.98 * len(photos)
