"""The parts that the report's pages are made of: the document, tables, tiles, pictures, and how a model was made."""

import base64
from html import escape
from pathlib import Path
from typing import Any, Iterable, Sequence

import cv2
import numpy as np

from cvapp.card import TRANSCRIBE, Card
from cvapp.evaluation import mirroring
from cvapp.evaluation.plots import kept_epochs
from cvapp.evaluation.style import STYLE
from cvapp.evaluation.words import counted, isolated, percent
from cvapp.recipe import Recipe, settings

FEW = 12  # classes whose names fit into a line, and whose matrix into half a page


def document(card: Card, sections: Iterable[str]) -> str:
    """The whole page of a model: its name and its classes, then the sections."""
    names = f": {', '.join(map(isolated, card.labels))}" if len(card.labels) <= FEW else ""
    what = counted(len(card.labels), *(("character",) if card.task == TRANSCRIBE else ("class", "classes")))
    head = "<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
    return "\n".join(
        (
            f"<!doctype html>\n<html lang=en><head>{head}<title>{escape(card.name)}: report</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{escape(card.name)}</h1><p>{what}{escape(names)}</p></header>",
            *sections,
            "</body></html>\n",
        )
    )


def tiles(rows: Iterable[tuple[str, str, str]]) -> str:
    """Figures in large type: (figure, what it is, more in small type) each; taken as they are, so texts that came from outside are escaped before."""
    shown = "".join(f"<div><strong>{figure}</strong><span>{what}</span><small>{more}</small></div>" for figure, what, more in rows)
    return f"<div class=tiles>{shown}</div>"


def cells(values: Iterable[str]) -> str:
    """Texts as the cells of a table's row."""
    return "".join(f"<td>{escape(value)}" for value in values)


def table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """A table of rows that `cells` and `bar` made, which scrolls where the screen is narrow."""
    head = "".join(f"<th>{name}" for name in heads)
    body = "".join(f"<tr>{row}" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</thead><tbody>{body}</tbody></table></div>"


def bar(share: float) -> str:
    """A share as a cell with a bar behind it; a dash for nan."""
    return "<td>–" if np.isnan(share) else f"<td style='--share:{percent(share)}'>{percent(share, 1)}"


def plot(path: Path, title: str, text: str) -> str:
    """A picture's file with a title above and what it says below."""
    data = base64.b64encode(path.read_bytes()).decode()
    picture = f"<div class=paper><img alt='{title}' src='data:image/{path.suffix[1:]};base64,{data}'></div>"
    return f"<figure class=plot><h2>{title}</h2>{picture}<figcaption>{text}</figcaption></figure>"


def jpeg(rgb: np.ndarray, text: str) -> str:
    """A picture, uint8 RGB, held by the page, and what it shows for those who cannot see it."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return f"<img loading=lazy alt='{escape(text)}' src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>"


def making(card: Card, history: Sequence[dict[str, Any]]) -> str:
    """How the model was made, so that it can be judged and made again."""
    kept = kept_epochs(history)
    spans = {stage: [row["epoch"] for row in history if row["stage"] == stage] for stage in kept}
    stages = "; ".join(f"{stage}: epochs {epochs[0]} to {epochs[-1]}, kept {kept[stage]}" for stage, epochs in spans.items())
    facts = {
        "Stages": stages,
        "Fine-tuning": card.metrics.get("fine_tune", ""),
        "Mirroring": _mirroring(card),
        "Settings": _settings(card.recipe),
        "Pictures": f"{card.images.size[0]} x {card.images.size[1]} pixels, {card.images.fit}" if card.images.size else "",
        "Weights": f"{card.weights.get('source', 'unknown')} (licence: {card.weights.get('licence', 'unknown')})",
        "Time": f"{card.metrics['train_seconds']:.0f} s" if "train_seconds" in card.metrics else "",
        "Made with": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
    }
    told = "".join(f"<dt>{name}<dd>{escape(text)}" for name, text in facts.items() if text)
    return f"<section><h2>How it was made</h2><dl>{told}</dl></section>"


def _mirroring(card: Card) -> str:
    """Whether pictures were mirrored, where that was tried, and what spoke for it."""
    if "mirror" not in card.metrics:
        return ""
    return f"{'mirrored' if card.recipe.augment.mirror else 'not mirrored'}: {mirroring.sentence(card.metrics['mirror'])}"


def _settings(recipe: Recipe) -> str:
    """The seed, and all that is not the default."""
    plain = settings(Recipe())
    changed = [f"{name}={value}" for name, value in settings(recipe).items() if value != plain[name]]
    return ", ".join([f"seed={recipe.seed}", *(setting for setting in changed if not setting.startswith(("seed=", "images.size=")))])
