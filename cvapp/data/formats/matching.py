"""Which file an annotation means: by the name it gives, written as on another machine, by an upload or by a server."""

import os
import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import Callable, Iterator, NamedTuple, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from cvapp import names
from cvapp.data.formats.pictures import PICTURES, part_in, relative

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UPLOAD = re.compile(rf"(?:{_UUID}|(?!(?:19|20)\d{{6}})[0-9a-f]{{8}}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{{6,40}})[-_](?=.)")
_ELSEWHERE = re.compile(r"/|\\|[A-Za-z]:[\\/]|[a-z][a-z0-9+.-]+://")
MISSING = "no such file"
MATCHED = "found by the last parts of a name alone"


class Found(NamedTuple):
    """What a name means: a file, or why none; and whether that is known by the last parts of its name alone."""

    path: Path | None
    wrong: str = ""
    loosely: bool = False


class Files:
    """Files below a folder, to be found by what an annotation calls them."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self.root = root
        self._paths = [PurePosixPath(path.relative_to(root).as_posix()) for path in paths]
        self._by_name = _index(self._paths, lambda path: path.name)
        self._levels: list[tuple[Callable[[str], str], dict[str, list[PurePosixPath]]]] = []

    def find_all(self, asked: Sequence[tuple[str, str | None]]) -> list[Found]:
        """The file that each name means, in order.

        A path below the root that ends as the name does, or a name that ends as the path does, is what is meant. Of the files that no
        name means in this way, one is meant by its last parts where it alone fits: whatever its capitals, its folders and its way of
        writing accents, without an upload's prefix, a server's address and escapes.

        Args:
            asked: names or paths as an annotation gives them, each with its part: among several, the one in a folder of this part is meant.
        """
        found = [self._exactly(called, part) for called, part in asked]
        taken = {one.path for one in found}
        for place, (called, part) in enumerate(asked):
            if found[place].wrong == MISSING and called:
                found[place] = self._loosely(called, part, taken)
        counts = Counter(one.path for one in found)
        return [Found(None, MISSING) if one.path and one.path not in taken and counts[one.path] > 1 else one for one in found]

    def find_from(self, asked: Sequence[tuple[Path, str, str | None]]) -> list[Found]:
        """The same, of names that each come with the folder of their annotation: a file that lies there under this name is meant."""
        there = {self.root / path for path in self._paths}
        direct = [Path(os.path.normpath(home / called.replace("\\", "/"))) for home, called, _ in asked]
        said = [relative(path, self.root) if path in there else called for path, (_, called, _) in zip(direct, asked)]
        return self.find_all([(name, part) for name, (_, _, part) in zip(said, asked)])

    def _exactly(self, called: str, part: str | None) -> Found:
        pieces = _pieces(called)
        fits = [path for path in self._by_name.get(pieces[-1] if pieces else "", []) if _shared(path.parts, pieces) == "all"]
        exact = [path for path in fits if path.parts == pieces]
        parted = [path for path in fits if part and part in map(part_in, path.parts[:-1])]
        chosen = exact or (parted if len(parted) == 1 else fits)
        foreign = bool(_ELSEWHERE.match(called)) and not Path(called).is_relative_to(self.root)
        return self._one(chosen, foreign)

    def _one(self, chosen: Sequence[PurePosixPath], loosely: bool) -> Found:
        if len(chosen) > 1:
            return Found(None, f"several pictures may be meant, such as {chosen[0]} and {chosen[1]}; name its folder too")
        return Found(self.root / chosen[0], loosely=loosely) if chosen else Found(None, MISSING)

    def _loosely(self, called: str, part: str | None, taken: set[Path | None]) -> Found:
        self._levels = self._levels or [(of, _index(self._paths, lambda path: of(path.name))) for of in (names.key, _without_upload)]
        if PurePosixPath(called).suffix.lower() not in PICTURES | {".txt"} and len(self._levels) == 2:
            self._levels.append((names.key, _index(self._paths, lambda path: names.key(path.stem))))
        for of, index in self._levels:
            for said in _readings(called):
                pieces = _pieces(said)
                free = [path for path in index.get(of(pieces[-1]), []) if self.root / path not in taken] if pieces else []
                fits = [path for path in free if _same_part(path.parts[:-1], pieces[:-1], part)]
                depth = {path: _trail(path.parts[:-1], pieces[:-1]) for path in fits}
                if fits:
                    return self._one([path for path in fits if depth[path] == max(depth.values())], True)
        return Found(None, MISSING)


def _index(paths: Sequence[PurePosixPath], of: Callable[[PurePosixPath], str]) -> dict[str, list[PurePosixPath]]:
    found: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in paths:
        found[of(path)].append(path)
    return found


def _pieces(called: str) -> tuple[str, ...]:
    return tuple(piece for piece in PurePosixPath(called.replace("\\", "/")).parts if piece not in (".", "..", "/", "//"))


def _shared(path: tuple[str, ...], name: tuple[str, ...]) -> str:
    shared = min(len(path), len(name))
    return "all" if path[-shared:] == name[-shared:] else ""


def _readings(called: str) -> Iterator[str]:
    """A name as it stands, without a server's query, what its query names (`?d=folder/a.jpg`), each with its escapes undone too."""
    words = [called]
    try:
        address = urlsplit(called)
        words += [address.path, *(value for values in parse_qs(address.query).values() for value in values)]
    except ValueError:
        pass  # no address, such as [a].jpg behind two slashes
    yield from dict.fromkeys(form for word in words if word for form in (word, unquote(word)))


def _without_upload(name: str) -> str:
    return names.key(_UPLOAD.sub("", name, count=1) if _UPLOAD.match(name) else name)


def _same_part(folders: Sequence[str], said: Sequence[str], part: str | None) -> bool:
    """Whether no folder of a path speaks against the part that a name's folders, or its annotation, speak of."""
    here, there = ({part_in(folder) for folder in some} - {None} for some in (folders, said))
    wanted = there or ({part} - {None})
    return not here or not wanted or bool(here & wanted)


def _trail(folders: Sequence[str], said: Sequence[str]) -> int:
    """How many folders are the same, from the last on."""
    pairs = zip(map(names.key, reversed(folders)), map(names.key, reversed(said)))
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(folders), len(said)))


def printable(called: str) -> str:
    """What an annotation calls a file that is not there, for people."""
    return "".join(letter if letter.isprintable() else " " for letter in called[:300]).strip()


def told(found: Sequence[tuple[str, Path, str]], root: Path) -> str:
    """One line about files found by their last parts alone: what each was called, the file, and who said so."""
    called, path, origin = found[0]
    count = f"{len(found)} files are" if len(found) > 1 else "a file is"
    return f"{count} {MATCHED}, {'such as ' if len(found) > 1 else ''}{relative(path, root)}, which {origin} calls {called[:200]!r}"
