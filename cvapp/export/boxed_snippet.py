"""Code that uses an exported detector without cvapp, written out for one model: its canvas, its windows, its way of fitting a photo."""

from string import Template

from cvapp.card import NOTHING, Card
from cvapp.export.snippets import PYTHON_FIT, PYTHON_READ, PYTHON_RESIZE
from cvapp.windows import BOX, lay_out
from cvapp.windows.decode import places
from cvapp.windows.merging import LINKED

_CODE = Template("""\
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

HEIGHT, WIDTH, THRESHOLD, OVERLAP = $height, $width, $threshold, $overlap
CANVAS = $canvas  # (height, width): the picture at every scale
LEVELS = [  # top, left, height and width of the picture there; row and column of its first cell, how many there are, the first window's corner
$levels
]
WINDOW, STRIDE = $window, $stride  # (height, width) of a cell's window, and from one to the next


$resize

$fit

def iou(box, boxes):
    shared = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = shared.clip(0).prod(1)
    return both / np.maximum((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - both, 1e-9)


$read
canvas = np.zeros((*CANVAS, 3), np.uint8)
for top, left, height, width, *_ in LEVELS:
    canvas[top : top + height, left : left + width] = picture if picture.shape[:2] == (height, width) else $shrink
interpreter = Interpreter("lite/$variant.tflite")
interpreter.allocate_tensors()
source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(source["index"], canvas[None])
interpreter.invoke()
maps = interpreter.get_tensor(target["index"])[0].astype(np.float32)
if target["dtype"] == np.uint8:
    scale, zero = target["quantization"]
    maps = (maps - zero) * np.float32(scale)

found = []  # score, class, box in the picture
for top, left, height, width, row, column, rows, columns, y, x in LEVELS:
    cells = maps[row : row + rows, column : column + columns]
    scores = $scores
    for i, j, label in zip(*np.nonzero(scores >= max(THRESHOLD, 1e-6))):
        $place
        box = [middle_x - wide / 2, middle_y - high / 2, middle_x + wide / 2, middle_y + high / 2]
        box = (np.array(box) - [left, top, left, top]) * [WIDTH / width, HEIGHT / height] * 2
        box = box.clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        if box[2] > box[0] and box[3] > box[1]:
            found.append((float(scores[i, j, label]), int(label), box))
found = sorted(found, key=lambda one: -one[0])[:1000]
$merge
labels = Path("lite/labels.txt").read_text(encoding="utf-8").splitlines()
kept = []
for score, label, box in found:  # the surest first; those of its class that overlap it are the same object
    if all(label != other or iou(box, known[None])[0] <= OVERLAP for _, other, known in kept):
        kept.append((score, label, box))
for score, label, box in kept[:300]:
    print(labels[label], f"{score:.4f}", *(f"{edge:.1f}" for edge in to_photo(box)))
""")
