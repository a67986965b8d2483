"""The shares of the split that were asked for, against what decides it already: the source's own parts, or the frozen split."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from cvapp.data import duplicates, formats, split
from cvapp.data.boxed import as_listing
from cvapp.data.folders import scan
from cvapp.data.listing import Listing, Photo, hashed
from cvapp.data.photos import thumbnails
from cvapp.data.sessions import grouped
from cvapp.data.split import Row
from cvapp.errors import CvappError
from cvapp.progress import Report, silent
from cvapp.recipe import Data, Recipe

SHARES = ("val", "test")  # settings of Data, and the parts that they decide
PLACEHOLDER = "DIR"  # stands in a command for photos whose path is not known
SEEDS = 8  # whose splits are compared where copies stay together: whole groups do not meet a share exactly, and each seed misses it otherwise


@dataclass(frozen=True)
class DataSource:
    """Where photos came from, and what decides their parts.

    Args:
        name: the path as a person gave it; empty where it is absolute or not known.
        fixed: the shares, of `val` and `test`, that change nothing because the source gives these parts itself.
        frozen: whether a split.csv beside the source keeps the parts.
    """

    name: str = ""
    fixed: tuple[str, ...] = ()
    frozen: bool = False


@dataclass(frozen=True)
class Difference:
    """Photos that a part has in the frozen split and would have in a new one; `unexplained` where growth and copies cannot explain it."""

    kept: int
    wanted: int
    unexplained: bool


def public_path(source: str | Path) -> str:
    """A path as it was given; nothing of an absolute one, which tells the folders of this machine and leads nowhere on another."""
    path = Path(source)
    return "" if path.is_absolute() else str(path)


def fixed_shares(photos: Iterable[Photo]) -> tuple[str, ...]:
    """Which shares change nothing because the source gives the parts: `test` where it gives any, `val` where none is left to draw."""
    given = {photo.part for photo in photos}
    if given <= {None}:
        return ()
    return SHARES if "val" in given and None not in given else ("test",)


def differences(
    photos: Sequence[Photo], frozen: Sequence[Row], data: Data, seed: int, copies: Iterable[tuple[str, str]] = ()
) -> dict[str, Difference]:
    """Where the frozen parts of photos are not those that a new split by these shares would give, by part.

    Photos without a frozen part do not count: they come later and move none of the others.

    Args:
        photos: with their content hashes.
        frozen: rows of the split.
        data: the shares.
        seed: of the new split.
        copies: pairs of content hashes that show the same picture.
    """
    known = {row.hash for row in frozen}
    old, copies = [photo for photo in photos if photo.hash in known], list(copies)
    kept = split.counts(split.divide(old, data.val, data.test, seed, frozen, copies)[0])
    bound = bool(copies) or any(photo.group for photo in old)
    seeds = (seed, *range(SEEDS)) if bound else (seed,)
    new = [split.counts(split.divide(old, data.val, data.test, one, (), copies)[0]) for one in seeds]
    drawn = {label: sum(row.values()) - (row["test"] if "test" in fixed_shares(old) else 0) for label, row in kept.items()}
    found = {}
    for part in SHARES:
        total, wanted = (sum(row[part] for row in table.values()) for table in (kept, new[0]))
        made = {label: [table[label][part] for table in new if label in table] or [0] for label in kept}
        share = getattr(data, part)
        fits = all(_fits_share(row[part], share * drawn[label], made[label], bound) for label, row in kept.items())
        if any(row[part] != made[label][0] for label, row in kept.items()):
            found[part] = Difference(total, wanted, not fits or not total or not wanted)
    return found


def _fits_share(kept: int, exact: float, made: Sequence[int], bound: bool) -> bool:
    """Whether photos of a class in a frozen part may be by a share that takes `exact`, and `made` where whole groups are taken.

    A split that grew photo by photo may lag behind, but by less than a photo.
    """
    slack = 1 if bound else 0
    return min(made) - slack <= kept <= max(made) + slack or abs(kept - exact) < 1 - 1e-9


def note(file: Path | None, found: Mapping[str, Difference], data: Data) -> str:
    """That a split is kept whose shares are not those of the recipe."""
    kept = (f"{one.kept} {part} photos, where a share of {getattr(data, part):g} would give {one.wanted}" for part, one in found.items())
    return f"{file} is kept: {'; '.join(kept)}"


def notes(photos: Sequence[Photo], frozen: Sequence[Row], recipe: Recipe, copies: Iterable[tuple[str, str]], file: Path) -> list[str]:
    """`note`, where a frozen split clearly has other shares than a recipe."""
    found = differences(photos, frozen, recipe.data, recipe.seed, copies) if frozen else {}
    unexplained = {part: one for part, one in found.items() if one.unexplained and part not in fixed_shares(photos)}
    return [note(file, unexplained, recipe.data)] if unexplained else []


def check_fixed(listing: Listing, requested: Mapping[str, str]) -> None:
    """Refuse shares, given by part as they were asked for, that the source itself decides (exit 2)."""
    idle = [part for part in fixed_shares(listing.photos) if part in requested]
    if idle:
        words = {"val": "validation", "test": "test"}
        raise CvappError(
            f"{' '.join(requested[part] for part in idle)}: {listing.source} decides which photos are for "
            f"{' and '.join(words[part] for part in idle)}, by its folders or its list; leave it out, or change the parts there"
        )


def check(source: str | Path, recipe: Recipe, requested: Sequence[str], report: Report = silent) -> None:
    """Refuse shares of the split that were asked for and would change nothing; report one that a frozen split misses by a photo or so.

    Args:
        source: of photos, as training takes it.
        recipe: whose task, shares and seed count.
        requested: which of `val` and `test`.
        report: told of the progress, and of what is kept.

    Raises:
        CvappError: the source decides these parts, or a frozen split keeps them (exit 2); data that cannot be read (exit 3).
    """
    boxed = recipe.task == "detect"
    listing = as_listing(formats.scan(source)) if boxed else scan(source, loose=recipe.task == "generate")
    settings = {part: f"--set data.{part}={getattr(recipe.data, part):g}" for part in requested}
    check_fixed(listing, settings)
    file = listing.split_file
    frozen = split.beside(listing)
    if not frozen:
        return
    listing = listing if boxed else hashed(listing, report)
    if not differences(listing.photos, frozen, recipe.data, recipe.seed):  # then copies need not be looked for
        return
    listing, thumbs = thumbnails(listing, report)
    listing = grouped(listing, thumbs)
    found = differences(listing.photos, frozen, recipe.data, recipe.seed, duplicates.near_copies(thumbs))
    found = {part: one for part, one in found.items() if part in requested}
    unexplained = {part: one for part, one in found.items() if one.unexplained}
    if unexplained:
        kept = _joined(f"{one.kept} {part} photos where {one.wanted} are asked for" for part, one in unexplained.items())
        command = "" if boxed or len(listing.labels) < 2 else f", or run: {_command(source, recipe.data, listing, requested)}"
        raise CvappError(f"{' '.join(settings[part] for part in unexplained)}: {file} is kept, with {kept}; delete it to split again{command}")
    if found:
        report(note(file, found, recipe.data))


def _command(source: str | Path, data: Data, listing: Listing, requested: Sequence[str]) -> str:
    """The command that splits the photos again by these shares."""
    usual, fixed = Data(), fixed_shares(listing.photos)
    wanted = [part for part in SHARES if part not in fixed and (part in requested or getattr(data, part) != getattr(usual, part))]
    return split_command(str(source), {part: getattr(data, part) for part in wanted})


def split_command(source: str, shares: Mapping[str, float]) -> str:
    """`cvapp data split` with shares given by part; a source without a name is a placeholder."""
    words = (word for part, share in shares.items() for word in (f"--{part}", f"{share:g}"))
    return shlex.join(["cvapp", "data", "split", source or PLACEHOLDER, *words])


def _joined(words: Iterable[str]) -> str:
    return " and ".join(words)
