"""What commands write: every place is checked before any work begins."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterable, Iterator, Sequence

from cvapp import card as cards
from cvapp.bundle import LITE
from cvapp.data import split
from cvapp.errors import CvappError
from cvapp.files import check_no_input, check_no_special, check_replaceable, check_suffix, check_writable


@dataclass(frozen=True)
class Output:
    """A place that a command writes to.

    Args:
        option: that names it.
        path: a file, or a folder where there are no suffixes; None where it was not asked for.
        suffixes: that such a file may have.
        files: of a folder: those that are written, where they are known beforehand.
        stream: it is written line by line, so that it may be a pipe or a device.
    """

    option: str
    path: str | Path | None
    suffixes: Collection[str] = ()
    files: Collection[Path] = ()
    stream: bool = False

    @property
    def places(self) -> Collection[str | Path]:
        """The files; of a folder whose files are not known, the folder."""
        return self.files or [self.path or ""]


def check(outputs: Sequence[Output], inputs: Iterable[str | Path] = ()) -> None:
    """Refuse a place that will not do.

    Args:
        outputs: all that a command writes.
        inputs: files that it reads.

    Raises:
        CvappError: no name, an unknown suffix, the place of an input, of a frozen split, or of another output (exit 2); one that cannot be
            written (exit 7).
    """
    wanted, inputs = [one for one in outputs if one.path is not None], list(inputs)
    taken: dict[str, str] = {}
    for one in wanted:
        with _named(one.option):
            if not str(one.path):
                raise CvappError("'': give a name")
            if one.suffixes:
                check_suffix(one.path or "", one.suffixes)
            check_no_input(one.places, inputs)
            if any(os.path.isfile(place) and split.is_one(Path(place)) for place in one.places):
                raise CvappError(f"{one.path}: the frozen split of photos is there; choose another name")
            for place in map(os.path.realpath, one.places):
                if place in taken:
                    raise CvappError(f"{one.path}: {taken[place]} writes there too; choose another name")
                taken[place] = one.option
    for one in wanted:
        with _named(one.option):
            if not one.stream:
                check_no_special(one.path or "")
            _check_place(Path(one.path or ""), bool(one.suffixes))


def _check_place(path: Path, file: bool) -> None:
    """Write there, and leave nothing: what else is wrong is yet to be found."""
    missing = [folder for folder in (path, *path.parents) if not os.path.exists(folder)]
    try:
        (check_replaceable if file else check_writable)(path)
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def _named(option: str) -> Iterator[None]:
    """Say in an error which option it is about."""
    try:
        yield
    except CvappError as error:
        raise CvappError(f"{option} {error}", error.code) from error


def check_replaced_folder(option: str, folder: Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuse (exit 2) a folder that is replaced as a whole, and what is read with it."""
    for one in inputs:
        if one and os.path.exists(one) and Path(one).resolve().is_relative_to(folder.resolve()):
            raise CvappError(f"{option} {folder.name}: {one} is in {folder}, which would be replaced; give another name")


def model_files(folder: Path) -> list[Path]:
    """The files of a saved model, which is read."""
    return [folder / cards.FILE, *(folder / name for name in cards.read(folder).files), *(folder / LITE).glob("*")]
