"""Sources: every frame of a file in order, and one clear line for what is no source, with nothing from OpenCV beside it."""

import os
import struct
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.camera.sources import Settings, open_source
from cvapp.camera.sources.files import natural
from cvapp.errors import CvappError, Exit

BITS = 8


def painted(number: int, height: int = 32, width: int = 64) -> np.ndarray:
    """A picture that bears a number: eight upright bars, white for 1 and black for 0, the highest bit at the left."""
    bits = [255 * (number >> bit & 1) for bit in reversed(range(BITS))]
    return np.repeat(np.repeat(np.array(bits, np.uint8), width // BITS)[None, :, None], height, 0).repeat(3, 2)


def number_of(rgb: np.ndarray) -> int:
    """The number that a picture bears in its middle row, whatever a codec did to it."""
    step = rgb.shape[1] // BITS
    return sum(int(rgb[rgb.shape[0] // 2, step // 2 + step * at].mean() > 127) << BITS - 1 - at for at in range(BITS))


def write_video(path: Path, count: int, fps: float = 25, size: tuple[int, int] = (32, 64)) -> Path:
    """A video of numbered frames, by OpenCV alone."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v")), fps, size[::-1])
    for number in range(count):
        writer.write(painted(number, *size))
    writer.release()
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".MOV", ".avi", ".mkv"])
def test_a_video_is_read_whole_and_in_order(tmp_path, suffix):
    with open_source(write_video(tmp_path / f"50% of it ü{suffix}", 40)) as source:
        frames = list(source)
        assert (source.live, source.fps, source.count) == (False, 25, 40)
    assert [number_of(frame.image) for frame in frames] == list(range(40))
    assert [frame.index for frame in frames] == list(range(40))
    assert [frame.seconds for frame in frames] == pytest.approx([number / 25 for number in range(40)])
    assert {(frame.image.shape, frame.image.dtype.name) for frame in frames} == {((32, 64, 3), "uint8")}


def test_frames_are_rgb_and_upright(tmp_path):
    """A phone stores its pictures lying and says by a matrix how to turn them (ISO 14496-12, tkhd); here by 90 degrees."""
    path = tmp_path / "phone.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 32))
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = (0, 0, 255)  # red at the left, in BGR
    writer.write(picture)
    writer.release()
    data, one = bytearray(path.read_bytes()), 1 << 16
    with open_source(path) as source:
        lying = next(iter(source)).image
    start = data.find(b"tkhd") + 44
    data[start : start + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 32 * one, 0, 1 << 30)
    path.write_bytes(data)
    with open_source(path) as source:
        upright = next(iter(source)).image
    assert lying.shape == (32, 64, 3) and upright.shape == (64, 32, 3)
    np.testing.assert_allclose([lying[16, 16], lying[16, 48]], [(255, 0, 0), (0, 0, 0)], atol=12)
    np.testing.assert_allclose([upright[16, 16], upright[48, 16]], [(255, 0, 0), (0, 0, 0)], atol=12)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name, count, size, fps",
    [
        ("cockatoo.mp4", 280, (720, 1280), 20),
        ("clip_720p_h264.mp4", 180, (640, 1280), 30),
        ("clip_h264.flv", 180, (320, 640), 30),
        ("clip_vp8.mkv", 180, (320, 640), 30),
    ],
)
def test_real_videos_give_the_frames_that_are_known_of_them(shared_data, capfd, name, count, size, fps):
    with open_source(shared_data / "video" / name) as source:
        shapes = [frame.image.shape for frame in source]
        assert source.fps == fps
    assert shapes == [(*size, 3)] * count
    assert capfd.readouterr() == ("", "")


def test_a_folder_is_read_by_name_and_a_picture_alone(workspace):
    for number, name in enumerate(("a.png", "b.JPG", "c.bmp")):
        images.write(workspace / "photos" / name, painted(number, 16 + number, 64))
    (workspace / "photos/notes.txt").write_text("no picture")
    with open_source("photos") as source:
        frames = list(source)
        assert (source.live, source.fps, source.count) == (False, 1, 3)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert [frame.image.shape[0] for frame in frames] == [16, 17, 18]
    assert [frame.seconds for frame in frames] == [0, 1, 2]
    with open_source(Path("photos/b.JPG")) as source:
        assert [number_of(frame.image) for frame in source] == [1] and source.count == 1


def test_what_a_mac_or_a_person_hides_in_a_folder_is_passed_over(workspace):
    """As `cvapp predict` does; a Mac leaves `._photo.jpg` on every stick it wrote to."""
    images.write("photos/photo.jpg", painted(7))
    Path("photos/._photo.jpg").write_bytes(b"\0\5\26\7Mac OS X        ")
    (workspace / "photos/album.jpg").mkdir()
    with open_source("photos") as source:
        assert [number_of(frame.image) for frame in source] == [7] and source.count == 1


@pytest.mark.parametrize("word", ["photos", "photos/*.png"])
def test_a_bad_picture_among_others_is_named_and_left_out(workspace, word):
    for number, name in enumerate("ac"):
        images.write(f"photos/{name}.png", painted(number))
    Path("photos/b.png").write_bytes(Path("photos/a.png").read_bytes()[:60])
    told = []
    with open_source(word, report=told.append) as source:
        with pytest.raises(CvappError, match=r": 1 of 3 pictures could not be read: b\.png$") as error:
            list(source)
    assert error.value.code == Exit.BAD_DATA and len(told) == 1 and told[0].startswith("photos/b.png: the PNG file is truncated")


def test_the_pictures_after_a_bad_one_are_given_without_a_gap(workspace):
    for number, name in enumerate("ac"):
        images.write(f"photos/{name}.png", painted(number))
    Path("photos/b.png").write_bytes(b"no picture")
    with open_source("photos") as source:
        frames = [next(iter(source)) for _ in range(2)]
    assert [(number_of(frame.image), frame.index, frame.seconds) for frame in frames] == [(0, 0, 0), (1, 1, 1)]


def cut(path: Path, share: float = 0.5) -> None:
    """A video that lacks its end."""
    whole = write_video(path.with_name("whole" + path.suffix), 40).read_bytes()
    path.write_bytes(whole[: round(share * len(whole))])


def blank(path: Path) -> None:
    """A video whose header is whole and whose frames are not."""
    data = bytearray(write_video(path, 40).read_bytes())
    start, end = data.find(b"mdat") + 4, data.find(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "name, make, text",
    [
        ("missing.mp4", lambda path: None, r"no source 'missing\.mp4': give a camera's index \(0\), a video file, a picture or a folder"),
        ("-1", lambda path: None, "no source '-1': give a camera's index"),
        ("", lambda path: images.write("photo.png", painted(1)), "no source '': give a camera's index"),
        ("n" * 300, lambda path: None, "no source 'nnn"),
        ("empty", lambda path: path.mkdir(), "empty: no pictures in this folder"),
        ("notes", lambda path: (path.mkdir(), (path / "a.txt").write_text("a")), "notes: no pictures in this folder"),
        ("text.mp4", lambda path: path.write_text("not a video\n" * 99), r"text\.mp4: it is text, not a video"),
        ("text.avi", lambda path: path.write_text("not a video\n" * 99), r"text\.avi: it is text, not a video"),
        ("nothing.mp4", lambda path: path.write_bytes(b""), r"nothing\.mp4: the file is empty"),
        ("text.png", lambda path: path.write_text("not a picture\n" * 9), r"text\.png: not a picture"),
        ("half.mp4", cut, r"half\.mp4: truncated"),
        ("stub.avi", lambda path: cut(path, 0.1), r"stub\.avi: truncated"),
        ("blank.mp4", blank, r"blank\.mp4: not one frame could be decoded"),
        ("half.avi", cut, r"half\.avi: .*(truncated|damaged)"),
        ("half.mkv", cut, r"half\.mkv: .*(truncated|damaged)"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_no_source_or_is_cut_short_is_bad_data_in_one_line(workspace, capfd, name, make, text):
    make(workspace / name[:100])
    with pytest.raises(CvappError, match=text) as error:
        with open_source(name) as source:
            list(source)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", ""), "OpenCV and ffmpeg must be silent"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at the open files of the process, as Linux lists them")
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_closed_source_has_freed_its_file(tmp_path, suffix):
    path = write_video(tmp_path / f"held{suffix}", 5)

    def held() -> bool:
        links = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
        return str(path) in [os.readlink(link) for link in links if link.is_symlink()]

    with open_source(path) as source:
        next(iter(source))
        assert held()
    assert not held()


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_may_be_closed_by_another_thread_while_it_is_read(tmp_path, suffix):
    """OpenCV itself would crash the process."""
    for wait in (0.0, 0.002, 0.01):
        source, got = open_source(write_video(tmp_path / f"clip{suffix}", 400, 25, (240, 320))), []
        reader = threading.Thread(target=lambda: got.extend(frame.index for frame in source))
        reader.start()
        time.sleep(wait)
        source.close()
        reader.join(5)
        assert not reader.is_alive() and got == list(range(len(got))) and len(got) < 400


def test_a_pattern_names_pictures_in_the_order_of_their_numbers(workspace):
    for number in (10, 2, 1, 33, 4):
        images.write(f"shots/day {number % 2}/shot {number}.png", painted(number))
    Path("shots/day 0/shot 3.txt").write_text("no picture")
    images.write("shots/day 0/.shot 5.png", painted(5))
    for pattern, expected in {
        "shots/day 0/*": [2, 4, 10],
        "shots/day 0/shot ?.png": [2, 4],
        "shots/*/*.png": [2, 4, 10, 1, 33],
        "shots/**/*3.png": [33],
        "shots/day [1]": None,
    }.items():
        if expected is None:
            with pytest.raises(CvappError, match=r"^shots/day \[1\]: no picture has such a name; give photos") as error:
                open_source(pattern)
            assert error.value.code == Exit.BAD_DATA
            continue
        with open_source(pattern) as source:
            assert source.count == len(expected) and [number_of(frame.image) for frame in source] == expected
    with open_source("shots/day 0") as source:
        assert [number_of(frame.image) for frame in source] == [2, 4, 10], "a folder is sorted so too"


def test_the_control_sorting_by_letters_would_put_10_before_2():
    names = ["shot 10.png", "shot 2.png", "shot 1.png", "b", "a10b2", "a10b1"]
    assert sorted(names, key=natural) == ["a10b1", "a10b2", "b", "shot 1.png", "shot 2.png", "shot 10.png"] != sorted(names)


def test_a_name_with_the_marks_of_a_pattern_is_still_a_name(workspace):
    images.write("a[1].png", painted(1))
    images.write("a1.png", painted(2))
    with open_source("a[1].png") as source:
        assert [number_of(frame.image) for frame in source] == [1]


def test_raw_files_are_developed_alone_and_among_pictures(workspace, monkeypatch):
    """The development itself has tests of its own."""
    images.write("shots/1.png", painted(1))
    for name in ("2.DNG", "3.npz", "4.nef"):
        Path("shots", name).touch()
    monkeypatch.setitem(sys.modules, "cvapp.isp.develop", SimpleNamespace(develop=lambda path: painted(int(path.stem))))
    with open_source("shots") as source:
        assert [number_of(frame.image) for frame in source] == [1, 2, 3, 4]
    with open_source("shots/2.DNG") as source:
        assert [number_of(frame.image) for frame in source] == [2] and not source.live


@pytest.mark.shared
def test_a_real_raw_file_is_a_picture(shared_data):
    with open_source(shared_data / "raw" / "colorchart.dng") as source:
        (frame,) = source
    assert frame.image.dtype == np.uint8 and frame.image.ndim == 3 and frame.image.std() > 20


@pytest.mark.parametrize(
    "name, settings, text",
    [
        ("clip.avi", {"size": (480, 640)}, "^clip.avi: size cannot be chosen for it, only for a camera or drawn signs; leave it out$"),
        ("clip.avi", {"fps": 30}, "^clip.avi: fps cannot be chosen for it, only for a camera or drawn signs"),
        ("photo.png", {"backend": "FFMPEG"}, "^photo.png: backend cannot be chosen for it, only for a camera, a video or an address"),
        ("clip.avi", {"backend": "FFMEG"}, r"^backend is 'FFMEG': this OpenCV has .*FFMPEG.* for such a source\. Did you mean FFMPEG\?$"),
    ],
)
def test_a_setting_that_means_nothing_to_a_file_is_refused(workspace, name, settings, text):
    write_video(workspace / "clip.avi", 3)
    images.write("photo.png", painted(1))
    with pytest.raises(CvappError, match=text) as error:
        open_source(name, Settings(**settings))
    assert error.value.code == Exit.USAGE


def test_a_video_is_read_by_the_backend_that_was_chosen(workspace):
    write_video(workspace / "clip.avi", 5)
    for backend in ("FFMPEG", "cv_mjpeg"):
        with open_source("clip.avi", Settings(backend)) as source:
            assert [number_of(frame.image) for frame in source] == list(range(5))


def test_pictures_in_real_time_are_one_a_second(workspace):
    for number in range(2):
        images.write(f"shots/{number}.png", painted(number))
    with open_source("shots", Settings(realtime=True)) as source:
        first, second = source
    assert source.live and second.seconds - first.seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("source", ["photos", "photos/*"])
def test_pictures_that_cannot_be_opened_are_named_and_never_opened(workspace, source):
    for number in range(2):
        images.write(Path("photos") / f"{number}.png", painted(number))
    Path("photos/gone.jpg").symlink_to("nowhere")
    os.mkfifo("photos/pipe.png")
    Path("photos/phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    Path("photos/folder.png").mkdir()
    told, frames = [], []
    with open_source(source, report=lambda text, *_: told.append(text)) as opened:
        with pytest.raises(CvappError, match="3 of 5 pictures could not be read: gone.jpg, phone.heic, pipe.png$") as error:
            for frame in opened:
                frames.append(frame)
    assert error.value.code == Exit.BAD_DATA and [number_of(frame.image) for frame in frames] == [0, 1]
    assert [line.split(": ")[1][:18] for line in told] == ["a link to nowhere ", "the HEIC file is t", "a named pipe, not "]
