"""The signs on disk: photos that can be trained on, a video with as many truths as frames, a sheet to print."""

import functools
import re

import pytest

from cvapp import images, signs
from cvapp.camera.sources import open_source
from cvapp.data import signs as disk
from cvapp.data.check import check
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256


def test_a_folder_of_signs_can_be_trained_on_and_is_its_seed(tmp_path):
    told = []
    assert disk.write_folder(tmp_path / "a", 2, 7, lambda *state: told.append(state)) == 24, "twice as many without a sign"
    found = check(tmp_path / "a")
    assert found.photos == {label: 4 if label == signs.BACKGROUND else 2 for label in signs.LABELS} and found.unusable == found.unusual == {}
    assert told[-1] == ("drawing signs", 24, 24) and (tmp_path / "a" / "heart" / "heart-0002.jpg").is_file()
    disk.write_folder(tmp_path / "b", 1, 7)
    disk.write_folder(tmp_path / "c", 1, 8)
    names = [f"{label}/{label}-0001.jpg" for label in signs.LABELS]
    hashes = {folder: [sha256(tmp_path / folder / name) for name in names] for folder in "abc"}
    assert hashes["a"] == hashes["b"] and not set(hashes["a"]) & set(hashes["c"])


@pytest.mark.parametrize("count", [0, -1])
def test_no_photos_at_all_are_refused(tmp_path, count):
    with pytest.raises(CvappError, match=f"^--count {count}: give how many photos of each sign, at least 1$") as error:
        disk.write_folder(tmp_path / "a", count, 0)
    assert error.value.code == Exit.USAGE and not (tmp_path / "a").exists()


def test_a_video_has_a_truth_for_every_frame(tmp_path, monkeypatch):
    small = functools.partial(signs.moving_scene, size=(96, 128))
    monkeypatch.setattr(signs, "moving_scene", small)
    path = tmp_path / "my signs.v1.mp4"
    assert disk.write_video(path, 3) == 300 == 10 * 2 * 15
    assert disk.truth_path(path) == tmp_path / "my signs.v1.truth.csv"
    with open_source(path) as source:
        assert (sum(1 for _ in source), source.fps) == (300, 15)
    expected = [truth for _, truth in small(3, fps=15)]
    assert disk.read_truth(disk.truth_path(path)) == [(truth.label, truth.whole) for truth in expected]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my signs.v1.mp4", "my signs.v1.truth.csv"]


def test_the_truth_is_a_table_that_a_person_can_read():
    corners = ((1.0, 2.5), (3.0, 2.5), (3.0, 4.0), (1.0, 4.0))
    text = disk.truth_csv([signs.Truth(0, "background", False, ()), signs.Truth(1, "key", True, corners)])
    assert text == "frame,label,whole,x0,y0,x1,y1,x2,y2,x3,y3\n0,background,0\n1,key,1,1.0,2.5,3.0,2.5,3.0,4.0,1.0,4.0\n"


def test_the_sheet_is_a_pdf_of_five_pages_the_same_each_time(tmp_path):
    assert disk.write_sheet(tmp_path / "signs.pdf") == 5
    data = (tmp_path / "signs.pdf").read_bytes()
    assert data.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", data)) == 5
    assert b"/MediaBox [ 0 0 595.4" in data, "A4: 210 mm are 595 points"
    disk.write_sheet(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == data


@pytest.mark.parametrize(
    "write, name, words, code",
    [
        (disk.write_sheet, "signs.png", "signs.png: cannot write .png; use .pdf$", Exit.USAGE),
        (disk.write_sheet, "file/signs.pdf", "file/signs.pdf: cannot write", Exit.CANNOT_WRITE),
        (lambda path: disk.write_video(path, 0), "signs.gif", "signs.gif: cannot write .gif; use .mp4", Exit.USAGE),
        (lambda path: disk.write_video(path, 0), "file/signs.mp4", "file/signs.mp4: cannot write", Exit.CANNOT_WRITE),
        (lambda path: disk.write_folder(path, 1, 0), "file/signs", "file/signs: cannot write", Exit.CANNOT_WRITE),
    ],
)
def test_a_place_that_will_not_do_is_told_before_anything_is_drawn(tmp_path, monkeypatch, write, name, words, code):
    (tmp_path / "file").touch()
    for maker in ("photo", "moving_scene", "draw"):
        monkeypatch.setattr(signs, maker, lambda *_, **__: pytest.fail("drawn"))
    with pytest.raises(CvappError, match=words) as error:
        write(tmp_path / name)
    assert error.value.code == code and [path.name for path in tmp_path.iterdir()] == ["file"]


def test_close_ups_are_written_class_by_class(tmp_path):
    assert disk.write_close_ups(tmp_path / "near", 2, 7) == 20
    names = sorted(path.relative_to(tmp_path / "near").as_posix() for path in (tmp_path / "near").rglob("*.jpg"))
    assert names[:3] == ["arrow/arrow-0001.jpg", "arrow/arrow-0002.jpg", "bolt/bolt-0001.jpg"] and len(names) == 20
    assert images.read(tmp_path / "near" / names[0]).shape == (96, 96, 3)
