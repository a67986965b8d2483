"""Figures of texts that were read: how many are right, how many of their characters are wrong, by length."""

from typing import Any, Sequence


def edit_distance(one: str, other: str) -> int:
    """The least number of characters to insert, leave out or replace that makes one text of the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))  # from the empty text to each beginning of `other`
    for number, character in enumerate(one, 1):
        above, row = row, [number]
        for place, wanted in enumerate(other):
            row.append(min(above[place] + (character != wanted), above[place + 1] + 1, row[place] + 1))
    return row[-1]


def summary(written: Sequence[str], truths: Sequence[str]) -> dict[str, Any]:
    """Figures of texts beside the true ones.

    Returns:
        `pictures`; `accuracy`, the share of texts without a mistake; `character_error_rate`, the edit distances over the true texts'
        characters; and the three of each true length, by its digits, as `by_length`.
    """
    figures = _figures(written, truths)
    lengths = sorted({len(truth) for truth in truths})
    chosen = {length: [place for place, truth in enumerate(truths) if len(truth) == length] for length in lengths}
    by_length = {
        str(length): _figures(*([texts[place] for place in places] for texts in (written, truths))) for length, places in chosen.items()
    }
    return {**figures, "by_length": by_length}


def _figures(written: Sequence[str], truths: Sequence[str]) -> dict[str, Any]:
    pairs = list(zip(written, truths, strict=True))
    return {
        "pictures": len(pairs),
        "accuracy": round(sum(text == truth for text, truth in pairs) / len(pairs), 4),
        "character_error_rate": round(sum(edit_distance(*pair) for pair in pairs) / sum(map(len, truths)), 4),
    }
