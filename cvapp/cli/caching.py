"""`cvapp cache`."""

import argparse

from cvapp.cli.answer import Answer, table
from cvapp.data import cache
from cvapp.data.store import ROOT


def show(args: argparse.Namespace) -> Answer:
    """Where the cache lies and how large it is, by kind; with --clear it is removed, which costs nothing but the time to fill it again."""
    if args.clear:
        freed = cache.clear()
        told = f"{ROOT}: {megabytes(freed)} freed; training fills it again, until then export, evaluate and slide want --data DIR"
        return Answer({"folder": str(ROOT), "freed": freed}, told)
    found = cache.sizes()
    total = sum(found.values())
    rows = [(kind, f"{size / 1e6:.1f}") for kind, size in found.items()]
    said = f"{ROOT}: {megabytes(total)}; cvapp cache --clear removes it" if found else f"{ROOT}: nothing"
    return Answer({"folder": str(ROOT), "bytes": total, "kinds": found}, "\n".join([*([table(("kind", "MB"), rows)] if rows else []), said]))


def megabytes(size: int) -> str:
    """`12.3 MB`."""
    return f"{size / 1e6:,.1f} MB"
