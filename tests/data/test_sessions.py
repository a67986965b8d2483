"""Sessions: found by what the source says, by time, by film; split whole; and what a split that ignores them would claim."""

import dataclasses
import io
import random
from collections import defaultdict

import cv2
import numpy as np
import pytest
from PIL import Image

from cvapp.data import split
from cvapp.data.capture import Capture, capture_of
from cvapp.data.check import check
from cvapp.data.folders import scan
from cvapp.data.listing import Listing, Photo, hashed
from cvapp.data.parted import freeze
from cvapp.data.photos import thumbnails
from cvapp.data.sessions import flattering, grouped
from cvapp.evaluation import probe
from cvapp.recipe import Data

TEXTURE = np.random.default_rng(7).integers(0, 256, (60, 400, 3), dtype=np.uint8)


def texture(seed: int) -> np.ndarray:
    """A picture like no other, uint8 RGB (96, 128, 3)."""
    return cv2.resize(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8), (128, 96), interpolation=cv2.INTER_CUBIC)


def drifting(frame: int, start: int = 0) -> np.ndarray:
    """A frame of a film: a window that moves over one large texture by a quarter of a cell, uint8 RGB (96, 128, 3)."""
    large = cv2.resize(TEXTURE[:6, start : start + 40], None, fx=24, fy=24, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[24:120, 6 * frame : 6 * frame + 128])


def save(path, rgb, taken: str = "", camera: str = "", subseconds: str = "") -> None:
    """A JPEG with what a camera writes into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if camera:
        exif[0x010F], exif[0x0110] = camera.split(" ", 1)
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    if subseconds:
        exif.get_ifd(0x8769)[0x9291] = subseconds
    Image.fromarray(rgb).save(path, exif=exif)


def sessions(folder) -> dict[str, str]:
    """The session of each photo of a source, by name."""
    return {photo.name: photo.group for photo in grouped(*thumbnails(hashed(scan(folder)))).photos}


def test_the_time_and_the_camera_of_a_photo(tmp_path):
    save(tmp_path / "1.jpg", texture(1), "2026:11:30 18:45:01", "Apple iPhone 12", "25")
    data = (tmp_path / "1.jpg").read_bytes()
    assert capture_of(data, "1.jpg") == Capture(1796064301.25, "Apple iPhone 12")  # date -u -d '2026-11-30 18:45:01' +%s
    assert capture_of(data[:60], "1.jpg") is None and capture_of(b"", "1.jpg") is None, "a damaged block says nothing"
    with Image.open(tmp_path / "1.jpg") as photo:
        for kind in ("PNG", "WEBP", "TIFF"):
            stream = io.BytesIO()
            photo.save(stream, kind, exif=photo.getexif())
            assert capture_of(stream.getvalue(), "1.jpg") == Capture(1796064301.25, "Apple iPhone 12"), kind


@pytest.mark.parametrize(
    "name, seconds",
    [
        ("IMG_20261130_184501.jpg", 1796064301.0),
        ("a/PXL_20261130_184501123.jpg", 1796064301.0),
        ("2026-11-30.jpg", None),
        ("20261399_184501.jpg", None),
        ("12345678901234567890.jpg", None),
    ],
)
def test_the_time_in_a_name(name, seconds):
    assert capture_of(b"", name) == (seconds and Capture(seconds))


def test_a_pause_or_another_camera_begins_another_session(tmp_path):
    times = ["10:00:00", "10:00:59", "10:01:58", "10:02:59", "10:03:00"]  # 59 s, 59 s, 61 s, 1 s
    for place, time in enumerate(times):
        save(tmp_path / "ab"[place % 2] / f"{place}.jpg", texture(place), f"2026:11:30 {time}", "Apple iPhone 12")
    save(tmp_path / "a" / "other.jpg", texture(8), "2026:11:30 10:00:30", "Canon EOS R5")
    save(tmp_path / "a" / "none.jpg", texture(9))
    first, second = "2026-11-30 10:00:00 Apple iPhone 12", "2026-11-30 10:02:59 Apple iPhone 12"
    assert sessions(tmp_path) == {
        "a/0.jpg": first, "b/1.jpg": first, "a/2.jpg": first, "b/3.jpg": second, "a/4.jpg": second, "a/none.jpg": "", "a/other.jpg": "",
    }  # fmt: skip


def test_live_runs_of_collect_that_begin_within_five_minutes_are_one_session(tmp_path):
    runs = [
        ("bee", "20261130-100000", "20261130-100000"),
        ("wasp", "20261130-100430", "20261130-100000"),  # 270 s after the first
        ("bee", "20261130-100930", "20261130-100000"),  # 300 s after the second
        ("bee", "20261130-101431", "20261130-101431"),  # 301 s after the third
        ("bee", "20261130-101432v", "20261130-101432v"),  # of a video, which may be of any day
        ("wasp", "20261130-101433v", "20261130-101433v"),
        ("wasp", "20261399-100000", "20261399-100000"),  # no time
    ]
    for place, (label, run, _) in enumerate(runs):
        for number in (1, 2):
            save(tmp_path / label / f"{label}-{run}-{number:04}.jpg", texture(10 * place + number))
    found = sessions(tmp_path)
    assert found == {f"{label}/{label}-{run}-{number:04}.jpg": f"collected {group}" for label, run, group in runs for number in (1, 2)}


def test_a_time_that_too_many_photos_share_is_not_of_the_shutter(tmp_path):
    for place in range(31):
        save(tmp_path / "ab"[place % 2] / f"{place}.jpg", texture(place), "2000:01:01 00:00:00")
    assert set(sessions(tmp_path).values()) == {""}
    (tmp_path / "a" / "30.jpg").unlink()
    assert set(sessions(tmp_path).values()) == {"2000-01-01 00:00:00"}


def test_frames_of_films_are_told_from_pictures_in_no_order(tmp_path):
    for frame in range(20):
        save(tmp_path / "a" / f"clip_{frame:03d}.png", drifting(frame))
        save(tmp_path / "a" / f"clip_{frame + 20:03d}.png", drifting(frame, 200))  # a cut
    order = np.random.default_rng(3).permutation(20)
    for place, frame in enumerate(order):
        save(tmp_path / "b" / f"clip_{place:03d}.png", drifting(frame)[::-1])  # the same frames, in no order
    found = sessions(tmp_path)
    assert {found[f"a/clip_{frame:03d}.png"] for frame in range(20)} == {"film from a/clip_000.png"}
    assert {found[f"a/clip_{frame:03d}.png"] for frame in range(20, 40)} == {"film from a/clip_020.png"}
    assert {found[f"b/clip_{place:03d}.png"] for place in range(20)} == {""}


def write_film(folder, groups: bool):
    """96 frames in four quarters; their labels, of stretches of four frames, mean nothing."""
    rows = ["path,label,group"] if groups else ["path,label"]
    draw = random.Random(5)
    for quarter in range(4):
        for frame in range(24):
            if frame % 4 == 0:
                label = "ab"[(frame // 4 + quarter) % 2]
            name = f"{quarter}/{draw.getrandbits(40)}.png"
            save(folder / name, drifting(frame, 50 * quarter))
            rows.append(f"{name},{label}" + (f",quarter {quarter}" if groups else ""))
    (folder / "film.csv").write_text("\n".join(rows) + "\n")
    return hashed(scan(folder / "film.csv"))


def accuracy(photos, held) -> float:
    """Of a ridge probe on small pictures that learned from all photos but those held out."""
    pixels = np.stack([cv2.resize(photos.pictures[name], (16, 12), interpolation=cv2.INTER_AREA).ravel() / 255 for name in photos.names])
    truth = np.array([photos.labels[name] == "b" for name in photos.names], int)
    out = np.isin(photos.names, sorted(held))
    weights, bias = probe.ridge(pixels[~out], truth[~out], 2, 0.1)
    return float(((pixels[out] @ weights + bias).argmax(1) == truth[out]).mean())


@dataclasses.dataclass
class Film:
    """Photos by name."""

    names: list
    labels: dict
    pictures: dict


def test_an_honest_split_says_what_leaving_sessions_out_says_and_one_that_ignores_them_flatters(tmp_path):
    listing = write_film(tmp_path, groups=True)
    pictures = {photo.name: cv2.imread(str(tmp_path / photo.name)) for photo in listing.photos}
    film = Film([photo.name for photo in listing.photos], {photo.name: photo.label for photo in listing.photos}, pictures)
    groups = defaultdict(set)
    for photo in listing.photos:
        groups[photo.group].add(photo.name)
    left_out = np.mean([accuracy(film, some) for some in groups.values()])
    ignorant = [dataclasses.replace(photo, group="") for photo in listing.photos]
    told = {}
    for kind, photos in (("whole", listing.photos), ("ignored", ignorant)):
        rows = [split.divide(photos, 0.25, 0.25, seed)[0] for seed in range(12)]
        told[kind] = np.mean([accuracy(film, {row.path for row in some if row.part == "test"}) for some in rows])
    print(f"left out {left_out:.3f}, whole {told['whole']:.3f}, ignored {told['ignored']:.3f}")
    assert abs(told["whole"] - left_out) < 0.1 and left_out < 0.65
    assert told["ignored"] > left_out + 0.2
    for seed in range(12):
        rows = split.divide(listing.photos, 0.25, 0.25, seed)[0]
        parts = {group: {row.part for row in rows if row.path in some} for group, some in groups.items()}
        assert sorted(map(sorted, parts.values())) == [["test"], ["train"], ["train"], ["val"]]


def shot(label: str, session: str, count: int) -> list[Photo]:
    """Photos of a class in a session, a second apart."""
    return [
        Photo(f"{label}/{session}{place}.jpg", label, None, f"{label}{session}{place:03}", session, Capture(float(place)))
        for place in range(count)
    ]


def placed(rows) -> dict[str, str]:
    return {row.path: row.part for row in rows}


def test_one_session_is_cut_into_stretches_and_said_to_flatter(tmp_path):
    photos = shot("mug", "monday", 20) + [photo for day in range(6) for photo in shot("pen", f"day{day}-", 5)]
    rows, left_out = split.divide(photos, 0.2, 0.2, 0)
    parts = [placed(rows)[photo.name] for photo in photos[:20]]
    assert parts == ["train"] * 12 + ["val"] * 4 + ["test"] * 4 and left_out == {}
    for day in range(6):
        assert len({row.part for row in rows if row.group == f"day{day}-"}) == 1
    (line,) = flattering(rows, Listing(tmp_path, tmp_path, photos, {}, lambda photo: b"", tmp_path / "split.csv"))
    assert line == (
        "class 'mug' has a single session: held-out accuracy flatters, of the same moments; take photos on another day, in another place"
    )


def test_of_two_sessions_the_larger_trains_and_the_other_is_held_out(tmp_path):
    rows, _ = split.divide(shot("mug", "monday", 20) + shot("mug", "tuesday", 8), 0.2, 0.2, 0)
    parts = placed(rows)
    assert {parts[f"mug/monday{place}.jpg"] for place in range(20)} == {"train"}
    assert [parts[f"mug/tuesday{place}.jpg"] for place in range(8)] == ["val"] * 4 + ["test"] * 4
    rows, _ = split.divide(shot("mug", "monday", 20) + shot("mug", "tuesday", 8), 0.2, 0.0, 0)
    assert {(row.group, row.part) for row in rows} in ({("monday", "train"), ("tuesday", "val")}, {("monday", "val"), ("tuesday", "train")})


def test_sessions_of_several_classes_give_every_class_its_parts():
    photos = [photo for day in range(5) for label in "abcd" for photo in shot(label, f"day{day}", 3 + (day * ord(label)) % 5)]
    for seed in range(8):
        rows, _ = split.divide(photos, 0.2, 0.2, seed)
        assert all(len({row.part for row in rows if row.group == f"day{day}"}) == 1 for day in range(5))
        assert all(all(parts.values()) for parts in split.counts(rows).values())


def test_what_joins_a_session_goes_where_it_is():
    old = [photo for day in range(5) for photo in shot("a", f"day{day}", 4)] + shot("b", "only", 9)
    rows, _ = split.divide(old, 0.2, 0.2, 0)
    home = {row.group: row.part for row in rows if row.label == "a"}
    later = shot("a", "day0", 7) + shot("a", "day3", 7) + shot("b", "only", 12)
    grown = placed(split.divide(list({photo.name: photo for photo in [*old, *later]}.values()), 0.2, 0.2, 0, rows)[0])
    assert {name: part for name, part in grown.items() if name in placed(rows)} == placed(rows), "none moves"
    assert grown["a/day06.jpg"] == home["day0"] and grown["a/day36.jpg"] == home["day3"]
    assert {grown[f"b/only{place}.jpg"] for place in (9, 10, 11)} == {"train"}, "where it lies in several parts"


def test_sessions_are_named_in_the_split_and_keep_their_names(tmp_path):
    for day in range(5):
        for place in range(6):
            save(tmp_path / "ab"[place % 2] / f"{day}{place}.jpg", texture(10 * day + place), f"2026:11:{day + 10} 10:00:{10 * place:02}")
    made = freeze(tmp_path, Data(), 0)
    assert {row.group for row in made.rows} == {f"2026-11-{day + 10} 10:00:00" for day in range(5)}
    save(tmp_path / "a" / "earlier.jpg", texture(99), "2026:11:10 09:59:30")
    again = freeze(tmp_path, Data(), 0)
    (new,) = [row for row in again.rows if row.path == "a/earlier.jpg"]
    assert [row for row in again.rows if row is not new] == made.rows and new.group == "2026-11-10 10:00:00"
    assert split.read(tmp_path / "split.csv") == again.rows and "group" in (tmp_path / "split.csv").read_text().splitlines()[0]


def test_check_tells_how_many_sessions_a_class_has(tmp_path):
    for place in range(24):
        save(tmp_path / "a" / f"{place}.jpg", texture(place), f"2026:11:1{place % 3} 10:00:{place:02}")
        save(tmp_path / "b" / f"{place}.jpg", texture(50 + place), f"2026:11:20 10:00:{place:02}")
    found = check(tmp_path)
    assert found.sessions == {"a": 3, "b": 1} and not found.wrong
    assert any(line.startswith("class 'b' has a single session: held-out accuracy flatters") for line in found.classes)


def test_a_split_from_before_sessions_were_known_is_kept_and_said_to_flatter(tmp_path):
    for place in range(20):
        for label in "ab":
            save(tmp_path / label / f"{place}.jpg", texture(100 * ord(label) + place), f"2026:11:1{place % 4} 10:00:{place:02}")
    photos = hashed(scan(tmp_path)).photos
    old = split.divide(photos, 0.2, 0.2, 0)[0]
    split.write(tmp_path / "split.csv", old)
    made = freeze(tmp_path, Data(), 0)
    assert placed(made.rows) == placed(old)
    (line,) = [line for line in made.notes if "sessions lie" in line]
    assert line.startswith("4 sessions lie in train and in other parts") and line.endswith("split.csv to split them whole")
    (tmp_path / "split.csv").unlink()
    whole = freeze(tmp_path, Data(), 0)
    parts = {row.group: {part.part for part in whole.rows if part.group == row.group} for row in whole.rows}
    assert all(len(some) == 1 for some in parts.values()) and not [line for line in whole.notes if "sessions lie" in line]
