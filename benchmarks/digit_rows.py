"""What a trained transcriber writes of its 2,000 test pictures: exact match by length, greedy beside beam search, and whether the cache changes it.

A text is written with keys and values kept (the cache) and made again for every token: the texts must be the same. Once as the transcriber was
trained, and once with its weights in a decoder of 20 places that may not end, so that every text has 20 tokens. Times are medians of rounds in
which the two take turns, of one picture with the longest text and of 64 pictures.

    python benchmarks/digit_rows.py NAME ...
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from cvapp import card as cards
from cvapp.data import digit_rows, generated
from cvapp.evaluation.texts import summary
from cvapp.models import generation, transcriber
from cvapp.models.classifier import open_model
from cvapp.models.generation import Writer
from cvapp.models.token_decoder import END
from cvapp.models.transcriber import texts_of
from cvapp.training.transcribe import design_of

import keras  # after cvapp's, which keep TensorFlow's start-up lines off the terminal

BATCH, ROUNDS, LONG = 64, 15, 20


def texts(write: Writer, pictures: np.ndarray) -> list[str]:
    """What is written of all pictures."""
    parts = [write(pictures[start : start + BATCH]).tokens for start in range(0, len(pictures), BATCH)]
    return texts_of(np.concatenate(parts), digit_rows.DIGITS)


def milliseconds(writers: list[Writer], pictures: np.ndarray) -> list[float]:
    """Median time of each, in turns, after a round to warm up."""
    taken = []
    for _ in range(ROUNDS + 1):
        row = []
        for write in writers:
            start = time.perf_counter()
            write(pictures)
            row.append(1000 * (time.perf_counter() - start))
        taken.append(row)
    return [statistics.median(column) for column in zip(*taken[1:])]


def endless(network: keras.Model, design: transcriber.Design) -> keras.Model:
    """The same weights with LONG places, the last layer's untied so that the end can be forbidden."""
    made = transcriber.build(dataclasses.replace(design, length=LONG, tied=False))
    made.get_layer("encoder").set_weights(network.get_layer("encoder").get_weights())
    weights = network.get_layer("decoder").get_weights()  # the embedding's come first
    never = np.where(np.arange(len(design.characters) + 1) == END, -1e3, 0)
    made.get_layer("decoder").set_weights([*weights, weights[0][:-1].T, never])
    return made


def main(folder: Path) -> None:
    """Print both tables of a saved model."""
    card = cards.read(folder)
    network = open_model(cards.check_file(card, folder, "model.keras"))
    pictures, truths = generated.held_rows("test", card.recipe)
    longest = max(range(len(truths)), key=lambda place: len(truths[place]))
    some = np.concatenate([pictures[longest : longest + 1], pictures])[:BATCH]
    found, rows = {}, []
    for writer in (network, endless(network, design_of(card.recipe))):
        length = writer.get_layer("decoder").length
        for width in (1, card.recipe.transcribe.beam):
            writers = [generation.beam(writer, width, None, cached) for cached in (True, False)]
            cached, plain = (texts(write, pictures) for write in writers)
            same = sum(one == other for one, other in zip(cached, plain))
            if writer is network:
                found[width] = summary(cached, truths)
            for part in (some[:1], some):
                kept, anew = milliseconds(writers, part)
                rows.append(f"| {length} | {width} | {same} of {len(truths)} | {len(part)} | {kept:.1f} | {anew:.1f} | {anew / kept:.2f} |")
    print(f"{folder.name}: {network.count_params():,} parameters\n")
    lengths = ["all", *found[1]["by_length"]]
    print(f"| search | {' | '.join(lengths)} | characters wrong |\n{'|---' * (len(lengths) + 2)}|")
    for width, figures in found.items():
        shares = [f"{figures['by_length'].get(length, figures)['accuracy']:.3f}" for length in lengths]
        print(f"| {'greedy' if width == 1 else f'beam of {width}'} | {' | '.join(shares)} | {figures['character_error_rate']:.4f} |")
    print(
        "\n| tokens | beam | same texts with the cache and without | pictures | cached ms | uncached ms | times faster |\n"
        + "|---" * 7
        + "|"
    )
    print("\n".join(rows) + "\n", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        main(Path("saved_models") / name)
