"""The labels of a person's photos beside those of a model: which are the same, spelled otherwise or not, and which have no partner."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from cvapp.data.listing import natural
from cvapp.names import Known, did_you_mean

TOLD = 5  # lines of a kind before the rest is counted


@dataclass(frozen=True)
class Matching:
    """How given labels fit those of a model.

    Args:
        known: the model's labels, in its order.
        meant: the model's label for each given one that has a partner.
        extra: given labels without a partner, as a person would sort them.
    """

    known: tuple[str, ...]
    meant: Mapping[str, str]
    extra: tuple[str, ...]

    @property
    def respelled(self) -> list[dict[str, str]]:
        """Given labels that are spelled otherwise than the model's, each as `given` and `label`."""
        return [{"given": given, "label": label} for given, label in self.meant.items() if given != label]

    def notes(self) -> list[str]:
        """What a person should know of labels that have a partner, a line each."""
        givens: dict[str, list[str]] = defaultdict(list)
        for given, label in self.meant.items():
            givens[label].append(given)
        lines = []
        for label, some in givens.items():
            if len(some) > 1:
                lines.append(f"classes {' and '.join(map(repr, some))} mean the model's {label!r} and count together")
            elif some != [label]:
                lines.append(f"class {some[0]!r} is taken for the model's {label!r}")
        return few(lines, "classes that are spelled otherwise")

    def advice(self, label: str) -> str:
        """Which of the model's labels a label without a partner may mean, as the end of a line."""
        alike = Known(self.known).meant(label)
        if len(alike) > 1:
            return f". It may mean {' or '.join(map(repr, alike))}: spell it as one of them"
        return did_you_mean(label, self.known)


def match(given: Iterable[str], known: Sequence[str]) -> Matching:
    """Match labels by name, as `names.Known.meant` does: composed or not, whatever their capitals and blanks.

    A label that may mean several of the model's is among the extra ones.
    """
    names, meant, extra = Known(known), {}, []
    for label in natural(set(given)):
        partners = names.meant(label)
        if len(partners) == 1:
            meant[label] = partners[0]
        else:
            extra.append(label)
    return Matching(tuple(known), meant, tuple(extra))


def all_one(given: Iterable[str], label: str) -> Matching:
    """Every given label means one: of a model that knows no classes."""
    return Matching((label,), {name: label for name in natural(set(given))}, ())


def few(lines: Sequence[str], what: str) -> list[str]:
    """The first lines of a kind, and how many more there are."""
    return [*lines[:TOLD], *([f"{len(lines) - TOLD} more {what}"] if len(lines) > TOLD else [])]


def listed(labels: Sequence[str], most: int = 8) -> str:
    """Some labels in quotes, and how many more there are."""
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(map(repr, labels[:most])) + more
