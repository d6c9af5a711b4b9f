"""The interpreter switches promptly while a recorder is open, and as it did before when none is."""

from __future__ import annotations

import sys

from recorder import EpisodeRecorder
from recorder.capture.switch_interval import LONGEST_SWITCH_SECS, prompt_switching
from tests.waiting import wait_until


def test_the_last_block_to_end_puts_back_what_was() -> None:
    usual = sys.getswitchinterval()
    with prompt_switching():
        with prompt_switching():
            assert sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01
        assert sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01
    assert sys.getswitchinterval() == usual


def test_an_open_recorder_shortens_the_interval_and_a_closed_one_does_not() -> None:
    usual = sys.getswitchinterval()
    recorder = EpisodeRecorder(strict=True)
    wait_until(lambda: sys.getswitchinterval() <= LONGEST_SWITCH_SECS * 1.01, 10.0, "prompt switching")
    recorder.close()
    wait_until(lambda: sys.getswitchinterval() == usual, 10.0, "the usual interval")
