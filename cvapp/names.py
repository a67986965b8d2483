"""Names compared as people read them: composed or not, whatever their capitals and blanks; and which known one may be meant."""

import difflib
import unicodedata
from typing import Iterable


def composed(name: str) -> str:
    """A name in Unicode's composed form, NFC: macOS and its zips write an accent as a letter of its own."""
    return unicodedata.normalize("NFC", name)


def key(name: str) -> str:
    """What names have in common that look alike: NFC, no capitals, one plain blank for any, no invisible marks."""
    folded = composed(composed(name).casefold())
    kinds = ((letter, unicodedata.category(letter)) for letter in folded)
    return " ".join("".join(" " if kind[0] == "Z" else "" if kind == "Cf" else letter for letter, kind in kinds).split())


def meant(name: str, known: Iterable[str]) -> list[str]:
    """The known names that a name may mean: itself; else those that are the same composed; else those that look alike."""
    names = list(known)
    if name in names:
        return [name]
    same = [other for other in names if composed(other) == composed(name)]
    return same or [other for other in names if key(other) == key(name)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`. Did you mean ...?` where a known word looks alike or is close, else nothing."""
    words = list(known)
    close = meant(word, words) or difflib.get_close_matches(word, words, 1)
    return f". Did you mean {close[0]}?" if close else ""
