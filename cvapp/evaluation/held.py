"""The photos of a saved model's split that it is measured on."""

from pathlib import Path
from typing import Sequence

from cvapp.card import Card
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError
from cvapp.progress import Report


def held_photos(
    folder: Path, rows: Sequence[Row], card: Card, wishes: tuple[str | Path | None, str | None], report: Report
) -> tuple[str, Store, list[Row]]:
    """The part that is measured on, where its photos are kept, and their rows.

    Args:
        folder: of the model.
        rows: of its split.
        card: the model's.
        wishes: where the photos lie, None for those that training kept; and the part, None for `test` where the split has one, else `val`.
        report: told of the progress.

    Raises:
        CvappError: no such part (exit 2), or photos that are missing (exit 3).
    """
    data, part = wishes
    present = {row.part for row in rows}
    part = part or ("test" if "test" in present else "val")
    if part not in present:
        raise CvappError(f"{folder} has no {part} photos in its split; choose one of {', '.join(sorted(present))}")
    store, held = find([row for row in rows if row.part == part], data, card.images, report, f"--split {part} --data DIR", whole=True)
    return part, store, held
