"""What a person watches while a generator trains: pictures of the same samples, and an event file for TensorBoard."""

import re
import shutil
import time
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.summary_pb2 import Summary
from tensorflow.core.util.event_pb2 import Event

from cvapp import images

BOARD = "tensorboard"
EVENTS = "events.out.tfevents.cvapp"  # TensorBoard looks for "tfevents"; its own names tell of the machine
_STATE = "state-"  # what begins so outlives a run that was cut off
_GRID = re.compile(rf"{_STATE}grid-(\d+)\.png")
GRIDS = 60  # in a finished model's event file
FOLDED = ("step", "epoch", "stage", "alarms")  # of a row, what is no figure


class Watch:
    """The folder that a person watches.

    Args:
        folder: the run's work folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._events: Any = None

    def start(self, step: int, notes: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a run had shown up to a step, and nothing else: grids, and events written anew from its notes and epochs."""
        for past, path in self.grids().items():
            if past > step:
                path.unlink()
        self._events = self._open(self.folder / f"{_STATE}{BOARD}", notes, rows)

    def note(self, row: Mapping[str, Any]) -> None:
        """Add figures of a step or an epoch."""
        _scalars(self._events, row)
        self._events.flush()

    def grid(self, step: int, picture: np.ndarray) -> None:
        """Add a picture of samples, uint8 RGB."""
        path = self.folder / f"{_STATE}grid-{step:06d}.png"
        images.write(path, picture)
        _picture(self._events, step, path.read_bytes(), picture.shape)
        self._events.flush()

    def grids(self) -> dict[int, Path]:
        """The pictures of samples by their step, in order."""
        found = {int(match[1]): path for path in self.folder.glob("*.png") if (match := _GRID.fullmatch(path.name))}
        return dict(sorted(found.items()))

    def publish(self, notes: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the whole event file into the folder of the finished model, with some grids from all over the run where there are very many."""
        self.close()
        self._open(self.folder / BOARD, notes, rows, GRIDS).close()

    def close(self) -> None:
        """Close the event file that is written while the run lasts."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def _open(self, folder: Path, notes: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], most: int | None = None) -> Any:
        """A writer of events that has those of some notes and epochs, and of the grids that are there (at most so many), in their order."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        writer = tf.io.TFRecordWriter(str(folder / EVENTS))
        writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        grids = self.grids()
        if most is not None and len(grids) > most:
            grids = {step: grids[step] for step in np.array(list(grids))[np.linspace(0, len(grids) - 1, most).round().astype(int)].tolist()}
        told = sorted([*notes, *rows], key=lambda row: row["step"])
        for step in sorted({*grids, *(row["step"] for row in told)}):
            for row in (row for row in told if row["step"] == step):
                _scalars(writer, row)
            if step in grids:
                _picture(writer, step, grids[step].read_bytes(), images.read(grids[step]).shape)
        writer.flush()
        return writer


def forget(folder: Path) -> None:
    """Remove what an earlier run had shown."""
    for path in folder.glob(f"{_STATE}grid-*.png"):
        path.unlink()
    shutil.rmtree(folder / f"{_STATE}{BOARD}", ignore_errors=True)


def _scalars(writer: Any, row: Mapping[str, Any]) -> None:
    """Figures of a step; those of an epoch stand under a heading of their own."""
    heading = "epochs" if "epoch" in row else "steps"
    values = [Summary.Value(tag=f"{heading}/{name}", simple_value=value) for name, value in row.items() if name not in FOLDED]
    _write(writer, row["step"], values)


def _picture(writer: Any, step: int, data: bytes, shape: Sequence[int]) -> None:
    held = Summary.Image(height=shape[0], width=shape[1], colorspace=3, encoded_image_string=data)
    _write(writer, step, [Summary.Value(tag="samples", image=held)])


def _write(writer: Any, step: int, values: Sequence[Any]) -> None:
    writer.write(Event(wall_time=time.time(), step=step, summary=Summary(value=values)).SerializeToString())
