"""Two commands that write one saved model, started at random moments of each other: no model is lost, and the second is told at once."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cvapp import card as cards
from cvapp.errors import Exit

TRIES = 20
SLOWEST = 5.0  # seconds in which the second is told, on a loaded machine
TRAIN = ["train", "--data", "photos", "--name", "mine", "--epochs", "40", "--set", "train.patience=40"]
EXPORT = ["export", "mine", "--set", "export.variants=float32", "--set", "export.min_agreement=0.5", "--set", "export.max_drop=50"]

# Both commands of a try are forked from a process that has TensorFlow loaded but not used. Reports are left out, they take longer than the rest.
CODE = """
import json, os, random, sys, time
from cvapp import cli
from cvapp.export import export
from cvapp.training import classify

classify.reports.write = lambda *_: None

def start(words):
    begun, child = time.monotonic(), os.fork()
    if child == 0:
        said = os.open("said-" + str(os.getpid()), os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1), os.dup2(said, 2)
        os._exit(cli.main(words))
    return child, begun

def ended(child, begun):
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, time.monotonic() - begun, open("said-" + str(child)).read().strip().splitlines()[-1]

first, second, tries, seed = json.loads(sys.argv[1])
rng = random.Random(seed)
code, whole, said = ended(*start(first))
print(json.dumps([code, whole, said]), flush=True)
for _ in range(tries):
    one = start(first)
    time.sleep(rng.uniform(0, 0.95 * whole))
    other = ended(*start(second))
    print(json.dumps([ended(*one), other]), flush=True)
    input()
"""


def check_whole(folder: Path) -> None:
    """A model of which each file is what its card, or its export, says."""
    card = cards.read(folder)
    for name in card.files:
        cards.check_file(card, folder, name)
    if (folder / "lite").exists():
        made = json.loads((folder / "lite" / "export.json").read_text())
        assert made["model"] == card.files["model.keras"] and (folder / "lite" / "float32.tflite").is_file()
    assert not list(folder.glob(".*")), "nothing is left inside"


@pytest.mark.slow
@pytest.mark.parametrize("first, second", [(TRAIN, TRAIN), (TRAIN, EXPORT), (EXPORT, TRAIN), (EXPORT, EXPORT)], ids=lambda words: words[0])
def test_the_second_is_told_at_once_and_no_model_is_lost(first, second, home, photos, tiny_module):
    shutil.copytree(photos, home / "photos")
    module = ["--set", f"model.handle={tiny_module}"]
    plan = [*([*words, *(module if words is TRAIN else ())] for words in (first, second)), TRIES, repr((first, second))]
    with subprocess.Popen([sys.executable, "-c", CODE, json.dumps(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        code, whole, said = json.loads(run.stdout.readline())
        assert code == 0, said
        told = []
        for _ in range(TRIES):
            one, other = json.loads(run.stdout.readline())
            assert 0 in (one[0], other[0]), (one, other)
            for code, seconds, said in (one, other):  # started together, either may be the second
                if code:
                    assert code == Exit.USAGE and re.match(r"cvapp: .*mine is being written by process \d+ since .*: wait", said), said
                    told.append(seconds)
            check_whole(home / "saved_models" / "mine")
            assert not list((home / "saved_models").glob(".mine*"))
            run.stdin.write("\n")
            run.stdin.flush()
    print(f"{len(told)} of {TRIES} seconds were told, in {min(told):.2f} to {max(told):.2f} s; alone, the first takes {whole:.1f} s")
    assert max(told) < SLOWEST
