"""Runs made up for the tests: results whose accuracies, mistakes and histories are chosen, with pictures to show."""

import numpy as np

from cvapp.card import Card
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.evaluation import poor_features
from cvapp.evaluation.forecast import Check, Estimate, Forecast, Outlook
from cvapp.evaluation.results import Results, parts
from cvapp.images import Images
from cvapp.recipe import Recipe, override

SIZE = (24, 32)


def history(losses, val_losses=None, stage="head", first=1):
    """A row an epoch, from losses."""
    val_losses = losses if val_losses is None else val_losses
    return [
        {"stage": stage, "epoch": first + index, "loss": loss, "accuracy": 0.5, "val_loss": val, "val_accuracy": 0.5, "learning_rate": 0.01}
        for index, (loss, val) in enumerate(zip(losses, val_losses))
    ]


def answers(truth, right, num_classes, sure=0.9):
    """Probabilities (N, C): the first `right` answers are the label with `sure`, the others the next class."""
    best = np.where(np.arange(len(truth)) < right, truth, (truth + 1) % num_classes)
    probabilities = np.full((len(truth), num_classes), (1 - sure) / (num_classes - 1))
    probabilities[np.arange(len(truth)), best] = sure
    return probabilities


def run(folder, right, labels=("ants", "bees"), sure=0.9, **more):
    """Results with `right` answers of so many photos in each part: run(folder, {"train": (90, 100), "val": (40, 50)})."""
    store, rows, found = Store("pixels", 0, (*SIZE, 3), "uint8", folder), [], []
    for part, (hits, count) in right.items():
        truth = np.arange(count) % len(labels)
        found.append(answers(truth, hits, len(labels), sure))
        for index, place in enumerate(truth):
            name = f"{part}{index:060d}"[:64]
            rows.append(Row(name, f"{part}/{labels[place]}/{index:04d}.jpg", labels[place], part))
            store.put(name, np.full((*SIZE, 3), 7 * index % 256))
    together = np.concatenate(found)
    plain = {"history": history([0.6, 0.3, 0.2]), "judged": together, "crossed": False, "before": None}
    return Results(**{"rows": rows, "probabilities": together, "pixels": store, **plain, **more})


def forecast(now, twice, classes=(), passed=True):
    """A forecast from an accuracy now to one at twice the 240 training photos, overall and for each class: (now, twice) pairs."""

    def outlook(photos, now, twice):
        return Outlook(photos, now, Estimate(twice - 0.01, twice, twice + 0.01), Estimate(twice, twice + 0.01, twice + 0.02))

    classes = [outlook(240 // len(classes), *one) for one in classes]
    check = Check(120, 240, Estimate(now - 0.03, now - 0.01, now + 0.01), now if passed else now + 0.02)
    curve = [(30.0, now - 0.1), (60.0, now - 0.05), (120.0, now - 0.02), (240.0, now)]
    band = [(240.0 * times, Estimate(now, now + 0.01 * times, now + 0.02 * times)) for times in (1, 2, 4)]
    return Forecast(240, curve, band, outlook(240, now, twice), classes, check)


def card(results, labels=("ants", "bees"), settings=(), **metric):
    """The card of such a run."""
    found = parts(results.rows, results.probabilities, labels)
    figures = {name: part.figures(labels) for name, part in found.items()}
    recipe = override(Recipe(), settings)
    figures |= poor_features.metric(results, labels)
    weights = {"source": "made & up", "licence": "Apache-2.0"}
    return Card("mine", "classify", tuple(labels), Images(SIZE), recipe, metrics={**figures, **metric}, threshold=0.5, weights=weights)
