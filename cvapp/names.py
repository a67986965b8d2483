"""Names compared as people read them: composed or not, whatever their capitals and blanks; and which known one may be meant."""

import difflib
import unicodedata
from collections import defaultdict
from typing import Iterable

# Zero width non-joiner and joiner: Persian and the scripts of India are spelled with them, and emoji made of several hold them together.
JOINERS = "\u200c\u200d"


def composed(name: str) -> str:
    """A name in Unicode's composed form, NFC: macOS and its zips write an accent as a letter of its own."""
    return unicodedata.normalize("NFC", name)


def key(name: str) -> str:
    """What names have in common that look alike: NFC, no capitals, one plain blank for any, no invisible marks."""
    folded = composed(composed(name).casefold())
    kinds = ((letter, unicodedata.category(letter)) for letter in folded)
    return " ".join("".join(" " if kind[0] == "Z" else "" if kind == "Cf" else letter for letter, kind in kinds).split())


class Known:
    """Names to be asked many times which of them another may mean."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(names))
        self._exact, self._composed, self._alike = set(self.names), defaultdict(list), defaultdict(list)
        for name in self.names:
            self._composed[composed(name)].append(name)
            self._alike[key(name)].append(name)

    def meant(self, name: str) -> list[str]:
        """The names that one may mean: itself; else those that are the same composed; else those that look alike."""
        return [name] if name in self._exact else self._composed.get(composed(name)) or self._alike.get(key(name)) or []


def meant(name: str, known: Iterable[str]) -> list[str]:
    """`Known.meant`, asked once."""
    return Known(known).meant(name)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`. Did you mean ...?` where a known word looks alike or is close, else nothing."""
    words = list(known)
    close = meant(word, words) or difflib.get_close_matches(word, words, 1)
    return f". Did you mean {close[0]}?" if close else ""
