"""The recorder: what goes in is counted and comes out, other sizes included, and a full disk or a Ctrl-C leaves nothing half."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cvapp.camera import recorder as recording
from cvapp.camera.finishing import CODECS, count_frames, held_rate
from cvapp.camera.recorder import ROOM, record
from cvapp.errors import CvappError, Exit
from tests.camera.test_sources import number_of, painted

ENDS = [KeyboardInterrupt(), RuntimeError("lost"), OSError("camera gone")]


def played(path):
    """The frames of a video as RGB, and its frames a second, by OpenCV alone."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        got, bgr = capture.read()
        if not got:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(bgr[..., ::-1])


@pytest.mark.parametrize("suffix", [*CODECS, ".MP4"])
def test_every_frame_comes_out_in_order_and_colour(tmp_path, capfd, suffix):
    path = tmp_path / "new" / f"scene{suffix}"
    red = np.zeros((32, 64, 3), np.uint8)
    red[..., 0] = 255
    with record(path, 12.5) as recorder:
        for number in range(30):
            recorder.write(painted(number))
        recorder.write(red)
        assert not path.exists(), "it takes its name when it is whole"
    frames, fps = played(path)
    assert [number_of(frame) for frame in frames[:-1]] == list(range(30)) and len(frames) == 31
    np.testing.assert_allclose(frames[-1].mean((0, 1)), (255, 0, 0), atol=6)
    assert fps == pytest.approx(12.5) and count_frames(path) == recorder.count == 31
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert capfd.readouterr() == ("", "")


RATES = [1, 7.3, 0.5, 23.976, 24000 / 1001, 29.97, 30000 / 1001, 59.94, 60, 65.536, 119.88011988, 120.083, 240, 1000 / 3, 999.9]


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("fps", RATES)
def test_frames_a_second_are_kept_as_nearly_as_a_codec_holds_them(tmp_path, fps, suffix):
    """MPEG-4 counts a second in 65535 parts at most: 120.083 is one of 120083 thousandths, 120.08 of 3002 parts of 25 s."""
    told = []
    with record(tmp_path / f"a{suffix}", fps, lambda text, *_: told.append(text)) as recorder:
        for number in range(3):
            recorder.write(painted(number))
    frames, found = played(tmp_path / f"a{suffix}")
    assert found == pytest.approx(fps, rel=1e-4) == recorder.fps and [number_of(frame) for frame in frames] == [0, 1, 2] and told == []


@pytest.mark.parametrize(
    "fps, suffix, nearest", [(120.083, ".mp4", 120.08), (120.083, ".avi", 120.083), (1000 / 3, ".mkv", 333.33), (700.04, ".MOV", 700.0)]
)
def test_the_nearest_rate_that_a_codec_holds(fps, suffix, nearest):
    assert held_rate(fps, suffix) == nearest


def test_a_rate_that_no_codec_comes_near_is_told(tmp_path):
    told = []
    with record(tmp_path / "a.mp4", 0.0234, lambda text, *_: told.append(text)) as recorder:
        recorder.write(painted(1))
    assert told == [f"{tmp_path / 'a.mp4'}: recorded at 0.023 frames/s, the nearest to 0.0234 that its codec holds"]


def test_the_control_opencv_alone_refuses_such_a_rate(tmp_path):
    code = cv2.VideoWriter_fourcc(*"mp4v")
    assert not cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.CAP_FFMPEG, code, 120.083, (64, 32)).isOpened()


def test_frames_of_another_size_are_letterboxed_not_dropped(tmp_path):
    white = np.full((128, 64, 3), 255, np.uint8)
    with record(tmp_path / "a.mp4", 25) as recorder:
        recorder.write(painted(5, 64, 128))
        recorder.write(white)
        recorder.write(painted(6, 32, 64))
    (first, tall, small), _ = played(tmp_path / "a.mp4")
    assert (number_of(first), number_of(small)) == (5, 6)
    np.testing.assert_allclose(tall[:, 50:78], 255, atol=12)
    np.testing.assert_allclose(tall[:, list(range(44)) + list(range(84, 128))], 0, atol=12)


@pytest.mark.parametrize("size", [(49, 64), (48, 65), (9, 9), (720, 1280), (16, 5000)])
def test_odd_and_large_sizes_are_recorded_on_even_sides(tmp_path, rng, size):
    with record(tmp_path / "a.mp4", 25) as recorder:
        for _ in range(3):
            recorder.write(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    assert [frame.shape for frame in played(tmp_path / "a.mp4")[0]] == [(size[0] // 2 * 2, size[1] // 2 * 2, 3)] * 3


@pytest.mark.parametrize("name, said", [("a.webm", r"\.webm"), ("a.gif", r"\.gif"), ("a", "a file without suffix")])
def test_a_suffix_that_it_cannot_write_is_a_wrong_use(workspace, name, said):
    with pytest.raises(CvappError, match=rf"^{name}: cannot write {said}; use \.mp4, \.mov, \.avi, \.mkv$") as error:
        with record(name, 25):
            raise AssertionError("found out too late")
    assert error.value.code == Exit.USAGE and not list(workspace.iterdir())


@pytest.mark.parametrize("name", ["file/a.mp4", "/proc/nowhere/a.mp4", "folder.mp4"])
def test_a_place_that_cannot_be_written_is_told_before_the_first_frame(workspace, name):
    Path("file").write_text("in the way")
    Path("folder.mp4").mkdir()
    with pytest.raises(CvappError, match=f"{Path(name).parts[0]}.*cannot write") as error:
        with record(name, 25):
            raise AssertionError("found out too late")
    assert error.value.code == Exit.CANNOT_WRITE
    assert sorted(path.name for path in workspace.iterdir()) == ["file", "folder.mp4"]


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_what_was_recorded_is_kept_whatever_ended_it(tmp_path, error):
    with pytest.raises(type(error)) as caught:
        with record(tmp_path / "a.mp4", 25) as recorder:
            for number in range(7):
                recorder.write(painted(number))
            raise error
    assert caught.value is error
    assert [number_of(frame) for frame in played(tmp_path / "a.mp4")[0]] == list(range(7))


@pytest.mark.parametrize("error", [None, *ENDS], ids=lambda error: type(error).__name__)
def test_the_old_file_is_kept_when_nothing_was_recorded(tmp_path, error):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(BaseException) as caught:
        with record(tmp_path / "a.mp4", 25):
            if error is not None:
                raise error
    assert (tmp_path / "a.mp4").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    if error is not None:
        assert caught.value is error, "it is not the disk's fault"
    else:
        assert caught.value.code == Exit.BAD_DATA and "a.mp4: no frame came, so nothing was recorded" in str(caught.value)


FULL_DISK = """
import json, resource, signal, sys
from pathlib import Path
import numpy as np
from cvapp.camera.recorder import record
from cvapp.errors import CvappError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rng, found = np.random.default_rng(0), {}
for suffix in (".mp4", ".mov", ".avi", ".mkv"):
    Path("scene" + suffix).write_bytes(b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
for suffix in (".mp4", ".mov", ".avi", ".mkv"):
    try:
        with record("scene" + suffix, 5) as recorder:
            for _ in range(40):
                recorder.write(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8))
        found[suffix] = [0, "done"]
    except CvappError as error:
        found[suffix] = [int(error.code), str(error)]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
Path("found.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module", params=[0, 200_000, 10_000_000])
def full_disk(request, tmp_path_factory):
    """40 frames of noise, about 280 kB, recorded in each format where files may grow to so many bytes: limit, folder, errors, chatter."""
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(request.param)], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return request.param, folder, json.loads((folder / "found.json").read_text()), done.stderr


def test_a_full_disk_is_exit_7_and_what_cannot_be_played_leaves_the_old_file(full_disk):
    limit, folder, found, _ = full_disk
    assert sorted(path.name for path in folder.iterdir()) == ["found.json", "scene.avi", "scene.mkv", "scene.mov", "scene.mp4"]
    for suffix, (code, _) in found.items():
        if limit == 200_000:
            assert code == Exit.CANNOT_WRITE and len(played(folder / f"scene{suffix}")[0]) in range(5, 40, 5), "they play as far as they got"
        elif limit < 1_000_000:
            assert (code, (folder / f"scene{suffix}").read_bytes()) == (Exit.CANNOT_WRITE, b"old"), suffix
        else:
            assert (code, len(played(folder / f"scene{suffix}")[0])) == (Exit.DONE, 40), suffix


def test_a_full_disk_is_told_in_one_line_with_numbers_that_can_be(full_disk):
    limit, _, found, chatter = full_disk
    for suffix, (_, text) in found.items():
        if limit < 1_000_000:
            assert "the disk" in text or "cannot write" in text
            assert not any(word.startswith("-") or word.isdecimal() and int(word) > 40 for word in text.split()), text
    assert chatter == b"", "OpenCV and ffmpeg must be silent"


def filling(monkeypatch, frames):
    """A disk that has room for so many frames."""
    free = iter([2 * ROOM] * (frames + 1))  # it is looked at once before the first
    monkeypatch.setattr(recording.shutil, "disk_usage", lambda folder: SimpleNamespace(free=next(free, ROOM // 2)))


@pytest.mark.parametrize("suffix", CODECS)
def test_a_disk_that_fills_up_ends_it_at_once_with_a_recording_that_plays(tmp_path, monkeypatch, suffix):
    filling(monkeypatch, 9)
    path, written = tmp_path / f"a{suffix}", []
    with pytest.raises(CvappError, match=rf"a{suffix}: the disk is almost full; free some space or choose another place$") as error:
        with record(path, 25) as recorder:
            for number in range(40):
                recorder.write(painted(number))
                written.append(number)
    assert error.value.code == Exit.CANNOT_WRITE and written == list(range(9))
    assert [number_of(frame) for frame in played(path)[0]] == written and [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("frames", [-1, 0])
def test_a_disk_that_is_full_before_the_first_frame_leaves_the_old_file(tmp_path, monkeypatch, frames):
    filling(monkeypatch, frames)
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(CvappError, match="almost full"), record(tmp_path / "a.mp4", 25) as recorder:
        recorder.write(painted(0))
    assert (tmp_path / "a.mp4").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_frames_with_times_make_a_video_that_lasts_as_long_as_life_did(tmp_path):
    """At 10 frames/s. 1 comes 0.5 s after 0, 2 and 3 a little late and early, 4 to 13 at twice the rate, 14 after a cut of a minute."""
    times = [0.0, 0.5, 0.62, 0.68, *(0.75 + 0.05 * n for n in range(10)), 60.0, 60.1]
    with record(tmp_path / "a.mp4", 10) as recorder:
        for number, seconds in enumerate(times):
            if number == 14:
                recorder.cut()
            recorder.write(painted(number), 1000 + seconds)
    shown = [number_of(frame) for frame in played(tmp_path / "a.mp4")[0]]
    assert len(shown) == recorder.count and shown[:7] == [0, 0, 0, 0, 0, 1, 2]
    assert shown == sorted(shown) and shown[-2:] == [14, 15] and abs(len(shown) - 2 - 13) <= 1, "1.3 s and the two after the cut"
    assert 5 <= len({4, 5, 6, 7, 8, 9, 10, 11, 12, 13} & set(shown)) <= 7, "half of those that came at twice the rate"


def test_the_control_frames_without_times_are_one_each(tmp_path):
    with record(tmp_path / "a.mp4", 10) as recorder:
        for number in range(16):
            recorder.write(painted(number))
    assert [number_of(frame) for frame in played(tmp_path / "a.mp4")[0]] == list(range(16))


def test_what_was_kept_and_what_it_replaced_is_known_afterwards(tmp_path):
    found = []
    for _ in range(2):
        with record(tmp_path / "a.mp4", 10) as recorder:
            recorder.write(painted(1))
            found.append(recorder.kept)
        found += [recorder.kept, recorder.replaced]
    assert found == [False, True, False, False, True, True]


def test_a_frame_that_was_written_but_not_yet_counted_at_ctrl_c_is_no_fault(tmp_path):
    with pytest.raises(KeyboardInterrupt), record(tmp_path / "a.mp4", 25) as recorder:
        recorder.write(painted(1))
        recorder.write(painted(2))
        recorder.count -= 1
        raise KeyboardInterrupt
    assert [number_of(frame) for frame in played(tmp_path / "a.mp4")[0]] == [1, 2]
