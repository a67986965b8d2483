"""Files found by the paths that a list gives them, in another spelling where just one file can be meant."""

import os
from pathlib import Path, PurePosixPath

from cvapp.files import ABSENT, no_file
from cvapp.names import Known, composed, key

HINTS = 3  # missing files that a similar name is looked for; it takes time where a folder holds many


class Places:
    """The files below a folder, and anywhere else that absolute paths lead; each folder is listed once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, Known] = {}
        self._respelled: dict[str, str] = {}  # what paths that look alike only were taken for
        self._hints = HINTS

    def find(self, path: str) -> str:
        """The name of the file that a path means, with forward slashes; a backslash stays where the file really bears it.

        Raises:
            ValueError: none, several, or no file that can be opened; the reason in words.
        """
        slashed = path.replace("\\", "/")
        real = slashed != path and no_file(self._folder / slashed) is not None and no_file(self._folder / path) is None
        name = str(PurePosixPath(path if real else slashed))
        if no_file(self._folder / name) == ABSENT:
            name, given = self._respell(PurePosixPath(name)), name
            if composed(name) != composed(given):
                self._respelled[given] = name
        if wrong := no_file(self._folder / name):
            raise ValueError(wrong)
        return name

    def notes(self) -> tuple[str, ...]:
        """A line where paths differ from the names of the files that were taken for them by more than how accents are written."""
        if not self._respelled:
            return ()
        given, name = next(iter(self._respelled.items()))
        count = len(self._respelled)
        paths = f"{count} paths are" if count > 1 else "a path is"
        return (f"{paths} spelled in another way than the file's name, by capitals or blanks, and taken for it: {given} for {name}",)

    def _respell(self, path: PurePosixPath) -> str:
        """A path piece by piece, each as the one name in its folder that it may mean."""
        found = PurePosixPath()
        for piece in path.parts:
            if piece not in ("..", "/") and not os.path.lexists(self._folder / found / piece):
                known = self._names(self._folder / found)
                meant = known.meant(piece)
                if len(meant) > 1:
                    raise ValueError(f"several files may be meant, {meant[0]} and {meant[1]}; give its name exactly")
                if not meant:
                    self._hints -= 1
                    raise ValueError(ABSENT + (_same_stem(piece, known.names) if self._hints >= 0 else ""))
                piece = meant[0]
            found /= piece
        return str(found)

    def _names(self, folder: Path) -> Known:
        """The names in a folder; none where it cannot be listed."""
        if folder not in self._known:
            try:
                self._known[folder] = Known(sorted(os.listdir(folder)))
            except (OSError, ValueError):
                self._known[folder] = Known(())
        return self._known[folder]


def _same_stem(name: str, known: list[str]) -> str:
    """Which file has that name but for its suffix, where one has; the numbers of photos are too much alike to ask for more."""
    stem = key(PurePosixPath(name).stem)
    close = next((other for other in known if key(PurePosixPath(other).stem) == stem), None)
    return f". Did you mean {close}?" if close else ""
