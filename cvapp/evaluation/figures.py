"""What all plots share: how a figure is saved, its axes, and the letters of labels."""

import warnings
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from cvapp import fonts
from cvapp.evaluation.words import printable, shorten
from cvapp.files import replacing
from cvapp.lettering import outlined


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; text in letters that matplotlib's own font lacks in a font that has them."""
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        axis.get_ticklabels()  # makes them
    for text in figure.findobj(Text):
        if not text.get_text().isascii():
            _choose_fonts(text)
    with replacing(path) as neighbour, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a letter that no font here has; the page has it right
        figure.savefig(neighbour, dpi=170, metadata={"Software": None})


def _choose_fonts(text: Text) -> None:
    """Let a text fall back on fonts of this machine for the letters that its own font lacks."""
    usual = [str(name) for name in text.get_fontfamily()]
    families = []
    for _, path in fonts.runs(text.get_text(), colored=False) or []:
        fontManager.addfont(path)
        families.append(FT2Font(str(path)).family_name)
    text.set_fontfamily(list(dict.fromkeys([*families, *usual])))


def tidy(axes: Axes) -> None:
    """Less ink: no frame above and to the right, a pale grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def name(label: str) -> str:
    """A class's name as matplotlib can draw it in little room, see `lettering.outlined`."""
    return shorten(outlined(printable(label)), 22).replace("$", r"\$")
