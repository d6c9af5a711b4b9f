"""The interpreter switches promptly while a recorder is open, and as it did before when none is."""

from __future__ import annotations

import sys

import pytest

from recorder import EpisodeRecorder
from recorder.capture.switch_interval import LONGEST_SWITCH_SECS, prompt_switching
from tests.waiting import wait_until


@pytest.fixture
def usual() -> float:
    """The interval that the interpreter has of itself, once no recorder of an earlier test is closing any more."""
    wait_until(lambda: sys.getswitchinterval() > LONGEST_SWITCH_SECS * 1.01, message="the end of earlier recorders")
    return sys.getswitchinterval()


def test_the_last_block_to_end_puts_back_what_was(usual: float) -> None:
    with prompt_switching():
        with prompt_switching():
            assert sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01
        assert sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01
    assert sys.getswitchinterval() == usual


def test_an_open_recorder_shortens_the_interval_and_a_closed_one_does_not(usual: float) -> None:
    recorder = EpisodeRecorder(strict=True)
    wait_until(lambda: sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01, message="prompt switching")
    recorder.close()
    wait_until(lambda: sys.getswitchinterval() == usual, message="the usual interval")
