"""Alarms of a generator's training: planted failures are told in time, a healthy run is left in peace."""

import math

import pytest

from cvapp.training.alarms import UNTRAINED, WINDOW, Alarm, check, collapsed

REAL = 0.28  # two garments of Fashion-MNIST differ by as much


def run(count=12, **columns):
    """Rows every 50 steps of a healthy run; a column is a number, or a function of the row's place from 0."""
    healthy = {"d_loss": 0.6, "g_loss": 1.5, "d_real": 0.75, "d_fake": 0.25, "d_norm": 3.0, "g_norm": 0.6, "diversity": 0.25}
    rows = []
    for place in range(count):
        values = {name: value(place) if callable(value) else value for name, value in (healthy | columns).items()}
        rows.append({"step": 50 * (place + 1), **values})
    return rows


def first(rows, name, **options):
    """The step of the first row at which an alarm is raised, watched as a run goes on."""
    return next((rows[end]["step"] for end in range(len(rows)) if name in names(rows[: end + 1], **options)), None)


def names(rows, **options):
    return [alarm.name for alarm in check(rows, REAL, **options)]


# measured on Fashion-MNIST, batches of 64, both rates 2e-4: the first 450 steps
MEASURED = {
    "d_real": [0.866, 0.870, 0.877, 0.891, 0.906, 0.908, 0.932, 0.874, 0.914],
    "d_fake": [0.219, 0.133, 0.116, 0.108, 0.085, 0.086, 0.065, 0.120, 0.087],
    "diversity": [0.056, 0.136, 0.174, 0.199, 0.205, 0.223, 0.237, 0.235, 0.249],
}


def test_a_healthy_run_is_left_in_peace():
    assert all(names(run()[:end]) == [] for end in range(13))
    measured = run(9, **{name: values.__getitem__ for name, values in MEASURED.items()})
    assert all(names(measured[:end]) == [] for end in range(10))


def test_an_untrained_start_is_no_alarm():
    """At first the discriminator tells one grey from photos at once; soon the generator moves."""
    rows = run(
        8,
        d_real=lambda place: 0.99 if place < 4 else 0.8,
        d_fake=lambda place: 0.01 if place < 4 else 0.2,
        diversity=lambda place: 0.02 * place,
    )
    assert all(names(rows[:end]) == [] for end in range(9))
    assert UNTRAINED >= 2 and WINDOW <= 4


def test_a_planted_collapse_is_told_within_500_steps():
    from_start = run(diversity=0.01)
    assert first(from_start, "diversity") == 50 * (UNTRAINED + WINDOW) <= 500
    later = run(40, diversity=lambda place: 0.25 if place < 20 else 0.02)
    assert first(later, "diversity") - 50 * 20 <= 50 * WINDOW
    slowly = run(40, diversity=lambda place: max(0.005, 0.25 - 0.01 * place))
    assert first(slowly, "diversity") is not None


def test_diversity_that_still_grows_is_left_to_grow():
    growing = run(14, diversity=lambda place: 0.008 * place)
    assert first(growing, "diversity") is None
    assert first(run(14, diversity=lambda place: 0.001 * place), "diversity") is not None
    assert names(run(12, diversity=lambda place: 0.02 if place != 10 else 0.2)) == [], "one good row among bad ones"


def test_the_alarm_of_diversity_tells_numbers_meaning_and_cure():
    (alarm,) = check(run(diversity=0.014), REAL)
    assert alarm.text.startswith("steps 450 to 600: two samples differ by 1.4% of the range, two photos by 28.0%: ")
    assert "one picture whatever the noise (collapse). Try: " in alarm.text and "train.learning_rate" in alarm.text
    assert "\n" not in alarm.text
    assert check(run(diversity=0.0), 0.0) == [], "photos that are all the same cannot be varied"


def test_a_discriminator_that_wins_outright_is_told():
    (alarm,) = check(run(d_real=0.999, d_fake=0.002), REAL)
    assert alarm.name == "discriminator"
    assert "answers 0.999 for photos and 0.002 for samples" in alarm.text and "generate.discriminator_rate" in alarm.text
    assert first(run(d_real=0.999, d_fake=0.002), "discriminator") == 50 * (UNTRAINED + WINDOW)


@pytest.mark.parametrize(
    "columns",
    [
        {"d_real": 0.97, "d_fake": 0.01},
        {"d_real": 0.99, "d_fake": 0.03},
        {"d_real": 0.99, "d_fake": lambda place: 0.001 if place < 11 else 0.07},
    ],
    ids=["not sure of photos", "not sure of samples", "the generator catches up"],
)
def test_a_strong_discriminator_alone_is_no_alarm(columns):
    assert names(run(**columns)) == []


def test_the_target_of_label_smoothing_is_taken_into_account():
    rows = run(d_real=0.899, d_fake=0.002)
    assert names(rows) == [] and names(rows, target=0.9) == ["discriminator"]
    assert "label_smoothing" not in check(rows, REAL, target=0.9)[0].text, "it is in use already"
    assert "label_smoothing" in check(run(d_real=0.999, d_fake=0.002), REAL)[0].text


def test_answers_that_are_no_probabilities_are_not_judged():
    assert names(run(d_real=1.0, d_fake=0.0), probabilities=False) == []
    assert names(run(d_fake=lambda place: 0.1 + 0.8 * (place % 2)), probabilities=False) == []
    assert names(run(d_real=1.0, d_fake=0.0, diversity=0), probabilities=False) == ["diversity"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["d_loss", "g_loss", "d_norm", "g_norm", "d_real", "diversity"])
def test_numbers_that_break_are_told_at_once_and_stay_told(name, value):
    rows = run(1, **{name: value})
    (alarm,) = check(rows, REAL)
    assert alarm.name == "not finite" and alarm.text.startswith(f"by step 50 {name} is no finite number: ")
    assert names(rows + run(12)) == ["not finite"]
    both = check(run(1, d_loss=math.nan, g_loss=math.nan), REAL)[0].text
    assert "by step 50 d_loss and g_loss are no finite number" in both


def test_two_that_run_after_each_other_are_told():
    swinging = run(d_fake=lambda place: 0.1 if place % 2 else 0.7)
    (alarm,) = check(swinging, REAL)
    assert alarm.name == "oscillation" and "swings between 0.10 and 0.70" in alarm.text
    assert names(run(d_fake=lambda place: 0.2 if place % 2 else 0.4)) == []
    assert names(run(d_fake=lambda place: 0.1 + 0.07 * place)) == [], "a long way in one direction is no swing"


def test_each_alarm_is_raised_once_the_worst_first_and_what_is_missing_is_not_judged():
    bad = run(d_real=1.0, d_fake=0.0, diversity=0.0)
    assert names(bad) == ["diversity", "discriminator"]
    assert names([{"step": row["step"], "d_loss": row["d_loss"]} for row in bad]) == []
    assert names([]) == []


def test_what_counts_as_collapsed():
    outright, alike, broken, swings = (Alarm(name, "") for name in ("discriminator", "diversity", "not finite", "oscillation"))
    assert collapsed([alike]) and collapsed([swings, broken]) and not collapsed([]) and not collapsed([swings])
    assert collapsed([outright]), "at the end it has held"
    assert not collapsed([outright], ended=False) and collapsed([outright, alike], ended=False)
