"""Which file an annotation means: by the name it gives, written as on another machine, by an upload or by a server."""

import functools
import os
import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import Callable, Collection, Iterator, NamedTuple, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from cvapp import names
from cvapp.data.formats.pictures import part_of_folder, relative
from cvapp.files import ABSENT
from cvapp.picture_files import PICTURES

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UPLOAD = re.compile(rf"(?:{_UUID}|(?!(?:19|20)\d{{6}})[0-9a-f]{{8}}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{{6,40}})[-_](?=.)")
_ELSEWHERE = re.compile(r"/|\\|[A-Za-z]:[\\/]|[a-z][a-z0-9+.-]+://")
MATCHED = "found by the last parts of a name alone"

Pieces = tuple[str, ...]


class Found(NamedTuple):
    """What a name means: a file, or why none; and whether that is known by the last parts of its name alone."""

    path: Path | None
    wrong: str = ""
    loosely: bool = False


class _Asked(NamedTuple):
    """A name as an annotation gives it, the part it is for, and the folder of the annotation from the root on, where that counts."""

    called: str
    part: str | None
    home: Pieces | None = None


class Files:
    """Files below a folder, to be found by what an annotation calls them.

    Args:
        root: the folder.
        paths: the files.
        used: those among them that are known to be meant by others.
        homes: folders of annotations; `find_from` adds those that it is asked from.
    """

    def __init__(self, root: Path, paths: Sequence[Path], used: Collection[Path] = (), homes: Collection[Path] = ()) -> None:
        self.root = root
        self._paths = [PurePosixPath(path.relative_to(root).as_posix()) for path in paths if path not in used]
        folders = {path.parts[:-1] for path in (PurePosixPath(path.relative_to(root)) for path in paths)}
        self._folders = {run for folder in folders for run in _runs(folder)}
        self._tops = {top for folder in folders for top in _tops(folder)} | {()}
        self._by_name = _index(self._paths, lambda path: path.name)
        self._homes = {top for home in homes for top in _tops(home.relative_to(root).parts)}
        self._owners = {home.relative_to(root).parts for home in homes if home in {path.parent for path in used}}
        self._levels: list[tuple[Callable[[str], str], dict[str, list[PurePosixPath]]]] = []

    def find_all(self, asked: Sequence[tuple[str, str | None]]) -> list[Found]:
        """The file that each name means, in order.

        A path below the root that ends as the name does, or a name that ends as the path does, is what is meant. Of the files that no
        name means in this way, one is meant by its last parts where it alone fits: whatever its capitals, its folders and its way of
        writing accents, without an upload's prefix, a server's address and escapes. Where a folder of the name is below the root, the
        file is below that one, or missing; and a file in a folder of another part is never meant.

        Args:
            asked: names or paths as an annotation gives them, each with its part: among several, the one in a folder of this part is meant.
        """
        return self._find([_Asked(called, part) for called, part in asked])

    def find_from(self, asked: Sequence[tuple[Path, str, str | None]]) -> list[Found]:
        """The same, of names that each come with the folder of their annotation: a file that lies there under this name is meant.

        Where most bare names of a folder's annotations do, the others do too, or are missing. Else a bare name is looked for below the
        annotation's folder, or the next above it that holds any file, and not among files that are nearer to other annotations.
        """
        there = {self.root / path for path in self._paths}
        direct = [Path(os.path.normpath(home / called.replace("\\", "/"))) for home, called, _ in asked]
        bare = Counter(home for home, called, _ in asked if len(_pieces(called)) == 1)
        beside = Counter(home for (home, _, _), path in zip(asked, direct) if path in there and path.parent == home)
        self._owners |= {home.relative_to(self.root).parts for home, count in beside.items() if 2 * count >= bare[home]}
        self._homes |= {top for home in {home for home, _, _ in asked} for top in _tops(_home(home, self.root) or ())}
        return self._find(
            [
                _Asked(relative(path, self.root), part) if path in there else _Asked(called, part, _home(home, self.root))
                for path, (home, called, part) in zip(direct, asked)
            ]
        )

    def _find(self, asked: Sequence[_Asked]) -> list[Found]:
        found = [self._exactly(one) for one in asked]
        taken = {one.path for one in found}
        for place, one in enumerate(asked):
            if found[place].wrong == ABSENT and one.called:
                found[place] = self._loosely(one, taken)
        counts = Counter(one.path for one in found)
        return [Found(None, ABSENT) if one.path and one.path not in taken and counts[one.path] > 1 else one for one in found]

    def _exactly(self, asked: _Asked) -> Found:
        pieces = _pieces(asked.called)
        same = [path for path in self._by_name.get(pieces[-1] if pieces else "", []) if _shared(path.parts, pieces)]
        fits = self._allowed(same, pieces, asked)
        exact = [path for path in fits if path.parts == pieces]
        parted = [path for path in fits if asked.part and asked.part in map(part_of_folder, path.parts[:-1])]
        chosen = exact or (parted if len(parted) == 1 else fits)
        foreign = bool(_ELSEWHERE.match(asked.called)) and not Path(asked.called).is_relative_to(self.root)
        return self._one(chosen, foreign)

    def _one(self, chosen: Sequence[PurePosixPath], loosely: bool) -> Found:
        if len(chosen) > 1:
            return Found(None, f"several pictures may be meant, such as {chosen[0]} and {chosen[1]}; name its folder too")
        return Found(self.root / chosen[0], loosely=loosely) if chosen else Found(None, ABSENT)

    def _loosely(self, asked: _Asked, taken: set[Path | None]) -> Found:
        self._levels = self._levels or [(of, _index(self._paths, lambda path: of(path.name))) for of in (names.key, _without_upload)]
        if PurePosixPath(asked.called).suffix.lower() not in PICTURES | {".txt"} and len(self._levels) == 2:
            self._levels.append((names.key, _index(self._paths, lambda path: names.key(path.stem))))
        for of, index in self._levels:
            for said in _readings(asked.called):
                pieces = _pieces(said)
                free = [path for path in index.get(of(pieces[-1]), []) if self.root / path not in taken] if pieces else []
                fits = self._allowed(free, pieces, asked)
                depth = {path: _trail(path.parts[:-1], pieces[:-1]) for path in fits}
                if fits:
                    return self._one([path for path in fits if depth[path] == max(depth.values())], True)
        return Found(None, ABSENT)

    def _allowed(self, paths: Sequence[PurePosixPath], pieces: Pieces, asked: _Asked) -> list[PurePosixPath]:
        """Those of the files that lie where a name may mean them."""
        paths = [path for path in paths if _same_part(path.parts[:-1], pieces[:-1], asked.part)]
        if not paths:
            return []
        if len(pieces) > 1 or asked.home is None:
            return self._inside(paths, pieces[:-1])
        if asked.home in self._owners:
            return [path for path in paths if path.parts[:-1] == asked.home]
        top = next(count for count in range(len(asked.home), -1, -1) if asked.home[:count] in self._tops)
        near = [path for path in self._inside(paths, asked.home) if path.parts[:top] == asked.home[:top]]
        return [path for path in near if not any(top in self._homes and top != asked.home[: len(top)] for top in _tops(path.parts[:-1]))]

    def _inside(self, paths: Sequence[PurePosixPath], said: Sequence[str]) -> list[PurePosixPath]:
        """Those of the files below the folder that `said` ends with, as far as there is one below the root."""
        keys = tuple(map(names.key, said))
        known = next((keys[start:] for start in range(len(keys)) if keys[start:] in self._folders), ())
        return [path for path in paths if known in _runs(path.parts[:-1])] if known else list(paths)


def _home(home: Path, root: Path) -> Pieces | None:
    return home.relative_to(root).parts if home.is_relative_to(root) else None


def _tops(folders: Pieces) -> list[Pieces]:
    """A folder and all those above it, from the root on."""
    return [folders[:count] for count in range(len(folders) + 1)]


@functools.lru_cache(1 << 12)
def _runs(folders: Pieces) -> set[Pieces]:
    """Every run of folders that follow one another in a path, folded."""
    keys = tuple(map(names.key, folders))
    return {keys[start:end] for start in range(len(keys)) for end in range(start + 1, len(keys) + 1)}


def _index(paths: Sequence[PurePosixPath], of: Callable[[PurePosixPath], str]) -> dict[str, list[PurePosixPath]]:
    found: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in paths:
        found[of(path)].append(path)
    return found


def _pieces(called: str) -> Pieces:
    return tuple(piece for piece in PurePosixPath(called.replace("\\", "/")).parts if piece not in (".", "..", "/", "//"))


def _shared(path: Pieces, name: Pieces) -> bool:
    """Whether a path ends as a name does, or a name as the path."""
    shared = min(len(path), len(name))
    return path[-shared:] == name[-shared:]


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


def _same_part(folders: Pieces, said: Pieces, part: str | None) -> bool:
    """Whether no folder of a path speaks against the part that a name's folders, or its annotation, speak of."""
    wanted = _parts(said) or ({part} - {None})
    here = _parts(folders) if wanted else set()
    return not here or bool(here & wanted)


@functools.lru_cache(1 << 12)
def _parts(folders: Pieces) -> set[str | None]:
    return {part_of_folder(folder) for folder in folders} - {None}


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
