"""The text of a label: one rule, wherever it comes from, so that labels.txt has a line a class and people can read each."""

import unicodedata
from collections import defaultdict
from typing import Iterable

from cvapp import names

LONGEST = 100  # characters


def label_of(text: str) -> str:
    """A label without blanks around it, in Unicode's composed form (NFC).

    Raises:
        ValueError: it is empty, longer than 100 characters, or holds what cannot be seen (line breaks, controls, marks of direction,
            blanks other than the plain one); the reason in words. Joiners may stand where a script uses them: after a letter beyond ASCII.
    """
    label = names.composed(text.strip())
    if not label:
        raise ValueError("has no label")
    if wrong := next((letter for place, letter in enumerate(label) if not (letter.isprintable() or _joins(label, place))), ""):
        raise ValueError(f"label {label[:LONGEST]!r} is not readable text: it holds {_called(wrong)}")
    if len(label) > LONGEST:
        raise ValueError(f"label {label[:20] + '...'!r} has {len(label)} characters; {LONGEST} are the most")
    return label


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Groups of different labels that look alike: by capitals or blanks alone."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[names.key(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def _joins(label: str, place: int) -> bool:
    return label[place] in names.JOINERS and 0 < place < len(label) - 1 and not label[place - 1].isascii()


def _called(letter: str) -> str:
    """A character that cannot be seen, for people."""
    if letter in "\n\r\v\f\x85\u2028\u2029":
        return "a line break"
    nameless = {"Cs": "a byte that is no text", "Cc": "a control character"}.get(unicodedata.category(letter), "an unassigned character")
    return f"{unicodedata.name(letter, nameless).lower()} (U+{ord(letter):04X})"
