"""The keys: each sets what its help says, and nothing else."""

import dataclasses

import pytest

from cvapp.camera.keys import HELP, QUIT, Controls, quits

CHANGED = {" ": "paused", "s": "snapshot", "r": "recording", "v": "variant", "a": "attention", "m": "mirror", "h": "help", "q": "quit"}


@pytest.mark.parametrize("letter, name", CHANGED.items())
def test_a_key_sets_one_thing(letter, name):
    controls = Controls()
    controls.press(ord(letter))
    assert dataclasses.asdict(controls) == {**dataclasses.asdict(Controls()), name: True}


def test_pause_record_mirror_and_help_are_switched_off_by_the_same_key():
    controls = Controls()
    for letter in " rmh":
        controls.press(ord(letter))
        controls.press(ord(letter.upper()))
    assert controls == Controls()


@pytest.mark.parametrize("key", [-1, 0, 255, ord("x"), 9])
def test_other_keys_do_nothing(key):
    controls = Controls()
    controls.press(key)
    assert controls == Controls() and not quits(key)


def test_a_closed_window_escape_and_q_quit_with_or_without_modifier_bits():
    assert quits(QUIT) and quits(ord("q")) and quits(ord("Q")) and quits(0x100000 | ord("q"))


def test_every_key_is_in_the_help():
    assert {"space" if letter == " " else letter for letter in CHANGED} == set(HELP)
