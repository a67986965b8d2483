"""Where a model looks, shown beside its answers when a person asks for it."""

import argparse

import numpy as np

from cvapp.bundle import Bundle
from cvapp.camera.heat import Looked, looking
from cvapp.cli.seeing import Seeing
from cvapp.errors import CvappError


class Looking:
    """The attention of a model: off, which costs nothing, until it is asked for, with --attention or by a key.

    Args:
        bundle: the model; every variant of it looks alike.
        args: of the command.

    Raises:
        CvappError: --attention of a model that has none (exit 2), or whose file is missing or altered (exit 3).
    """

    def __init__(self, bundle: Bundle, args: argparse.Namespace):
        self._bundle, self._on = bundle, False
        if args.attention:
            if bundle.card.task != "classify":
                raise CvappError(f"--attention is for vision transformers that classify; {args.name} is a {bundle.card.task} model: leave it out")
            self.switch()

    def switch(self) -> None:
        """On, or off again; an error, and off, where there is none to show."""
        if not self._on:
            self._bundle.attend(np.zeros((*self._bundle.card.input_size, 3), np.uint8))  # opens the file here, not amid the answers
        self._on = not self._on

    def beside(self, seeing: Seeing) -> Seeing:
        """The same with maps beside the answers, where the model has any."""
        if self._bundle.attention is None:
            return seeing
        return Seeing(
            seeing.prepare,
            lambda asked, fitted: Looked(seeing.answer(asked, fitted), self._bundle.attend(fitted) if self._on else None),
            looking(seeing.kind, self._bundle.card.images),
            seeing.head,
            lambda looked: seeing.rows(looked.answer),
            lambda looked: seeing.values(looked.answer),
        )
