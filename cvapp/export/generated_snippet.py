"""What is handed over with an exported generator: what it takes and makes, and code that uses it without cvapp."""

from string import Template
from typing import Any, Mapping

from cvapp.bundle import latent_of
from cvapp.card import Card

_FILE = "sample_litert.py"
_CODE = Template("""\
import sys
$imports
import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

LATENT, COUNT = $latent, 16  # numbers of noise a picture is made of; pictures to make
seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0  # another seed, other pictures
rows = np.random.default_rng(seed).standard_normal((COUNT, LATENT)).astype(np.float32)
$asked
interpreter = Interpreter("lite/$variant.tflite")
interpreter.allocate_tensors()
source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
for number, row in enumerate(rows, 1):
    interpreter.set_tensor(source["index"], row[None])
    interpreter.invoke()
    values = interpreter.get_tensor(target["index"])[0]  # height, width, channels; -1 to 1
    picture = np.rint((values + 1) * 127.5).clip(0, 255).astype(np.uint8)
    cv2.imwrite(f"sample-{number:02}.png", picture[..., ::-1])  # OpenCV writes blue, green, red
""")
_ASKED = """\
labels = Path("lite/labels.txt").read_text(encoding="utf-8").splitlines()
if len(sys.argv) > 2:
    classes = np.full(COUNT, labels.index(sys.argv[2]))  # all of one class
else:
    classes = np.arange(COUNT) % len(labels)  # all classes in turn
rows = np.concatenate([rows, np.eye(len(labels), dtype=np.float32)[classes]], 1)
"""


def litert(card: Card, variant: str) -> str:
    """Python with LiteRT, NumPy and OpenCV, run in the unpacked folder: writes 16 pictures, those that `cvapp sample` makes of the same seed."""
    latent, classes = latent_of(card)
    imports, asked = ("from pathlib import Path\n", _ASKED) if classes else ("", "")
    return _CODE.substitute(latent=latent, imports=imports, asked=asked, variant=variant)


def part(card: Card, variant: str) -> tuple[str, str, str, str]:
    """The piece of code in the README: a heading, what to do with it, its language, the code."""
    words = f"[SEED{' [CLASS]' if latent_of(card)[1] else ''}]"
    told = (
        f"`pip install ai-edge-litert numpy opencv-python`. Save it in this folder as `{_FILE}`, then `python {_FILE} {words}`: it writes "
        "`sample-01.png` to `sample-16.png`, the same that `cvapp sample` makes of the seed. (MediaPipe's tasks know no such models.)"
    )
    return "Python with LiteRT", told, "python", litert(card, variant)


def does(card: Card) -> str:
    """What the model is for, before the list of the labels."""
    if latent_of(card)[1]:
        return f"makes pictures of the class that is asked for, one of these {len(card.labels)}"
    return f"makes pictures from noise, like the photos that it learnt from; those were of {len(card.labels)} classes"


def facts(card: Card, row: Mapping[str, Any]) -> list[str]:
    """What a person needs to know of it, and how its pictures compare with those of the Keras model; `row` is the variant's."""
    latent, classes = latent_of(card)
    height, width = card.images.size or (0, 0)
    behind = f"; behind them {classes}, a 1 at the place of the class that is asked for and 0 at the others" if classes else ""
    found = [
        f"Noise: {latent} numbers of a normal distribution with mean 0 and standard deviation 1{behind}. In all, float32 (1, {latent + classes}).",
        f"Picture: {width} x {height} pixels (width x height), float32 (1, height, width, channels) from -1 (black) to 1 (white); 3 channels are "
        "RGB, 1 is grey.",
    ]
    if "psnr" in row:
        found.append(
            f"Beside the Keras model, given the same noise ({row['samples']} samples): signal-to-noise ratio {row['psnr']:.1f} dB, largest "
            f"difference {row['largest_difference']:.6f} of values from -1 to 1."
        )
    return found
