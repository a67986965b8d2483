"""Plots of a generator's report say what they are given, for one row and many, gaps, and however many classes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cvapp import images
from cvapp.evaluation import generated_plots, plots
from cvapp.evaluation.generated_plots import MADE, PANELS, REAL, write_classes, write_course, write_distances


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved, before they became pixels."""
    kept: list[Figure] = []
    monkeypatch.setattr(generated_plots, "save", lambda figure, path: (kept.append(figure), plots.save(figure, path)))
    return kept


def row(step, **other):
    figures = {
        "d_loss": 0.6,
        "g_loss": 1.5,
        "d_real": 0.8,
        "d_fake": 0.2,
        "d_norm": 3.0,
        "g_norm": 0.4,
        "diversity": 0.2,
        "real_diversity": 0.3,
    }
    return {"step": step, **figures, **other}


def test_the_course_shows_every_figure_in_its_panel(tmp_path, figures):
    rows = [row(50 * number, d_fake=number / 100) for number in range(1, 31)]
    write_course(rows, tmp_path / "course.png")
    panels = figures[0].axes
    assert [axes.get_title("left") for axes in panels] == list(PANELS) == ["loss", "taken for real", "gradient norm", "diversity"]
    real, fake = panels[1].lines
    assert fake.get_xdata().tolist() == [one["step"] for one in rows] and fake.get_ydata() == pytest.approx(np.arange(1, 31) / 100)
    assert (real.get_color(), fake.get_color()) == (REAL, MADE) and panels[1].get_ylim()[0] == 0
    assert panels[3].lines[0].get_ydata() == [0.3, 0.3] and panels[3].lines[0].get_linestyle() == "--"
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["discriminator", "generator"]
    assert images.read(tmp_path / "course.png").shape[0] > 1000


def test_losses_that_explode_get_a_logarithmic_axis(tmp_path, figures):
    write_course([row(step, d_norm=10.0**step) for step in range(1, 6)], tmp_path / "course.png")
    assert [axes.get_yscale() for axes in figures[0].axes] == ["linear", "linear", "log", "linear"]
    write_course([row(step, d_loss=-(10.0**step)) for step in range(1, 6)], tmp_path / "course.png")
    assert figures[1].axes[0].get_yscale() == "linear", "below 0, as the loss of wasserstein is"


@pytest.mark.parametrize(
    "rows",
    [
        [row(1)],
        [row(step, g_loss=np.nan, d_norm=np.inf) for step in range(5)],
        [dict.fromkeys(row(0), np.nan) | {"step": step} for step in range(5)],
        [row(step, g_norm=0.0, d_norm=0.0) for step in range(5)],
        [{"step": 1, "d_loss": 0.5}],
        [row(step) for step in range(10_000)],
        [],
    ],
    ids=["one row", "gaps", "nothing known", "no gradient", "a figure alone", "many rows", "no rows"],
)
def test_any_course_can_be_drawn(tmp_path, rows):
    write_course(rows, tmp_path / "course.png")
    assert images.read(tmp_path / "course.png").std() > 5


def test_distances_fall_towards_the_floor(tmp_path, figures):
    rows = [{"epoch": epoch, "frechet": distance} for epoch, distance in enumerate([80.0, 30, np.nan, 8, 12], 1)]
    write_distances(rows, 1.5, tmp_path / "distances.png")
    (axes,) = figures[0].axes
    samples, least, floor = axes.lines
    assert axes.get_yscale() == "log" and floor.get_linestyle() == "--" and floor.get_ydata() == [1.5, 1.5]
    assert (least.get_xdata()[0], least.get_ydata()[0]) == (4, 8) and np.isnan(samples.get_ydata()[2])
    assert [line.get_label() for line in axes.lines] == ["samples", "least: 8 in epoch 4", "real photos: 1.5"]
    low, high = axes.get_ylim()
    assert low < 1.5 and high > 80


@pytest.mark.parametrize("floor", [0.4, 0.0, np.nan])
@pytest.mark.parametrize("distances", [[], [9.0], [np.nan, np.nan], [0.0], [1e-6, 1e6]])
def test_any_distances_can_be_drawn(tmp_path, distances, floor):
    rows = [{"epoch": epoch, "frechet": distance} for epoch, distance in enumerate(distances, 1)]
    write_distances(rows, floor, tmp_path / "distances.png")
    assert images.read(tmp_path / "distances.png").std() > 5


def test_classes_stand_in_their_order_real_beside_made(tmp_path, figures):
    write_classes([0.5, 0.3, 0.2], [0.9, 0.1, 0.0], ["ants", "bees", "wasps"], tmp_path / "classes.png")
    (axes,) = figures[0].axes
    real, made = ([bar.get_width() for bar in bars] for bars in axes.containers)
    assert (real, made) == ([0.5, 0.3, 0.2], [0.9, 0.1, 0.0])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ants", "bees", "wasps"] and axes.yaxis_inverted()
    assert [text.get_text() for text in axes.texts] == ["none"] and axes.texts[0].xy[1] == pytest.approx(2.2)


def test_of_many_classes_those_that_differ_most_are_shown(tmp_path, figures):
    made = np.full(60, 1 / 60)
    made[[3, 50]] = 0.1, 0
    write_classes(np.full(60, 1 / 60), made, [f"class {number}" for number in range(60)], tmp_path / "classes.png")
    (axes,) = figures[0].axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert len(shown) == 30 and {"class 3", "class 50"} <= set(shown)
    assert axes.get_title("left") == "30 of 60 classes, whose shares differ most"
    assert 800 < images.read(tmp_path / "classes.png").shape[0] <= 2100


@pytest.mark.parametrize("made", [[1.0], [np.nan], [0.0]])
def test_a_class_alone_and_shares_that_are_not_known(tmp_path, made):
    write_classes([0.0 if made == [0.0] else 1.0], made, ["$\\frac$ 日本 \udcff" + "long " * 20], tmp_path / "classes.png")
    assert images.read(tmp_path / "classes.png").std() > 5
