"""What a .tflite says of itself, so that other programs need nothing but the file: labels, threshold, picture, licence.

Tables, their fields and numbers are those of the public schema of TFLite metadata, 1.5.0 (metadata_schema.fbs); MediaPipe's tasks,
ML Kit and Android Studio read them. The tables lie in a buffer of the model, found under the name TFLITE_METADATA; the label file
is zipped behind the model.
"""

import io
import math
import zipfile
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Any, Iterator

import numpy as np

from cvapp.bundle import LABELS
from cvapp.errors import CvappError, Exit
from cvapp.proof.flatbuffer import Fields, Kept, Table, build

ENTRY = "TFLITE_METADATA"
OLDEST_PARSER = "1.0.0"  # every field used here was in the schema's first version
WINDOWS = "For each window of the picture what it shows, and where; card.json says how to read it."
LARGEST_LABELS = 1 << 20  # bytes; a label file beyond that is not ours
_MODEL_KIND, _METADATA_KIND = b"TFL3", b"M001"
_COLOR_SPACES = {"RGB": 1, "GRAYSCALE": 2}
_IMAGE, _FEATURE = np.uint8(2), np.uint8(1)  # kinds of content
_NORMALIZATION, _THRESHOLDING = np.uint8(1), np.uint8(3)  # kinds of processing
_AXIS_LABELS = np.int8(2)  # kind of file: what the numbers along an axis stand for

# fields of the model's own tables, by their number in the schema
_Model = IntEnum("_Model", "VERSION CODES SUBGRAPHS DESCRIPTION BUFFERS METADATA_BUFFER METADATA SIGNATURES GROUPS EXTERNAL", start=0)
_Graph = IntEnum("_Graph", "TENSORS INPUTS", start=0)
_Entry = IntEnum("_Entry", "NAME BUFFER", start=0)
_SHAPE = _DATA = 0  # of a tensor; of a buffer
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


def write(model: bytes, metadata: Metadata) -> bytes:
    """The model with its metadata inside; metadata that it had are replaced.

    New tables come before the model and the label file behind it; not one byte of the model itself is changed, and what is aligned
    in it stays aligned. The same model and metadata give the same bytes.

    Raises:
        ValueError: not a .tflite.
    """
    model = _bare(model)
    root = Table.root(model, _MODEL_KIND)
    graph = next(root.tables(_Model.SUBGRAPHS))
    picture = next(islice(graph.tables(_Graph.TENSORS), int(graph.numbers(_Graph.INPUTS, "i")[0]), None))
    _, height, width, _ = picture.numbers(_SHAPE, "i")
    buffers = [Kept(table.place) for table in root.tables(_Model.BUFFERS)]
    entries = [Kept(table.place) for table in root.tables(_Model.METADATA) if table.text(_Entry.NAME) != ENTRY]
    tables = build(_tables(metadata, (height, width)), _METADATA_KIND)
    # the buffer comes first, so that it is the last before the model: _bare finds the model by it
    fields: dict[int, Any] = {_Model.BUFFERS: [*buffers, {_DATA: tables}]}
    fields[_Model.METADATA] = [*entries, {_Entry.NAME: ENTRY, _Entry.BUFFER: np.uint32(len(buffers))}]
    fields[_Model.VERSION] = np.uint32(root.number(_Model.VERSION, "I"))
    places = {number: root.target(number) for number in _Model if number not in fields}
    fields |= {number: Kept(place) for number, place in places.items() if place is not None}
    return _with_labels(build(fields, _MODEL_KIND) + model, metadata.labels)


def read(model: bytes, name: object) -> Metadata:
    """What a .tflite says of itself.

    Args:
        model: the whole file.
        name: what an error calls it.

    Raises:
        CvappError: it says nothing, or it is damaged, or not of the kind that `write` makes (exit 3).
    """
    try:
        return _read(model)
    except ValueError as error:
        raise CvappError(f"{name}: its metadata cannot be read ({error}); export the model again", Exit.BAD_DATA) from error


def _tables(metadata: Metadata, size: tuple[float, float]) -> Fields:
    """The metadata's tables, for pictures of a size (height, width)."""
    height, width = (np.uint32(side) for side in size)
    image = {_Image.COLOR_SPACE: np.int8(_COLOR_SPACES[metadata.color_space]), _Image.SIZE: {_Size.WIDTH: width, _Size.HEIGHT: height}}
    scale = {_Scale.MEAN: _floats(metadata.mean), _Scale.DEVIATION: _floats(metadata.deviation)}
    source = {
        _Port.NAME: "image",
        _Port.DESCRIPTION: "The picture, bytes 0 to 255.",
        _Port.CONTENT: {_Choice.KIND: _IMAGE, _Choice.VALUE: image},
        _Port.UNITS: [{_Choice.KIND: _NORMALIZATION, _Choice.VALUE: scale}],
        _Port.STATS: {_Stats.MAX: _floats(255), _Stats.MIN: _floats(0)},
    }
    target = {
        _Port.NAME: "windows" if metadata.maps else "probability",
        _Port.DESCRIPTION: WINDOWS if metadata.maps else "How sure the model is of each label, 0 to 1.",
        _Port.CONTENT: {_Choice.KIND: _FEATURE, _Choice.VALUE: {}},
        _Port.UNITS: [{_Choice.KIND: _THRESHOLDING, _Choice.VALUE: {0: np.float32(metadata.threshold)}}],
        _Port.STATS: {_Stats.MAX: _floats(1), _Stats.MIN: _floats(0)},
        _Port.FILES: [{_File.NAME: LABELS, _File.DESCRIPTION: "One label a line.", _File.KIND: _AXIS_LABELS}],
    }
    return {
        _Info.NAME: metadata.name,
        _Info.DESCRIPTION: metadata.description,
        _Info.VERSION: metadata.version,
        _Info.SUBGRAPHS: [{_Ports.INPUTS: [source], _Ports.OUTPUTS: [target]}],
        _Info.AUTHOR: metadata.author,
        _Info.LICENCE: metadata.licence,
        _Info.PARSER: OLDEST_PARSER,
    }


def _floats(value: float) -> np.ndarray:
    """One number as the list that the schema wants."""
    return np.array([value], "<f4")


def _read(model: bytes) -> Metadata:
    """As `read`; whatever is wrong is a ValueError."""
    info = Table.root(_buffer(model), _METADATA_KIND)
    ports = info.only(_Info.SUBGRAPHS)
    source, target = ports.only(_Ports.INPUTS), ports.only(_Ports.OUTPUTS)
    scale = _choice(source.tables(_Port.UNITS), _NORMALIZATION)
    (mean,), (deviation,) = scale.numbers(_Scale.MEAN, "f"), scale.numbers(_Scale.DEVIATION, "f")
    threshold = _choice(target.tables(_Port.UNITS), _THRESHOLDING).number(0, "f")
    if not (math.isfinite(mean) and 0 < deviation < math.inf and 0 <= threshold <= 1):
        raise ValueError(f"threshold {threshold:g}, mean {mean:g} or deviation {deviation:g} is out of range")
    color = int(_choice(iter([source.table(_Port.CONTENT)]), _IMAGE).number(_Image.COLOR_SPACE, "b"))
    if color not in _COLOR_SPACES.values():
        raise ValueError(f"colour space {color} is unknown")
    return Metadata(
        name=info.text(_Info.NAME),
        description=info.text(_Info.DESCRIPTION),
        version=info.text(_Info.VERSION),
        author=info.text(_Info.AUTHOR),
        licence=info.text(_Info.LICENCE),
        labels=_labels(model, target.only(_Port.FILES).text(_File.NAME)),
        threshold=float(threshold),
        mean=mean,
        deviation=deviation,
        color_space=next(name for name, number in _COLOR_SPACES.items() if number == color),
    )


def _choice(tables: Iterator[Table], kind: np.uint8) -> Table:
    """What the first table of a kind holds."""
    for table in tables:
        if table.number(_Choice.KIND, "B") == kind:
            return table.table(_Choice.VALUE)
    raise ValueError(f"nothing of kind {kind}")


def _buffer(model: bytes) -> bytes:
    """The bytes of the metadata's tables in a model; a ValueError where it has none."""
    root = Table.root(model, _MODEL_KIND)
    for entry in root.tables(_Model.METADATA):
        if entry.text(_Entry.NAME) == ENTRY:
            for buffer in islice(root.tables(_Model.BUFFERS), int(entry.number(_Entry.BUFFER, "I")), None):
                return buffer.bytes(_DATA)
    raise ValueError("it has none")


def _bare(model: bytes) -> bytes:
    """The model as it was before `write`, or before another program put its files behind it."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            model = model[: min(file.header_offset for file in archive.infolist())]
    except (zipfile.BadZipFile, ValueError):
        pass  # nothing is zipped behind it
    try:
        tables = _buffer(model)
    except ValueError:
        return model
    inner = model[model.index(tables) + len(tables) :]
    return inner if tables and inner[4:8] == _MODEL_KIND else model


def _with_labels(model: bytes, labels: tuple[str, ...]) -> bytes:
    """The model with its label file behind it, as a zip archive: stored, since readers map it, and with nothing of this machine."""
    data = io.BytesIO(model)
    info = zipfile.ZipInfo(LABELS, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, 0o644 << 16
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr(info, "".join(f"{label}\n" for label in labels))
    return data.getvalue()


def _labels(model: bytes, name: str) -> tuple[str, ...]:
    """The lines of the label file behind the model."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            info = archive.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > LARGEST_LABELS:
                raise ValueError(f"{info.file_size} bytes, by method {info.compress_type}")
            text = archive.read(info).decode()
    except Exception as error:  # zipfile raises whatever damaged bytes lead it to
        raise ValueError(f"label file {name!r}: {type(error).__name__}: {error}") from error
    if not text:
        raise ValueError(f"label file {name!r} is empty")
    return tuple(text.removesuffix("\n").split("\n"))
