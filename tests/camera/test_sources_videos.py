"""Videos as phones, browsers and screen recorders write them: read whole, at their own times, upright; what is no video is told.

The files in `videos/` were made by its make.py; the others are made here by OpenCV, some with a box of their MP4 changed.
"""

import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp.camera import pieces
from cvapp.camera.recorder import record
from cvapp.camera.sources import Settings, open_source
from cvapp.camera.sources.timing import LONGEST, Times, recording_rate
from cvapp.errors import CvappError, Exit
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, painted, write_video
from tests.camera.test_sources_addresses import serving

VIDEOS = Path(__file__).parent / "videos"
VARYING = [0, 0.033, 0.067, 0.1, 0.6, 0.633, 0.667, 0.7, 2.7, 2.733, 2.767, 2.8]
STEADY = [number / 25 for number in range(12)]
TIMES = {
    "phone.mp4": VARYING,
    "phone.flv": VARYING,
    "screen.mkv": VARYING,
    "browser.webm": VARYING,
    "reordered.avi": STEADY,
    "raw.h264": STEADY,
    "broadcast.mpg": STEADY,
    "sound_after.webm": STEADY,
}


def animation(path: Path) -> Path:
    """A GIF of twelve frames at the varying times, in the hundredths of a second that it can hold."""
    film = cv2.Animation()
    film.frames = [painted(number) for number in range(12)]
    film.durations = [30, 30, 40, 500, 30, 30, 40, 2000, 30, 30, 40, 30]
    assert cv2.imwriteanimation(str(path), film)
    return path


def with_tables(path: Path, steps: list[int]) -> Path:
    """An MP4 of OpenCV whose frames last so many of its units, and whose edit list and durations say so."""
    write_video(path, len(steps))
    data = path.read_bytes()
    (start, end) = next((box.start, box.end) for box in pieces._boxes(data) if box.kind == b"moov")
    table = struct.pack(">I", len(steps)) + b"".join(struct.pack(">II", 1, step) for step in steps)
    inner = dict(pieces._leaves(data[start:end]))
    units, of_movie = (struct.unpack_from(">I", inner[kind], 12)[0] for kind in (b"mdhd", b"mvhd"))
    moov = pieces._edited(data[start:end], {b"stts": table}, sum(steps), sum(steps) * of_movie // units)
    path.write_bytes(data[: start - 8] + pieces._box(b"moov", moov).replace(b"co64", b"stco"))
    return path


def opened(path: Path, **settings) -> list:
    with open_source(path, Settings(**settings)) as source:
        return list(source)


@pytest.mark.parametrize("name", TIMES)
def test_a_whole_video_is_read_whole_at_its_own_times(capfd, name):
    """OpenCV's count of some of them is 85 (2.8 s at a guessed rate), 50 (their sound goes on), 1 or none."""
    frames = opened(VIDEOS / name)
    assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx(TIMES[name], abs=0.002)
    assert capfd.readouterr() == ("", "")


def test_a_gif_has_its_own_times(tmp_path):
    frames = opened(animation(tmp_path / "a.gif"))
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx(VARYING, abs=0.011)


@pytest.mark.parametrize("backend", ["FFMPEG", "cv_mjpeg"])
def test_an_avi_has_the_same_times_whoever_reads_it(tmp_path, backend):
    """OpenCV's own reader tells the time of the frame that comes next."""
    frames = opened(write_video(tmp_path / "a.avi", 12), backend=backend)
    assert [frame.seconds for frame in frames] == pytest.approx(STEADY)


@pytest.mark.parametrize(
    "stated, expected",
    [
        ([0, 0.1, 0.2], [0, 0.1, 0.2]),
        ([5, 5.1, 5.5], [0, 0.1, 0.5]),
        ([0, 0, 0], [0, 0.04, 0.08]),
        ([0.08, 0.12, 0, 0], [0, 0.04, 0.08, 0.12]),
        ([0, 0.01, 0.01, 0.02], [0, 0.01, 0.02, 0.03]),
        ([0, float("nan"), 0.08], [0, 0.04, 0.08]),
        ([0, 1, 1e6, 1e6 + 1], [0, 1, 1.04, 2.04]),
        ([0, LONGEST], [0, LONGEST]),
    ],
)
def test_times_always_grow(stated, expected):
    times = Times(25)
    assert [times(seconds) for seconds in stated] == pytest.approx(expected)


def test_in_real_time_the_frames_come_when_they_are_due():
    start, arrived = time.monotonic(), []
    with open_source(VIDEOS / "browser.webm", Settings(realtime=True)) as source:
        for _, frame in zip(range(8), source):
            arrived.append(time.monotonic() - start)
    assert source.live and 0.5 < arrived[7] - arrived[3] < 1.5, "0.6 s; at the average rate it would be 0.94"
    assert arrived[4] - arrived[3] > 0.4


def test_a_video_at_an_address_that_ends_early_is_told_without_a_verdict():
    told = []
    data = (VIDEOS / "sound_after.webm").read_bytes()
    with serving(files={"a.webm": ("video/webm", data)}) as port:
        with open_source(f"http://127.0.0.1:{port}/a.webm", report=lambda text, *_: told.append(text)) as source:
            assert len(list(source)) == 12
    assert len(told) == 1 and told[0].endswith("the pictures ended after 0.4 of 2.0 s; if that is too early, look at the connection")


def unknown_codec(path: Path) -> None:
    path.write_bytes(write_video(path, 12).read_bytes().replace(b"MJPG", b"zzzz"))


@pytest.mark.parametrize(
    "name, make, text",
    [
        ("empty.mp4", lambda path: path.touch(), r"empty\.mp4: the file is empty \(0 bytes\); copy it again$"),
        ("empty.webm", lambda path: path.touch(), r"empty\.webm: the file is empty \(0 bytes\); copy it again$"),
        ("folder.mp4", lambda path: path.mkdir(), r"folder\.mp4: no pictures in this folder; give photos, a video file or a camera's index$"),
        ("text.mp4", lambda path: path.write_text("a,b\n" * 99), r"text\.mp4: it is text, not a video; give a video$"),
        ("bytes.mp4", lambda path: path.write_bytes(bytes(range(256)) * 9), r"bytes\.mp4: OpenCV cannot play it \(not a video, damaged"),
        ("s.mp4", lambda path: path.write_bytes((VIDEOS / "sound.mp4").read_bytes()), r"s\.mp4: it holds sound and no pictures; give a video$"),
        ("s.webm", lambda path: path.write_bytes((VIDEOS / "sound.webm").read_bytes()), r"s\.webm: it holds sound and no pictures"),
        ("id3.avi", lambda path: path.write_bytes(b"ID3\3" + bytes(999)), r"id3\.avi: it holds sound and no pictures"),
        ("codec.avi", unknown_codec, r"codec\.avi: (OpenCV cannot play it .*a codec it lacks|not one frame could be decoded).*H\.264 \.mp4$"),
    ],
)
def test_what_is_no_video_is_bad_data_in_one_line(workspace, capfd, name, make, text):
    make(workspace / name)
    with pytest.raises(CvappError, match=f"^{text}") as error:
        opened(Path(name))
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value) and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_a_video_of_one_frame_is_whole(tmp_path, suffix):
    path = write_video(tmp_path / f"one{suffix}", 1)
    assert [(number_of(frame.image), frame.seconds) for frame in opened(path)] == [(0, 0)]
    assert recording_rate(str(path), 25) == 25


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_phone_s_video_is_turned_upright_once_and_its_recording_stays_so(tmp_path, turns):
    """By the matrix of the track (ISO/IEC 14496-12, tkhd); red is at the left of the lying picture."""
    path, one = tmp_path / "phone.mp4", 1 << 16
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 32))
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = (0, 0, 255)
    writer.write(picture)
    writer.release()
    data = bytearray(path.read_bytes())
    a, b = ((0, one), (-one, 0), (0, -one))[turns - 1]
    matrix = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)
    start = data.find(b"tkhd") + 44
    data[start : start + 36] = matrix
    path.write_bytes(data)
    (frame,) = opened(path)
    with record(tmp_path / "again.mp4", 25) as recorder:
        recorder.write(frame.image)
    for upright in (frame.image, opened(tmp_path / "again.mp4")[0].image):
        expected = np.rot90(picture[..., ::-1], -turns)
        assert upright.shape == expected.shape
        np.testing.assert_allclose(upright[8::16, 8::16], expected[8::16, 8::16], atol=14)


@pytest.mark.parametrize("name", TIMES)
def test_the_rate_of_a_recording_is_that_of_frames_that_follow_one_another(name):
    with open_source(VIDEOS / name) as source:
        assert recording_rate(str(VIDEOS / name), source.fps) == pytest.approx(30.3 if TIMES[name] is VARYING else 25, rel=0.01)


@pytest.mark.parametrize("fps", [24000 / 1001, 25, 30000 / 1001, 59.94, 120.083, 240, 7.3, 0.5])
def test_the_control_a_steady_rate_is_that_which_is_stated(tmp_path, fps):
    path = write_video(tmp_path / "a.avi", 50, fps)
    with open_source(path) as source:
        assert recording_rate(str(path), source.fps) == source.fps == pytest.approx(fps, rel=1e-4)


def test_an_mp4_of_a_varying_rate_has_its_own_times(tmp_path):
    path = with_tables(tmp_path / "a.mp4", [512, 512, 5120, 512, 512, 512])
    frames = opened(path)
    assert [number_of(frame.image) for frame in frames] == list(range(6))
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.48, 0.52, 0.56])
    assert len(played(path)[0]) == 6
