"""The tables of a .tflite's metadata, written and read: of a classifier and a detector, which take pictures, and a generator, which makes them.

Tables, their fields and numbers are those of the public schema of TFLite metadata, 1.5.0 (metadata_schema.fbs); MediaPipe's tasks,
ML Kit and Android Studio read them.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Iterator, Sequence

import numpy as np

from cvapp.bundle import LABELS
from cvapp.proof.flatbuffer import Fields, Table

OLDEST_PARSER = "1.0.0"  # every field used here was in the schema's first version
WINDOWS = "For each window of the picture what it shows, and where; card.json says how to read it."
NOISE = "Numbers of N(0, 1); behind them, where the model takes one, a 1 at the place of the class that is asked for, 0 at the others."
METADATA_KIND = b"M001"
_COLOR_SPACES = {"RGB": 1, "GRAYSCALE": 2}
_IMAGE, _FEATURE = np.uint8(2), np.uint8(1)  # kinds of content
_NORMALIZATION, _THRESHOLDING = np.uint8(1), np.uint8(3)  # kinds of processing
_AXIS_LABELS, _DESCRIPTIONS = np.int8(2), np.int8(1)  # kinds of file: what the numbers along an axis stand for; a text
# fields of the metadata's tables
_Info = IntEnum("_Info", "NAME DESCRIPTION VERSION SUBGRAPHS AUTHOR LICENCE FILES PARSER", start=0)
_Ports = IntEnum("_Ports", "NAME DESCRIPTION INPUTS OUTPUTS", start=0)
_Port = IntEnum("_Port", "NAME DESCRIPTION DIMENSIONS CONTENT UNITS STATS FILES", start=0)
_Choice = IntEnum("_Choice", "KIND VALUE", start=0)  # a Content, a ProcessUnit
_Image = IntEnum("_Image", "COLOR_SPACE SIZE", start=0)
_Size = IntEnum("_Size", "WIDTH HEIGHT", start=0)
_Scale = IntEnum("_Scale", "MEAN DEVIATION", start=0)
_Stats = IntEnum("_Stats", "MAX MIN", start=0)
_File = IntEnum("_File", "NAME DESCRIPTION KIND", start=0)


@dataclass(frozen=True)
class Metadata:
    """What a .tflite says of itself.

    Args:
        name: of the model.
        description: one line.
        version: of the model.
        author: who made it.
        licence: of the model, its backbone's weights included.
        labels: in the order of the outputs.
        threshold: probability under which a score is no answer; kept as float32.
        mean: of the normalisation (value - mean) / deviation; the graph takes bytes 0..255, so 0.
        deviation: see mean; 1.
        color_space: `RGB` or `GRAYSCALE`.
        maps: whether it answers for many windows of a picture, boxes among the numbers. Not read back.
        makes: whether it makes pictures, values -1..1, of noise; the labels are of the photos that it learnt from then.
    """

    name: str
    description: str
    version: str
    author: str
    licence: str
    labels: tuple[str, ...]
    threshold: float
    mean: float = 0.0
    deviation: float = 1.0
    color_space: str = "RGB"
    maps: bool = False
    makes: bool = False


def tables(metadata: Metadata, shape: Sequence[float]) -> Fields:
    """The metadata's tables.

    Args:
        metadata: what they say.
        shape: of the picture that the model takes, or that a generator makes: (1, height, width, channels).
    """
    source, target = _making(metadata, shape) if metadata.makes else _seeing(metadata, shape)
    named = [{_File.NAME: LABELS, _File.DESCRIPTION: "One label a line.", _File.KIND: _DESCRIPTIONS if metadata.makes else _AXIS_LABELS}]
    return {
        _Info.NAME: metadata.name,
        _Info.DESCRIPTION: metadata.description,
        _Info.VERSION: metadata.version,
        _Info.SUBGRAPHS: [{_Ports.INPUTS: [source], _Ports.OUTPUTS: [{**target, _Port.FILES: named}]}],
        _Info.AUTHOR: metadata.author,
        _Info.LICENCE: metadata.licence,
        _Info.PARSER: OLDEST_PARSER,
    }


def _seeing(metadata: Metadata, shape: Sequence[float]) -> tuple[dict[int, Any], dict[int, Any]]:
    """What goes in and out of a model that looks at a picture."""
    scale = {_Scale.MEAN: _floats(metadata.mean), _Scale.DEVIATION: _floats(metadata.deviation)}
    source: dict[int, Any] = {
        _Port.NAME: "image",
        _Port.DESCRIPTION: "The picture, bytes 0 to 255.",
        _Port.CONTENT: _picture(metadata.color_space, shape),
        _Port.UNITS: [{_Choice.KIND: _NORMALIZATION, _Choice.VALUE: scale}],
        _Port.STATS: {_Stats.MAX: _floats(255), _Stats.MIN: _floats(0)},
    }
    target: dict[int, Any] = {
        _Port.NAME: "windows" if metadata.maps else "probability",
        _Port.DESCRIPTION: WINDOWS if metadata.maps else "How sure the model is of each label, 0 to 1.",
        _Port.CONTENT: {_Choice.KIND: _FEATURE, _Choice.VALUE: {}},
        _Port.UNITS: [{_Choice.KIND: _THRESHOLDING, _Choice.VALUE: {0: np.float32(metadata.threshold)}}],
        _Port.STATS: {_Stats.MAX: _floats(1), _Stats.MIN: _floats(0)},
    }
    return source, target


def _making(metadata: Metadata, shape: Sequence[float]) -> tuple[dict[int, Any], dict[int, Any]]:
    """What goes in and out of a generator."""
    source: dict[int, Any] = {_Port.NAME: "noise", _Port.DESCRIPTION: NOISE, _Port.CONTENT: {_Choice.KIND: _FEATURE, _Choice.VALUE: {}}}
    target: dict[int, Any] = {
        _Port.NAME: "picture",
        _Port.DESCRIPTION: "The picture, -1 (black) to 1 (white).",
        _Port.CONTENT: _picture(metadata.color_space, shape),
        _Port.STATS: {_Stats.MAX: _floats(1), _Stats.MIN: _floats(-1)},
    }
    return source, target


def _picture(color_space: str, shape: Sequence[float]) -> Fields:
    """The content of a picture."""
    height, width = (np.uint32(side) for side in shape[1:3])
    image = {_Image.COLOR_SPACE: np.int8(_COLOR_SPACES[color_space]), _Image.SIZE: {_Size.WIDTH: width, _Size.HEIGHT: height}}
    return {_Choice.KIND: _IMAGE, _Choice.VALUE: image}


def _floats(value: float) -> np.ndarray:
    """One number as the list that the schema wants."""
    return np.array([value], "<f4")


def untabled(data: bytes) -> tuple[Metadata, str]:
    """What tables say, their labels left out, and the name of the file that holds those; whatever is wrong is a ValueError."""
    info = Table.root(data, METADATA_KIND)
    ports = info.only(_Info.SUBGRAPHS)
    source, target = ports.only(_Ports.INPUTS), ports.only(_Ports.OUTPUTS)
    makes = bool(source.table(_Port.CONTENT).number(_Choice.KIND, "B") == _FEATURE)
    mean, deviation, threshold = (0.0, 1.0, 0.0) if makes else _numbers(source, target)
    color = int(_choice(iter([(target if makes else source).table(_Port.CONTENT)]), _IMAGE).number(_Image.COLOR_SPACE, "b"))
    if color not in _COLOR_SPACES.values():
        raise ValueError(f"colour space {color} is unknown")
    said = Metadata(
        name=info.text(_Info.NAME),
        description=info.text(_Info.DESCRIPTION),
        version=info.text(_Info.VERSION),
        author=info.text(_Info.AUTHOR),
        licence=info.text(_Info.LICENCE),
        labels=(),
        threshold=threshold,
        mean=mean,
        deviation=deviation,
        color_space=next(name for name, number in _COLOR_SPACES.items() if number == color),
        makes=makes,
    )
    return said, target.only(_Port.FILES).text(_File.NAME)


def _numbers(source: Table, target: Table) -> tuple[float, float, float]:
    """Mean, deviation and threshold of a model that looks at a picture."""
    scale = _choice(source.tables(_Port.UNITS), _NORMALIZATION)
    (mean,), (deviation,) = scale.numbers(_Scale.MEAN, "f"), scale.numbers(_Scale.DEVIATION, "f")
    threshold = float(_choice(target.tables(_Port.UNITS), _THRESHOLDING).number(0, "f"))
    if not (math.isfinite(mean) and 0 < deviation < math.inf and 0 <= threshold <= 1):
        raise ValueError(f"threshold {threshold:g}, mean {mean:g} or deviation {deviation:g} is out of range")
    return mean, deviation, threshold


def _choice(tables: Iterator[Table], kind: np.uint8) -> Table:
    """What the first table of a kind holds."""
    for table in tables:
        if table.number(_Choice.KIND, "B") == kind:
            return table.table(_Choice.VALUE)
    raise ValueError(f"nothing of kind {kind}")
