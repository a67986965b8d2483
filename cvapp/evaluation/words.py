"""How figures and names are written for people, on pages and pictures."""

import re
import unicodedata

from cvapp.fonts import clusters
from cvapp.names import JOINERS


def percent(share: float, digits: int = 0) -> str:
    """0.925 -> 92% (or with one digit 92.5%)."""
    return f"{100 * share:.{digits}f}%"


def counted(number: int, noun: str, plural: str = "") -> str:
    """1 photo, 2 photos, 12,000 photos."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text: str) -> str:
    """The text with a question mark for what cannot be drawn: control characters, and bytes of a file name that are no UTF-8. Joiners stay."""
    return "".join(letter if letter.isprintable() or letter in JOINERS else "?" for letter in text)


def shorten(text: str, most: int) -> str:
    """At most so many letters; the middle is given up, since names of photos differ at their ends."""
    letters, head, tail = clusters(text), most // 2, (most - 1) // 2
    return text if len(letters) <= most else "".join([*letters[:head], "…", *letters[len(letters) - tail :]])


def isolated(text: str) -> str:
    """The text as part of a longer one: what is read from right to left is kept apart, so that it turns nothing around it."""
    leftward = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return f"\u2068{text}\u2069" if leftward else text


def isolated_names(sentence: str) -> str:
    """The sentence with each name that stands in “ ” isolated."""
    return re.sub("“([^”]*)”", lambda found: f"“{isolated(found[1])}”", sentence)
