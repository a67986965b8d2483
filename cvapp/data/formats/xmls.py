"""The root of an xml file that may come from anybody."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from cvapp.data.formats.texts import bytes_of, decoded, start_of

_FIRST = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>\s*)*<([^\s<>/!?]+)", re.DOTALL)


def first_tag(path: Path) -> str:
    """The first element of an xml by its beginning; empty where there is none."""
    found = _FIRST.match(start_of(path))
    return found[1] if found else ""


def parse(path: Path) -> Element:
    """The root of an xml; one that declares entities, which may grow without end, is refused.

    Raises:
        ValueError: damaged, in an unknown encoding, or with entities; the reason in words.
        CvappError: it cannot be read (exit 3).
    """
    data = bytes_of(path)
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # whatever its declaration still says of the file it was before
    builder, parser = TreeBuilder(), expat.ParserCreate("utf-8" if marked else None)

    def refuse(*declared: object) -> None:
        raise ValueError("declares entities, which no annotation needs; remove its DOCTYPE")

    parser.buffer_text = True
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = builder.start, builder.end, builder.data
    try:
        parser.Parse(decoded(data).encode() if marked else data, True)
    except LookupError as error:
        raise ValueError(str(error)) from error
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from error
    return builder.close()
