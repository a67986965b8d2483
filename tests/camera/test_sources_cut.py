"""Videos that were cut off are told wherever that was, by the sizes that their containers state; whole ones never are."""

import struct
from pathlib import Path

import cv2
import pytest

from cvapp.camera.sources import containers
from cvapp.errors import CvappError, Exit
from tests.camera.test_sources import number_of, painted, write_video
from tests.camera.test_sources_videos import TIMES, VIDEOS, animation, opened

CUES = b"\x1c\x53\xbb\x6b"  # the index of a Matroska file
CUT = [name for name in TIMES if name not in ("raw.h264", "broadcast.mpg")]


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("name", [*CUT, "a.gif", "a.mp4", "a.mkv", "a.avi"])
def test_a_cut_video_is_told_wherever_it_was_cut(tmp_path, capfd, name, share):
    path = VIDEOS / name
    if name.startswith("a."):
        path = animation(tmp_path / name) if name == "a.gif" else write_video(tmp_path / name, 40)
    whole = path.read_bytes()
    half = tmp_path / f"half{path.suffix}"
    last = whole.rfind({".avi": b"idx1", ".mkv": CUES}[path.suffix]) if path.suffix in (".avi", ".mkv") else len(whole)  # behind the frames
    half.write_bytes(whole[: round(share * last)])
    with pytest.raises(CvappError, match=r"^.*half\.\w+: truncated[^\n]*; copy it again$") as error:
        opened(half)
    assert error.value.code == Exit.BAD_DATA and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["reordered.avi", "a.avi"])
def test_a_video_that_lacks_its_index_alone_is_not_called_truncated(tmp_path, name):
    whole = ((VIDEOS / name) if name != "a.avi" else write_video(tmp_path / name, 12)).read_bytes()
    (tmp_path / "b.avi").write_bytes(whole[: whole.find(b"idx1") + 20])
    assert containers.is_cut(tmp_path / "b.avi") and len(opened(tmp_path / "b.avi")) == 12


@pytest.mark.parametrize("name", [*TIMES, "sound.mp4", "sound.webm"])
def test_the_bytes_of_no_whole_file_tell_a_cut(tmp_path, name):
    assert not containers.is_cut(VIDEOS / name)
    (tmp_path / "padded").write_bytes((VIDEOS / name).read_bytes() + bytes(64))
    assert not containers.is_cut(tmp_path / "padded"), "a disk's padding is no sign of a cut"


@pytest.mark.parametrize("name", [*TIMES, "sound.mp4", "sound.webm"])
def test_no_file_breaks_the_look_at_its_bytes(tmp_path, rng, name):
    """Every length, and bytes changed at random: what is said is a line, or nothing."""
    whole, path = (VIDEOS / name).read_bytes(), tmp_path / name
    contents = [whole[:length] for length in range(1, len(whole), 37)]
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] = rng.integers(0, 256)
        contents.append(bytes(data))
    for content in contents:
        path.write_bytes(content)
        for said in (containers.what_is_missing(path, 5, 12), containers.why_no_video(path)):
            assert said is None or (isinstance(said, str) and "\n" not in said)


def test_a_live_recording_of_a_browser_has_an_open_end_and_may_be_cut(tmp_path):
    """MediaRecorder states no sizes for the segment and its clusters."""
    data = (VIDEOS / "browser.webm").read_bytes()
    for kind in (containers.SEGMENT, containers.CLUSTER):
        at = data.find(kind) + 4
        width = 9 - data[at].bit_length()
        data = data[:at] + (1 << 7 * width | (1 << 7 * width) - 1).to_bytes(width, "big") + data[at + width :]
    path = tmp_path / "live.webm"
    path.write_bytes(data)
    assert len(opened(path)) == 12
    path.write_bytes(data[: data.find(containers.CLUSTER) + 250])
    with pytest.raises(CvappError, match="truncated, the file ends before what it announces, after [1-9] frames; copy it again$"):
        opened(path)


def edited(path: Path, first: int, count: int) -> None:
    """Let the edit list of an MP4 show some of its frames alone, as a phone does that trims a video."""
    data = bytearray(path.read_bytes())
    units, movie = (struct.unpack_from(">I", data, data.find(kind) + 16)[0] for kind in (b"mdhd", b"mvhd"))
    struct.pack_into(">Ii", data, data.find(b"elst") + 12, count * movie // 25, first * units // 25)
    path.write_bytes(data)


def test_a_video_that_a_phone_trimmed_is_whole(tmp_path):
    path = write_video(tmp_path / "trimmed.mp4", 40)
    assert containers.sample_count(path) == 40
    edited(path, 0, 20)
    assert containers.sample_count(path) is None
    assert [number_of(frame.image) for frame in opened(path)] == list(range(len(opened(path)))) and len(opened(path)) < 30


def test_an_mp4_whose_frames_are_half_gone_is_damaged_not_truncated(tmp_path):
    """As a download that was given its whole size before it came."""
    path = tmp_path / "a.mov"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"jpeg"), 25, (64, 32))
    for number in range(20):
        writer.write(painted(number))
    writer.release()
    data = bytearray(path.read_bytes())
    start, end = data.find(b"mdat") + 4, data.find(b"moov") - 4
    data[(start + end) // 2 : end] = bytes(end - (start + end) // 2)
    path.write_bytes(data)
    with pytest.raises(CvappError, match=r"a\.mov: damaged, 1?\d of its 20 frames could be decoded; copy it again$"):
        opened(path)
