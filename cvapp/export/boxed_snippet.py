"""Code that uses an exported detector without cvapp, written out for one model: its canvas, its windows, its way of fitting a photo."""

from string import Template

from cvapp.card import Card
from cvapp.export.snippets import PYTHON_FIT, PYTHON_READ, PYTHON_RESIZE
from cvapp.windows import BOX, lay_out
from cvapp.windows.decode import MOST, SHOWN, places
from cvapp.windows.merging import LINKED

_BACK = {
    "crop": """\
def to_photo(box):  # left, top, right, bottom in the model's picture -> in the photo
    rows, columns = bgr.shape[:2]
    scale = min(rows / HEIGHT, columns / WIDTH)
    height, width = max(1, round(scale * HEIGHT)), max(1, round(scale * WIDTH))
    top, left = (rows - height) // 2, (columns - width) // 2
    return (box * ([width / WIDTH, height / HEIGHT] * 2) + [left, top] * 2).clip(0, [columns, rows] * 2)
""",
    "letterbox": """\
def to_photo(box):  # left, top, right, bottom in the model's picture -> in the photo
    rows, columns = bgr.shape[:2]
    scale = min(HEIGHT / rows, WIDTH / columns)
    height, width = max(1, round(scale * rows)), max(1, round(scale * columns))
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    return ((box - [left, top] * 2) * ([columns / width, rows / height] * 2)).clip(0, [columns, rows] * 2)
""",
    "stretch": """\
def to_photo(box):  # left, top, right, bottom in the model's picture -> in the photo
    rows, columns = bgr.shape[:2]
    return (box * ([columns / WIDTH, rows / HEIGHT] * 2)).clip(0, [columns, rows] * 2)
""",
}
_REFINED = """\
        across, down, high, wide = cells[i, j, 1:5] * [WINDOW[1], WINDOW[0], *WINDOW]  # the box in its window"""
_MIDDLE = Template("""\
        across, down, high, wide = WINDOW[1] / 2, WINDOW[0] / 2, $fill * WINDOW[0], $fill * WINDOW[1]  # the window's middle""")
_MERGE = Template("""\


def merge(found):  # boxes of one class that hang together show one object: their mean, weighted by score
    merged = []
    while found:
        group, found = found[:1], found[1:]
        for _, label, box in group:  # it grows meanwhile
            linked = iou(box, np.array([other for _, _, other in found]).reshape(-1, 4)) >= $linked
            group += [one for one, near in zip(found, linked) if near and one[1] == label]
            found = [one for one, near in zip(found, linked) if not near or one[1] != label]
        scores = [score for score, _, _ in group]
        merged.append((max(scores), group[0][1], np.average([box for _, _, box in group], 0, scores)))
    return sorted(merged, key=lambda one: -one[0])
""")
_CODE = Template("""\
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

HEIGHT, WIDTH, THRESHOLD, OVERLAP = $height, $width, $threshold, $overlap
CANVAS, WINDOW, STRIDE = $canvas, $window, $stride  # (height, width): what the model takes, a cell's window, its step
LEVELS = [  # of each scale: top, left, height, width; first row and column of its cells, how many; the first window's top, left
$levels
]


$resize

$fit

$back

def iou(box, boxes):
    shared = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(1)
    return shared / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared)
$merge

$read
canvas = np.zeros((*CANVAS, 3), np.uint8)
for top, left, height, width, *_ in LEVELS:
    canvas[top : top + height, left : left + width] = $shrink(picture, height, width)
interpreter = Interpreter("lite/$variant.tflite")
interpreter.allocate_tensors()
source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(source["index"], canvas[None])
interpreter.invoke()
maps = interpreter.get_tensor(target["index"])[0].astype(np.float32)
if target["dtype"] == np.uint8:
    scale, zero = target["quantization"]
    maps = (maps - zero) * np.float32(scale)

found = []  # score, class, and the box in the model's picture
for top, left, height, width, row, column, rows, columns, first_y, first_x in LEVELS:
    cells = maps[row : row + rows, column : column + columns]
    scores = $scores
    for i, j, label in zip(*np.nonzero(scores >= max(THRESHOLD, 1e-6))):
$place
        x, y, high, wide = first_x + STRIDE[1] * j + across, first_y + STRIDE[0] * i + down, max(high, 0), max(wide, 0)
        box = np.array([x - wide / 2 - left, y - high / 2 - top, x + wide / 2 - left, y + high / 2 - top])
        box = (box * ([WIDTH / width, HEIGHT / height] * 2)).clip(0, [WIDTH, HEIGHT] * 2)
        if $counts:
            found.append((float(scores[i, j, label]), int(label), box))
found = $found
kept = []
for score, label, box in found:  # the surest first; what overlaps it by more shows the same object
    rivals = np.array([known for _, other, known in kept if other == label]).reshape(-1, 4)
    if not (iou(box, rivals) > OVERLAP).any():
        kept.append((score, label, box))
labels = Path("lite/labels.txt").read_text(encoding="utf-8").splitlines()
for score, label, box in kept[:$shown]:
    left, top, right, bottom = to_photo(box)
    if right > left and bottom > top:
        print(labels[label], f"{score:.4f}", f"{left:.1f} {top:.1f} {right:.1f} {bottom:.1f}")
""")


def litert(card: Card, variant: str) -> str:
    """Python with LiteRT, NumPy and OpenCV, run in the unpacked folder: what the photo of its argument shows, a line for each box.

    A line is the label, the score, and left, top, right, bottom in the photo's pixels.
    """
    scan, images = card.scan, card.images
    assert scan is not None and images.size is not None  # of a detector
    (height, width), area = images.size, PYTHON_RESIZE["area"]
    alone = images.resize == "area"
    surest = f"sorted(found, key=lambda one: -one[0])[:{MOST}]"
    inside = "box[2] > box[0] and box[3] > box[1]"
    return _CODE.substitute(
        {"height": height, "width": width, "threshold": card.threshold, "overlap": card.recipe.detect.overlap, "variant": variant},
        canvas=card.input_size,
        window=scan.windows.size,
        stride=scan.windows.stride,
        levels=_levels(card),
        resize=area if alone else f"{PYTHON_RESIZE[images.resize]}\n\n{area.replace('resize', 'average', 1)}",
        shrink="resize" if alone else "average",
        fit=PYTHON_FIT[images.fit],
        back=_BACK[images.fit],
        read=PYTHON_READ,
        merge="" if scan.refined else _MERGE.substitute(linked=LINKED),
        scores=_scores(card),
        place=_REFINED if scan.refined else _MIDDLE.substitute(fill=scan.fill),
        counts=inside if scan.refined else f"{inside} and label not in {card.nothing}" if card.nothing else inside,
        found=surest if scan.refined else f"merge({surest})",
        shown=SHOWN,
    )


def _scores(card: Card) -> str:
    """The scores (rows, columns, classes) of some cells."""
    assert card.scan is not None
    return f"cells[..., :1] * cells[..., {BOX}:{BOX + len(card.labels)}]" if card.scan.refined else f"cells[..., :{len(card.labels)}]"


def _levels(card: Card) -> str:
    """A line of numbers for each level of the pyramid."""
    scan, size = card.scan, card.images.size
    assert scan is not None and size is not None
    lines = []
    for tile in lay_out(scan, size)[0]:
        (row, column), windows = places(scan, tile)
        inner = tuple(side - 2 * scan.margin for side in tile.size)
        first = tuple(int(edge) for edge in windows[0, 0, [1, 0]])
        lines.append(f"    {(tile.top + scan.margin, tile.left + scan.margin, *inner, row, column, *windows.shape[:2], *first)},")
    return "\n".join(lines)
