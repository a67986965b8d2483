"""What is said of a run at its end, and when a strict one need not go on."""

import pytest

from cvapp.errors import Exit
from cvapp.training import run_alarms


@pytest.mark.parametrize(("diversity", "said"), [(0.069, True), (0.071, False), (0.28, False)])
def test_samples_that_are_nearly_one_picture_are_told_after_however_few_steps(diversity, said):
    told = run_alarms.alike({"diversity": diversity, "real_diversity": 0.28}, [{"step": 4}])
    assert bool(told) is said
    if said:
        expected = "after 4 steps two samples differ by 6.9% of the range, two photos by 28.0%: samples are nearly one picture. Try more epochs"
        assert told.startswith(expected)


def test_a_discriminator_that_wins_outright_for_eight_notes_has_won():
    wins, well = {"alarms": "discriminator"}, {"alarms": ""}
    assert run_alarms.lasts([well, *[wins] * 8])
    assert not run_alarms.lasts([wins] * 7) and not run_alarms.lasts([*[wins] * 8, well])
    assert not run_alarms.lasts([{"alarms": "oscillation"}] * 8)


def test_a_refusal_says_what_comes_next():
    error = run_alarms.refused("samples are one picture", "nothing is replaced")
    assert str(error) == "collapsed: samples are one picture; nothing is replaced" and error.code == Exit.GATE
