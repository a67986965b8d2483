"""Settings as values: each is checked when its part is made, taken as the kind that its field declares, and read from text."""

import ast
import types
import typing
from typing import Any, Iterable

from cvapp.errors import CvappError
from cvapp.names import did_you_mean


def prefix_of(part: Any) -> str:
    """What the names of a part's settings begin with: `train.` for Train, nothing for the Recipe itself."""
    name = type(part).__name__.lower()
    return "" if name == "recipe" else f"{name}."


def within(part: Any, **limits: tuple[float, float]) -> None:
    """Check a part's numbers against the least and the most that each may be."""
    for name, (low, high) in limits.items():
        value = getattr(part, name)
        if not low <= value <= high:
            raise CvappError(f"{prefix_of(part)}{name} is {value}: give a number from {low:g} to {high:g}")


def one_of(name: str, value: str | None, allowed: Iterable[str]) -> None:
    """Check that a word is among those allowed."""
    if value not in (allowed := list(allowed)):
        raise CvappError(f"{name} is {value!r}: choose one of {', '.join(allowed)}{did_you_mean(str(value), allowed)}")


def settle_kinds(part: Any) -> None:
    """Take each value as the kind its field declares (an int serves as a float, a list as a tuple); another kind is an error."""
    for name, hint in typing.get_type_hints(type(part)).items():
        object.__setattr__(part, name, _convert(f"{prefix_of(part)}{name}", getattr(part, name), hint))


def kinds(hint: Any) -> tuple[Any, ...]:
    """`int | None` -> (int, NoneType)."""
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _convert(name: str, value: Any, hint: Any) -> Any:
    for kind in kinds(hint):
        origin = typing.get_origin(kind) or kind
        if origin is tuple and isinstance(value, (list, tuple)):
            return tuple(value)
        if origin is float and type(value) in (int, float):
            return float(value)
        if type(value) is origin:
            return value
    allowed = " or ".join("none" if kind is type(None) else getattr(kind, "__name__", str(kind)) for kind in kinds(hint))
    raise CvappError(f"{name} is {value!r}: expected {allowed}")


def parse(text: str, wanted: tuple[Any, ...]) -> Any:
    """A setting's text as its field's kind wants it; what cannot be taken so is left for the check to refuse."""
    if text.lower() == "none" and wanted != (str,):
        return None
    if bool in wanted and text.lower() in ("true", "yes", "false", "no"):
        return text.lower() in ("true", "yes")
    if any(typing.get_origin(kind) is tuple for kind in wanted):
        return tuple(_literal(word.strip()) for word in text.strip("()[]").split(",") if word.strip())
    value = _literal(text)
    return value if isinstance(value, str) or str not in wanted else text


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return text
