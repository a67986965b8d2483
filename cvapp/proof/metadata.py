"""What a .tflite says of itself, so that other programs need nothing but the file: labels, threshold, picture, licence.

The tables (metadata_tables.py) lie in a buffer of the model, found under the name TFLITE_METADATA; the label file is zipped behind the
model.
"""

import io
import zipfile
from dataclasses import replace
from enum import IntEnum
from itertools import islice
from typing import Any

import numpy as np

from cvapp.bundle import LABELS
from cvapp.errors import CvappError, Exit
from cvapp.proof.flatbuffer import Kept, Table, build
from cvapp.proof.metadata_tables import METADATA_KIND, Metadata, tables, untabled

ENTRY = "TFLITE_METADATA"
LARGEST_LABELS = 1 << 20  # bytes; a label file beyond that is not ours
_MODEL_KIND = b"TFL3"
# fields of the model's own tables, by their number in the schema
_Model = IntEnum("_Model", "VERSION CODES SUBGRAPHS DESCRIPTION BUFFERS METADATA_BUFFER METADATA SIGNATURES GROUPS EXTERNAL", start=0)
_Graph = IntEnum("_Graph", "TENSORS INPUTS OUTPUTS", start=0)
_Entry = IntEnum("_Entry", "NAME BUFFER", start=0)
_SHAPE = _DATA = 0  # of a tensor; of a buffer


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
    side = _Graph.OUTPUTS if metadata.makes else _Graph.INPUTS
    picture = next(islice(graph.tables(_Graph.TENSORS), int(graph.numbers(side, "i")[0]), None))
    buffers = [Kept(table.place) for table in root.tables(_Model.BUFFERS)]
    entries = [Kept(table.place) for table in root.tables(_Model.METADATA) if table.text(_Entry.NAME) != ENTRY]
    data = build(tables(metadata, picture.numbers(_SHAPE, "i")), METADATA_KIND)
    # the buffer comes first, so that it is the last before the model: _bare finds the model by it
    fields: dict[int, Any] = {_Model.BUFFERS: [*buffers, {_DATA: data}]}
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


def _read(model: bytes) -> Metadata:
    """As `read`; whatever is wrong is a ValueError."""
    said, name = untabled(_buffer(model))
    return replace(said, labels=_labels(model, name))


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
