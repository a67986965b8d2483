"""Export of a generator: its files make the pictures that Keras makes, what does not is not published, and other machines can use it."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cvapp import card as cards
from cvapp import images, load
from cvapp.errors import CvappError, Exit
from cvapp.export import export as exporting
from cvapp.export import generated
from cvapp.export.export import export
from cvapp.export.generated_snippet import litert
from cvapp.export.handover import hand_over
from cvapp.models.classifier import open_model
from cvapp.proof import apart, golden, metadata
from cvapp.proof.verify import verify
from cvapp.recipe.export import VARIANTS, Export
from tests.cli.test_cli import run
from tests.tiny_generator import LABELS, inputs, save_exported, save_generator, tiny_network

BLOCKED = "import sys\nfor name in ('tensorflow', 'keras', 'tensorflow_hub', 'matplotlib'): sys.modules[name] = None\n"
ROW = {"first_ms": 1.0, "memory_mb": 1.0, "threads": {"1": {"median_ms": 0.5, "p95_ms": 0.6}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders `grey`, with all variants, and `colour`, a conditional one with two; what the first export told. Read only."""
    home, told = tmp_path_factory.mktemp("home"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "rounds", lambda files, *_, **__: dict.fromkeys(files, ROW))
        save_generator(home / "saved_models/grey")
        export(home / "saved_models/grey", report=lambda text, *_: told.append(text))
        save_generator(home / "saved_models/colour", 32, conditional=True)
        export(home / "saved_models/colour", wishes=Export(variants=("float32", "int8"), author="Ann Ö."))
    return home / "saved_models", told


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A copy of both, below the current folder; nothing is timed."""
    shutil.copytree(made[0], tmp_path / "saved_models")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apart, "rounds", lambda files, *_, **__: dict.fromkeys(files, ROW))
    return tmp_path / "saved_models"


def by_hand(path, given):
    """What a .tflite makes of noise."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert source["dtype"] == target["dtype"] == np.float32
    found = []
    for row in given:
        interpreter.set_tensor(source["index"], row[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(target["index"])[0])
    return np.array(found)


def decibels(found, wanted):
    """The textbook's peak signal-to-noise ratio, the peak 2."""
    return 10 * np.log10(4 / np.mean((found.astype(float) - wanted) ** 2))


@pytest.mark.parametrize("name, classes, channels", [("grey", 0, 1), ("colour", 3, 3)])
def test_float32_makes_what_keras_makes_of_the_same_seed(made, name, classes, channels):
    folder, given = made[0] / name, inputs(20, classes, 5)
    side = 32 if classes else 28
    keras_says = open_model(folder / "model.keras").predict(given, verbose=0)
    assert keras_says.shape == (20, side, side, channels) and keras_says.std(0).mean() > 0.2, "it is alive"
    for variant in ("float32", "keras"):
        np.testing.assert_allclose(load(folder, variant).predict(given), keras_says, atol=1e-4)
    assert np.abs(load(folder).predict(given)[::-1] - keras_says).max() > 0.5, "a comparison that cannot fail proves nothing"
    found, theirs = load(folder).sample(40, 5), load(folder, "keras").sample(40, 5)
    off = np.abs(found.astype(int) - theirs)
    assert off.max() <= 1 and (off > 0).mean() < 1e-3 and found.shape == (40, side, side, 3)
    np.testing.assert_allclose(found[:20].astype(float), (keras_says + 1) * 127.5 + np.zeros(3), atol=0.6)


@pytest.mark.parametrize("variant, least", [("float16", 60), ("dynamic", 35), ("int8", 35)])
def test_the_others_make_nearly_that(made, variant, least):
    folder, given = made[0] / "grey", inputs(30, seed=6)
    keras_says = open_model(folder / "model.keras").predict(given, verbose=0)
    assert decibels(load(folder, variant).predict(given), keras_says) > least
    assert decibels(load(folder, variant).predict(given), keras_says[::-1]) < 12


def test_the_table_holds_what_was_measured(made):
    folder = made[0] / "grey"
    values = json.loads((folder / "lite/export.json").read_text())
    assert (values["schema"], values["chosen"], values["samples"], values["calibration"]) == (2, "float32", 64, 200)
    assert values["gate"] == {"max_difference": 1e-4, "min_psnr": 30.0} and tuple(values["variants"]) == VARIANTS and "photos" not in values
    given = np.random.default_rng(generated.PROVEN).standard_normal((64, 8)).astype(np.float32)
    keras_says = open_model(folder / "model.keras").predict(given, verbose=0)
    for name, row in values["variants"].items():
        path = folder / f"lite/{name}.tflite"
        found = by_hand(path, given)
        assert (row["published"], row["reasons"], row["bytes"], row["no_numbers"]) == (True, [], path.stat().st_size, 0)
        assert row["largest_difference"] == pytest.approx(np.abs(found - keras_says).max(), abs=2e-6)
        if name != "float32":
            assert row["psnr"] == pytest.approx(decibels(found, keras_says), abs=0.01)
            assert row["lowest_psnr"] == pytest.approx(min(map(decibels, found, keras_says)), abs=0.01)
    float32, int8 = values["variants"]["float32"], values["variants"]["int8"]
    assert float32["largest_difference"] < 1e-4 and float32["psnr"] > 100 and int8["bytes"] < 0.31 * float32["bytes"]
    assert int8["float_operations"] == 2 < float32["float_operations"], "of int8 only the way in and the way out"
    assert "proving int8" in made[1]


def test_the_golden_samples_are_noise_and_the_answers_of_the_files(made):
    for name, classes, variants in (("grey", 0, VARIANTS), ("colour", 3, ("float32", "int8"))):
        with np.load(made[0] / name / "lite/golden.npz") as file:
            held = dict(file)
        given = held.pop("noise")
        assert given.dtype == np.float32 and given.shape == (16, 8 + classes) and set(held) == {"keras", *variants}
        np.testing.assert_array_equal(given, inputs(16, classes, generated.SHOWN))
        for variant in variants:
            np.testing.assert_allclose(held[variant], by_hand(made[0] / name / f"lite/{variant}.tflite", given), atol=1e-6)


def test_every_file_says_of_itself_what_the_card_says(made):
    said = metadata.read((made[0] / "colour/lite/int8.tflite").read_bytes(), "it")
    assert (said.name, said.labels, said.makes, said.color_space, said.author) == ("colour", LABELS, True, "RGB", "Ann Ö.")
    told = "Makes pictures of 32 x 32 pixels of 8 numbers of noise, and the class that is asked for behind them, learnt from 72 photos."
    assert said.description == told
    said = metadata.read((made[0] / "grey/lite/float32.tflite").read_bytes(), "it")
    assert (said.color_space, said.description) == (
        "GRAYSCALE",
        "Makes pictures of 28 x 28 pixels of 8 numbers of noise, learnt from 72 photos.",
    )


def test_verify_replays_all_and_sees_another_network(here):
    found = verify(here / "grey")
    assert (found["photos"], list(found["variants"]), found["reasons"]) == (16, list(VARIANTS), [])
    assert all(row["largest_difference"] < 1e-6 for row in found["variants"].values())
    given, answers = golden.read(here / "grey/lite/golden.npz")
    golden.write(here / "grey/lite/golden.npz", given[::-1], answers)
    reasons = verify(here / "grey")["reasons"]
    assert "golden.npz: altered since it was saved" in reasons[0] and len(reasons) == 5
    assert all("a number differs from the golden sample's by" in reason for reason in reasons[1:])


def test_a_command_exports_it_and_says_how_near_each_variant_is(here, capsys):
    code, out, _ = run(capsys, "export", "grey", "--set", "export.variants=float32,dynamic", "--auto")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0 and " ".join(lines[0]) == "variant PSNR dB lowest largest diff mean diff float ops passes"
    assert lines[1][0] == "float32" and lines[2][0] == "dynamic" and 35 < float(lines[2][1]) < 60 and lines[2][-1] == "yes"
    assert "proven on 64 samples; dynamic is in use: saved_models/grey/lite/dynamic.tflite" in out
    assert "next: cvapp sample grey; cvapp export grey --use V takes another" in out
    assert load(here / "grey").variant == "dynamic"


def test_difference_and_decibels_are_those_of_a_pencil():
    """0.02 off everywhere is 20 log10(2 / 0.02) = 40 dB; two of four pictures off, a half of the square: 43.0103."""
    reference = np.zeros((4, 2, 2, 1), np.float32)
    whole = generated.compare(reference + np.float32(0.02), reference)
    assert (whole.psnr, whole.lowest_psnr) == (pytest.approx(40, abs=1e-4), pytest.approx(40, abs=1e-4))
    assert (whole.largest_difference, whole.mean_difference) == (pytest.approx(0.02), pytest.approx(0.02))
    some = reference.copy()
    some[:2] = 0.02
    half = generated.compare(some, reference)
    assert (half.psnr, half.lowest_psnr, half.mean_difference) == (
        pytest.approx(43.0103, abs=1e-4),
        pytest.approx(40, abs=1e-4),
        pytest.approx(0.01),
    )
    assert generated.compare(reference, reference).psnr == pytest.approx(20 * np.log10(2e6))


@pytest.mark.parametrize(
    "variant, off, reasons",
    [
        ("float32", 0.99e-4, []),
        ("float32", 1.1e-4, ["a number differs by 0.000110 (at most 0.0001)"]),
        ("int8", 0.063, []),  # 30.03 dB
        ("int8", 0.064, ["makes pictures with a signal-to-noise ratio of 29.9 dB to Keras' (at least 30 dB)"]),
        ("float16", 0.2, ["makes pictures with a signal-to-noise ratio of 20.0 dB to Keras' (at least 30 dB)"]),
    ],
)
def test_the_gate_lets_pass_what_is_near(variant, off, reasons):
    reference = np.zeros((4, 2, 2, 1), np.float32)
    assert generated.failures(generated.compare(reference + np.float32(off), reference), variant) == reasons


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_single_number_that_is_none_fails(variant, number):
    reference = np.zeros((64, 20, 20, 1), np.float32)
    values = reference.copy()
    values[3, 4, 5] = number
    seen = generated.compare(values, reference)
    assert generated.failures(seen, variant) == ["answers 1 numbers that are none (NaN or infinite)"]
    assert all(np.isfinite(value) for value in dataclasses.astuple(seen)), "export.json is JSON"


def altered(weight, change):
    """The tiny network with one of its weights changed."""
    model = tiny_network()
    variable = next(one for one in model.variables if one.path == weight)
    variable.assign(change(variable.numpy()))
    return model


def test_a_file_with_altered_weights_fails_and_replaces_nothing(here, monkeypatch):
    before = {path.name: path.read_bytes() for path in (here / "grey/lite").iterdir()}
    honest, other = exporting.variants.make, altered("picture/kernel", lambda kernel: 1.01 * kernel)
    monkeypatch.setattr(exporting.variants, "make", lambda model, name, place: honest(other, name, place))
    with pytest.raises(CvappError, match=r"^float32 a number differs by 0\.\d+ \(at most 0\.0001\): nothing was published$") as error:
        export(here / "grey", wishes=Export(variants=("float32",)))
    assert error.value.code == Exit.GATE
    assert {path.name: path.read_bytes() for path in (here / "grey/lite").iterdir()} == before


def test_another_variant_that_fails_is_listed_with_its_reason(here, monkeypatch):
    honest, other = exporting.variants.make, altered("picture/kernel", lambda kernel: 0.5 * kernel)
    monkeypatch.setattr(
        exporting.variants, "make", lambda model, name, place: honest(other if name == "float16" else model, name, place / f"of {name}")
    )

    def refuse(*_):
        raise CvappError("int8: TensorFlow's quantiser refused the model (it is odd)", Exit.GATE)

    monkeypatch.setattr(exporting, "quantise", refuse)
    made = export(here / "grey", wishes=Export(variants=("float32", "float16", "int8")), use="smallest")
    assert [name for name, row in made["variants"].items() if row["published"]] == ["float32"] == [made["chosen"]]
    assert re.match(
        r"makes pictures with a signal-to-noise ratio of \d+\.\d dB to Keras' \(at least 30 dB\)", made["variants"]["float16"]["reasons"][0]
    )
    assert made["variants"]["int8"] == {
        "published": False,
        "reasons": ["could not be made (int8: TensorFlow's quantiser refused the model (it is odd))"],
    }
    assert {path.name for path in (here / "grey/lite").iterdir()} == {"float32.tflite", "labels.txt", "golden.npz", "export.json"}
    assert json.loads((here / "grey/lite/export.json").read_text()) == made and load(here / "grey").variant == "float32"


def test_what_is_wrong_with_the_disk_is_no_reason_to_go_on(here, monkeypatch):
    def full(*_):
        raise CvappError("no room", Exit.CANNOT_WRITE)

    monkeypatch.setattr(exporting, "quantise", full)
    with pytest.raises(CvappError, match="^no room$"):
        export(here / "grey", wishes=Export(variants=("float32", "int8")))


DEAD = {
    "no noise gets in": (
        ("grow_1/kernel", lambda kernel: 0 * kernel),
        r"the generator answers alike for any noise \(.* differ by 0\.0000 at most\)",
    ),
    "all is white": (("grow_2_norm/beta", lambda beta: beta + 1e6), r"the generator answers alike for any noise \(.*\)"),
    "numbers that are none": (
        ("picture/kernel", lambda kernel: np.nan * kernel),
        r"the generator answers numbers that are none \(NaN or infinite\)",
    ),
}


@pytest.mark.parametrize("death", DEAD)
def test_a_dead_generator_is_refused(tmp_path, death):
    change, line = DEAD[death]
    save_generator(tmp_path / "dead", model=altered(*change))
    with pytest.raises(CvappError, match=f"dead: {line}; train it") as error:
        export(tmp_path / "dead")
    assert error.value.code == Exit.GATE and not (tmp_path / "dead/lite").exists()


def test_a_generator_that_hears_the_class_alone_is_dead(tmp_path):
    model = tiny_network(32, 3)
    kernel = next(one for one in model.variables if one.path == "grow_1/kernel")
    deaf = kernel.numpy()
    deaf[..., :8] = 0  # the noise stands first
    kernel.assign(deaf)
    assert np.ptp(model(inputs(6, 3)).numpy(), 0).max() > 0.5, "the classes differ"
    save_generator(tmp_path / "deaf", 32, True, model)
    with pytest.raises(CvappError, match="the generator answers alike for any noise"):
        export(tmp_path / "deaf")


def test_photos_are_not_wanted(made):
    with pytest.raises(CvappError, match="^photos: grey is a generator, which is proven on noise; name no photos$") as error:
        export(made[0] / "grey", "photos")
    assert error.value.code == Exit.USAGE


def unpack(folder, place, variant=None):
    """Hand over, and unpack at a place: the model's folder there, and its README."""
    found = hand_over(folder, place / "out.zip", variant)
    with zipfile.ZipFile(found["zip"]) as archive:
        archive.extractall(place)
    return place / folder.name, (place / folder.name / "README.md").read_text(encoding="utf-8")


def snippet(readme):
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    return code


@pytest.mark.parametrize("name, variant, words", [("grey", "int8", ["5"]), ("colour", None, []), ("colour", "int8", ["5", "shirt / top"])])
def test_the_code_of_the_readme_makes_the_samples_of_cvapp_without_tensorflow(made, tmp_path, name, variant, words):
    there, readme = unpack(made[0] / name, tmp_path, variant)
    bundle = load(made[0] / name, variant)
    done = subprocess.run([sys.executable, "-c", BLOCKED + snippet(readme), *words], cwd=there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.stack([images.read(there / f"sample-{number:02}.png") for number in range(1, 17)])
    seed, label = int(words[0]) if words else 0, words[1] if words[1:] else None
    np.testing.assert_array_equal(found, bundle.sample(16, seed, label))
    assert not np.array_equal(found, bundle.sample(16, seed + 1, label))
    assert not (there / "sample-17.png").exists()


def test_what_is_handed_over_samples_and_verifies_elsewhere(made, tmp_path):
    there, readme = unpack(made[0] / "colour", tmp_path, "int8")
    assert sorted(path.name for path in (there / "lite").iterdir()) == ["export.json", "golden.npz", "int8.tflite", "labels.txt"]
    program = BLOCKED + "from cvapp.cli import main\nsys.exit(main(sys.argv[1:]))"
    for words, said in (
        (["verify", "."], "answers to 16 golden samples are as exported"),
        (["sample", ".", "--count", "5"], "wrote colour.png: 5 pict"),
    ):
        done = subprocess.run([sys.executable, "-c", program, *words], cwd=there, capture_output=True, text=True)
        assert done.returncode == 0 and said in done.stdout, done.stderr
    grid = images.read(there / "colour.png")
    assert grid.std() > 20
    row = json.loads((there / "lite/export.json").read_text())["variants"]["int8"]
    assert (
        f"signal-to-noise ratio {row['psnr']:.1f} dB" in readme
        and "`lite/int8.tflite` makes pictures of the class that is asked for, one of these 3" in readme
    )
    assert "8 numbers of a normal distribution" in readme and "behind them 3, a 1 at the place" in readme and "float32 (1, 11)" in readme
    assert "it replays the noise in" in readme and "photo" not in readme.lower()


def test_the_code_is_for_this_model(tmp_path):
    plain, asked = (cards.read(save_exported(tmp_path / name, conditional=name == "asked")) for name in ("plain", "asked"))
    assert "labels" not in litert(plain, "dynamic") and "labels.txt" in litert(asked, "dynamic")
    for card in (plain, asked):
        code = litert(card, "dynamic")
        assert "LATENT, COUNT = 8, 16" in code and "lite/dynamic.tflite" in code and "$" not in code
        compile(code, "snippet", "exec")


def test_keras_runs_one_that_was_not_exported(here, capsys):
    shutil.rmtree(here / "grey/lite")
    expected = load(here / "grey").sample(5, 2)
    code, out, err = run(capsys, "sample", "grey", "--count", "5", "--seed", "2", "--out", "pics", "--json")
    assert code == 0 and json.loads(out)["variant"] == "keras" and "grey was not exported, so Keras runs it" in err
    np.testing.assert_array_equal(np.stack([images.read(f"pics/000{number}.png") for number in range(1, 6)]), expected)
    assert run(capsys, "sample", "grey", "--variant", "int8")[2].startswith(
        "cvapp: saved_models/grey was not exported, so it has no variant 'int8'"
    )
    assert run(capsys, "verify", "grey")[0] == Exit.USAGE
    assert not Path("grey.png").exists()
