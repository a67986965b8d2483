"""`--attention` and the key `a`: maps are drawn where they are asked for, cost nothing where not, and are refused in one line."""

import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp import bundle, images
from cvapp.camera import stage
from cvapp.camera.heat import paint
from cvapp.bundle import open_lite
from cvapp.cli import running
from cvapp.errors import Exit
from cvapp.export.handover import hand_over
from cvapp.files import sha256
from cvapp.images import Images
from cvapp.proof.verify import verify
from tests.camera.test_recorder import played
from tests.camera.test_stage import ScriptedWindow
from tests.cli.test_cli import run
from tests.test_bundle import cvapp_without_tensorflow
from tests.tiny_attention import FILE, brightness, save_looking
from tests.tiny_tflite import change_export, save_model

FITTED = Images((8, 8))
CAMERA = ("camera", "tiny", "--source", "scene.avi")


def scene(bright=(slice(20, 50), slice(130, 160))):
    """A grey frame of 120x200 with a bright square in it."""
    picture = np.full((120, 200, 3), 60, np.uint8)
    picture[bright] = 250
    return picture


@pytest.fixture
def here(workspace):
    """The current folder: a model that looks at what is bright, a photo, and a video of 20 frames of it."""
    save_looking(workspace / "saved_models/tiny")
    images.write("photo.png", scene())
    writer = cv2.VideoWriter("scene.avi", cv2.VideoWriter_fourcc(*"MJPG"), 60, (200, 120))
    for _ in range(20):
        writer.write(scene()[..., ::-1])
    writer.release()
    return workspace


@pytest.fixture
def opened(monkeypatch):
    """The names of the .tflite files that are opened."""
    names, honest = [], bundle.open_tflite
    monkeypatch.setattr(bundle, "open_tflite", lambda path, threads: names.append(path.name) or honest(path, threads))
    return names


def colours(picture):
    """How far from grey the part above the answers is, (rows, columns)."""
    return np.ptp(picture[:60].astype(int), axis=2)


def is_hot(picture):
    """Whether the map is drawn."""
    return bool(colours(picture).max() > 100)


def test_predict_draws_the_map_on_the_photo(here, capsys):
    code, out, _ = run(capsys, "predict", "tiny", "photo.png", "--draw", "drawn", "--attention", "--json")
    plain = run(capsys, "predict", "tiny", "photo.png", "--draw", "plain", "--json")[1]
    assert code == 0 and json.loads(out) == json.loads(plain), "the answers are those without it"
    drawn = images.read("drawn/photo.jpg")
    expected = paint(scene(), brightness(images.fit(scene(), FITTED)[None])[0], FITTED)
    assert np.abs(drawn[:60].astype(int) - expected[:60]).mean() < 4
    warm = np.argwhere(colours(drawn) > 60)
    assert np.abs(warm.mean(0) - (34.5, 144.5)).max() < 8, "on the bright square"
    assert not is_hot(images.read("plain/photo.jpg"))


def test_camera_records_it_from_the_first_frame(here, capsys):
    code, out, _ = run(capsys, *CAMERA, "--no-show", "--save", "out.avi", "--log", "log.jsonl", "--attention", "--json")
    plain = json.loads(run(capsys, *CAMERA, "--no-show", "--save", "plain.avi", "--json")[1])
    assert code == 0 and json.loads(out)["frames"] == 20 and json.loads(out)["labels"] == plain["labels"]
    assert [is_hot(frame) for frame in played("out.avi")[0]] == [True] * 20
    assert [is_hot(frame) for frame in played("plain.avi")[0]] == [False] * 20
    lines = [json.loads(line) for line in Path("log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 20 and all("label" in line and "attention" not in line for line in lines)


def test_a_mirrored_recording_shows_it_mirrored(here, capsys):
    assert run(capsys, *CAMERA, "--no-show", "--save", "out.avi", "--attention", "--mirror")[0] == 0
    warm = np.argwhere(colours(played("out.avi")[0][5]) > 60)
    assert np.abs(warm.mean(0) - (34.5, 199 - 144.5)).max() < 8


def test_without_it_its_file_is_not_even_opened(here, capsys, opened):
    for words in (("predict", "tiny", "photo.png", "--draw", "drawn"), (*CAMERA, "--no-show", "--save", "out.avi")):
        assert run(capsys, *words)[0] == 0
    assert opened == ["float32.tflite"] * 2
    (Path("saved_models/tiny") / FILE).unlink()
    assert run(capsys, *CAMERA, "--no-show")[0] == 0


@pytest.fixture
def pressed(here, monkeypatch, capsys):
    """A function that runs the camera with keys pressed at some pictures: the pictures, and what was told."""

    def press(keys, *words):
        window = ScriptedWindow(keys)
        monkeypatch.setattr(running, "has_display", lambda: True)
        monkeypatch.setattr(stage, "Window", lambda title: window)
        code, _, err = run(capsys, *CAMERA, *words)
        assert code == 0
        return window.pictures, [line for line in err.splitlines() if not line.startswith("frames")]

    return press


def test_a_shows_it_and_no_longer(pressed, opened):
    """Two or three frames are answered ahead of the picture at which a key is pressed."""
    pictures, told = pressed({3: "a", 12: "a"})
    hot = [is_hot(picture) for picture in pictures]
    first, last = hot.index(True), len(hot) - 1 - hot[::-1].index(True)
    assert 3 < first <= 9 and 12 <= last <= 18 and all(hot[first : last + 1]) and len(hot) == 20
    assert opened == ["float32.tflite", "attention.tflite"] and told == []


def test_a_ends_what_attention_began_with(pressed):
    hot = [is_hot(picture) for picture in pressed({3: "a"}, "--attention")[0]]
    assert hot[:4] == [True] * 4 and not any(hot[10:])


def test_a_snapshot_shows_it(pressed):
    pressed({6: "s"}, "--attention", "--snapshots", "kept")
    plain, answer = sorted(Path("kept").iterdir(), key=lambda path: len(path.name))
    assert is_hot(images.read(answer)) and not is_hot(images.read(plain))


def test_the_map_stays_when_another_variant_answers_and_its_file_is_opened_once(pressed, opened):
    lite = Path("saved_models/tiny/lite")
    shutil.copy(lite / "float32.tflite", lite / "float16.tflite")
    row = {"published": True, "sha256": sha256(lite / "float16.tflite")}
    change_export(lite.parent, lambda values: values["variants"].update(float16=row))
    pictures, told = pressed({3: "v"}, "--attention")
    assert told == ["float16 answers now"] and all(map(is_hot, pictures))
    assert opened == ["float32.tflite", "attention.tflite", "float16.tflite"]


def test_a_on_a_model_without_attention_is_told_and_the_run_goes_on(pressed):
    save_model(Path("saved_models/old"))
    Path("saved_models/tiny").rename("saved_models/other")
    Path("saved_models/old").rename("saved_models/tiny")
    pictures, (told,) = pressed({3: "a"})
    assert len(pictures) == 20 and " has no attention to show: only vision transformers that classify have" in told


def test_a_on_a_damaged_file_is_told_and_the_run_goes_on(pressed):
    (Path("saved_models/tiny") / FILE).write_bytes(b"another")
    pictures, told = pressed({3: "a", 9: "a"})
    assert len(pictures) == 20 and not any(map(is_hot, pictures))
    assert told == ["saved_models/tiny/lite/attention.tflite: altered since it was exported; run cvapp export tiny again"] * 2


@pytest.mark.parametrize(
    "words", [("predict", "tiny", "photo.png", "--draw", "drawn"), (*CAMERA, "--no-show", "--save", "out.avi")], ids=str
)
@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_a_damaged_file_that_is_asked_for_is_one_line_before_anything_is_done(here, capsys, words, damage):
    path = Path("saved_models/tiny") / FILE
    path.write_bytes(b"another") if damage == "altered" else path.unlink()
    before = sorted(here.iterdir())
    code, out, err = run(capsys, *words, "--attention")
    assert (code, out) == (Exit.BAD_DATA, "") and err.startswith(f"cvapp: {path}: {damage}") and err.count("\n") == 1
    assert sorted(here.iterdir()) == before


def test_attention_without_draw_is_a_wrong_use(here, capsys):
    code, out, err = run(capsys, "predict", "tiny", "photo.png", "--attention")
    assert (code, out) == (Exit.USAGE, "")
    assert err == "cvapp: --attention is drawn on the photos: say where to write them with --draw DIR\n"


def test_a_classifier_without_attention_is_refused(here, capsys):
    save_model(Path("saved_models/plain"))
    for words in (("predict", "plain", "photo.png", "--draw", "drawn"), ("camera", "plain", "--source", "scene.avi", "--no-show")):
        code, out, err = run(capsys, *words, "--attention")
        assert (code, out) == (Exit.USAGE, "") and err.count("\n") == 1
        assert err.startswith("cvapp: plain has no attention to show: only vision transformers that classify have")
    assert not Path("drawn").exists()


def test_a_detector_is_refused(boxed_home, capsys):
    images.write("photo.png", scene())
    for words in (("predict", "boxes", "photo.png", "--draw", "drawn"), ("camera", "boxes", "--source", "photo.png", "--no-show")):
        code, out, err = run(capsys, *words, "--attention")
        assert (code, out) == (Exit.USAGE, "")
        assert err == "cvapp: --attention is for vision transformers that classify; boxes is a detect model: leave it out\n"


def test_a_device_without_tensorflow_shows_it(here):
    done = cvapp_without_tensorflow(here, *CAMERA, "--no-show", "--save", "out.avi", "--attention")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]"), done.stderr
    assert [is_hot(frame) for frame in played("out.avi")[0]] == [True] * 20
    done = cvapp_without_tensorflow(here, "predict", "tiny", "photo.png", "--draw", "drawn", "--attention")
    assert (done.returncode, done.stderr) == (0, "") and is_hot(images.read("drawn/photo.jpg"))


def test_list_knows_nothing_of_it_and_it_is_handed_over(here, capsys):
    assert json.loads(run(capsys, "list", "--json")[1])["models"]["tiny"]["lite"] == ["float32"]
    hand_over(Path("saved_models/tiny"), Path("tiny.zip"))
    with zipfile.ZipFile("tiny.zip") as archive:
        assert "tiny/lite/attention.tflite" in archive.namelist()
        archive.extractall("there")
    found = verify(Path("there/tiny"))
    assert found["reasons"] == [] and found["attention"]["reasons"] == []
    pixels = np.arange(192, dtype=np.uint8).reshape(1, 8, 8, 3)
    np.testing.assert_allclose(open_lite(Path("there/tiny")).attention(pixels), brightness(pixels))


def test_it_is_no_variant(here, capsys, pressed):
    assert pressed({3: "v"})[1] == ["there is no other variant"]
    code, _, err = run(capsys, "predict", "tiny", "photo.png", "--variant", "attention")
    assert code == Exit.USAGE and "has no variant 'attention': choose one of float32" in err
