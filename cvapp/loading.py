"""Open a saved model: LiteRT where it was exported, Keras by a late import otherwise."""

import shlex
from pathlib import Path

from cvapp import card as cards
from cvapp.bundle import Bundle, open_lite
from cvapp.card import TRANSCRIBE
from cvapp.errors import CvappError, missing_extra

KERAS = "keras"


def load(path: str | Path, variant: str | None = None, threads: int = 1) -> Bundle:
    """Open a saved model.

    Args:
        path: its folder, such as `saved_models/bees`.
        variant: the name of a .tflite, or `keras`; the exported choice when left out, Keras where nothing was exported.
        threads: of the LiteRT interpreter.

    Raises:
        CvappError: no such model or variant, or one that only Keras runs (exit 2); a file missing, altered or of another model (exit 3).
    """
    folder = Path(path)
    if variant != KERAS:
        bundle = open_lite(folder, variant, threads)
        if bundle is not None:
            return bundle
        if variant is not None:
            cards.refuse_transcriber(cards.read(folder))
            raise CvappError(f"{folder} was not exported, so it has no variant {variant!r}; run cvapp export {shlex.quote(folder.name)}")
    return _open_keras(folder)


def _open_keras(folder: Path) -> Bundle:
    card = cards.read(folder)
    if card.task == "backbone":
        raise CvappError(
            f"{folder} is a backbone: it answers features, not labels; train a classifier on it with --set model.handle={folder}"
        )
    path = cards.check_file(card, folder, "model.keras")
    try:
        from cvapp.models.attention_maps import attention_maps
        from cvapp.models.classifier import open_model, predict_function
        from cvapp.models.reading import open_reader
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    if card.task == TRANSCRIBE:
        return Bundle(card, open_reader(path), KERAS)
    model = open_model(path)
    looks = attention_maps(model, whole=False) if card.task == "classify" else None
    return Bundle(card, predict_function(model), KERAS, predict_function(looks) if looks is not None else None)
