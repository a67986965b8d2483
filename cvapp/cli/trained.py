"""What is said of a model that was just trained: its figures, where its report lies, and what comes next."""

import shlex
from pathlib import Path
from typing import Any, Mapping

from cvapp import card as cards
from cvapp import lettering
from cvapp.cli.answer import table
from cvapp.evaluation import few_pictures, poor_features
from cvapp.evaluation.words import percent

FEW = 200  # samples and photos, under which a generator's figures are coarse


def trained(made: cards.Card, folder: Path, data: str = "") -> str:
    """What a person is told of a trained model, saved in a folder; `data` is where its photos lie, as the person named it."""
    early = made.metrics.get("finished_early")
    text = (f"finished early, with the best epoch of a run interrupted {early}\n" if early else "") + _figures(made, folder, data)
    if undrawn := lettering.undrawn(made.labels):
        shown = ", ".join(undrawn[:5]) + (f" and {len(undrawn) - 5} more" if len(undrawn) > 5 else "")
        text += f"\nthe report's page names all classes; its pictures cannot show {shown}: {lettering.cure()}"
    return text


def _figures(made: cards.Card, folder: Path, data: str) -> str:
    """By the model's task: how good it is, where its report lies, what comes next."""
    if made.task == "backbone":
        found = f"validation accuracy {made.metrics['val']['accuracy']:.3f} on {len(made.labels)} classes"
        return f"{folder}: {found}\nnext: cvapp train --data DIR --set model.handle={shlex.quote(str(folder))}"
    if made.task == "detect":
        return _trained_detector(made, folder)
    if made.task == cards.TRANSCRIBE:
        return _trained_transcriber(made, folder)
    if made.task == cards.GENERATE:
        return _trained_generator(made, folder, data)
    rows = [
        (part, made.metrics[part]["photos"], f"{made.metrics[part]['accuracy']:.3f}", f"{made.metrics[part]['loss']:.3f}")
        for part in ("train", "val", "test")
        if part in made.metrics
    ]
    return (
        f"{table(('part', 'photos', 'accuracy', 'loss'), rows)}\n{_of_sessions(made)}{_advice(made, data)}"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp export {shlex.quote(folder.name)}, then cvapp camera {shlex.quote(folder.name)}"
    )


def _of_sessions(made: cards.Card) -> str:
    """The headline of a model whose held-out photos have sessions; nothing where they have none."""
    part = "test" if "test" in made.metrics else "val"
    said = by_session(made.metrics[part], part)
    new = made.metrics.get("leave_one_session_out")
    return said + (f"leave-one-session-out {new:.3f}: what to expect of a new session\n" if new is not None else "")


def by_session(figures: Mapping[str, Any], part: str) -> str:
    """Accuracy by session with its interval and the worst session, a line; nothing where no session is known.

    Args:
        figures: of one part of the data, as `results.Part.figures` makes them.
        part: its name.
    """
    if "accuracy_by_session" not in figures:
        return ""
    count, worst = figures["sessions"], figures["worst_session"]
    interval = figures["session_interval"]
    span = f"95% interval {interval[0]:.3f} to {interval[1]:.3f}" if interval else "too few for an interval"
    sessions = f"{count} session{'' if count == 1 else 's'}"
    worst_said = f"worst {worst['name']!r}: {worst['accuracy']:.3f} of {worst['photos']} photo{'' if worst['photos'] == 1 else 's'}"
    return f"accuracy by session {figures['accuracy_by_session']:.3f} on {sessions} of {part} ({span}; {worst_said})\n"


def _advice(made: cards.Card, data: str) -> str:
    """What to try first where the backbone's features hardly tell the classes apart; nothing where they do."""
    cure = next(iter(poor_features.cures(made, data)), None)
    if cure is None:
        return ""
    return f"{poor_features.sentence(made)} {cure.text}: {cure.command or f'--set {cure.settings[0]}'}\n"


def _trained_detector(made: cards.Card, folder: Path) -> str:
    rows = [
        (part, figures["photos"], figures["objects"], f"{figures['map50']:.3f}", f"{figures['precision']:.3f}", f"{figures['recall']:.3f}")
        for part in ("train", "val", "test")
        if (figures := made.metrics.get(part))
    ]
    return (
        f"{table(('part', 'photos', 'objects', 'mAP50', 'precision', 'recall'), rows)}\n"
        f"precision and recall at the score threshold of {made.threshold:.2f}\n"
        + (f"{made.metrics['verdict']}; try first: {made.metrics['advice']}\n" if "advice" in made.metrics else "")
        + f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp export {shlex.quote(folder.name)}, then cvapp camera {shlex.quote(folder.name)}"
    )


def _trained_transcriber(made: cards.Card, folder: Path) -> str:
    return (
        f"{lengths(made.metrics['test'])}\n"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp predict {shlex.quote(folder.name)} PHOTO"
    )


def _trained_generator(made: cards.Card, folder: Path, data: str) -> str:
    part = "test" if "test" in made.metrics else "val"
    alarms = ", ".join(f"{name} (step {step})" for name, step in made.metrics["alarms"].items())
    return (
        f"{beside_photos(made.metrics[part])}\n"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s, epoch {made.metrics['kept_epoch']} of {made.metrics['epochs']} kept; report: "
        f"{folder / 'report' / 'report.html'}\n"
        + (f"alarms: {alarms}\n" if alarms else "")
        + (f"collapsed: {made.metrics['collapsed']}\n" if made.metrics["collapsed"] else "")
        + "".join(f"{line}\n" for line in (few_pictures.few(made.data["photos"]["train"]), few_pictures.advice(made, data)) if line)
        + f"next: cvapp sample {shlex.quote(folder.name)} --grid out.png; cvapp export {shlex.quote(folder.name)}"
    )


def beside_photos(figures: Mapping[str, Any]) -> str:
    """A generator's figures, each beside what real photos reach."""
    rows: list[tuple[str, str, str]] = [
        ("Fréchet distance", f"{figures['frechet']:.4g}", f"{figures['frechet_floor']:.4g}"),
        ("kernel distance", f"{figures['kernel']:.4g}", f"{figures['kernel_floor']:.4g}"),
        ("precision", f"{figures['precision']:.3f}", f"{figures['precision_floor']:.3f}"),
        ("recall", f"{figures['recall']:.3f}", f"{figures['recall_floor']:.3f}"),
        ("diversity", f"{figures['diversity']:.3f}", f"{figures['real_diversity']:.3f}"),
    ]
    if "covered" in figures:
        seen = sum(share > 0 for share in figures["real_classes"].values())
        rows.append(("classes made", f"{figures['covered']}", f"{seen}"))
    if "memorised" in figures:
        rows.append(("nearly a training photo", percent(figures["memorised"], 1), "1.0%"))
    few = f"\nof {figures['count']} samples beside {figures['count']} photos: too few to say much" if figures["count"] < FEW else ""
    return table(("by the judge", "samples", "real photos"), rows) + few


def lengths(figures: Mapping[str, Any]) -> str:
    """A transcriber's figures by length, all together, and those of beam search."""
    named = {**figures["by_length"], "all": figures}
    rows = [(name, row["pictures"], f"{row['accuracy']:.3f}", f"{row['character_error_rate']:.4f}") for name, row in named.items()]
    beam = f"without a mistake by beam search, {figures['beam']['width']} wide: {figures['beam']['accuracy']:.3f}"
    return f"{table(('digits', 'pictures', 'without a mistake', 'characters wrong'), rows)}\n{beam}"
