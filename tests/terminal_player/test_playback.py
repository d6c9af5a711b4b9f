"""Time and keys move the shown step."""

from __future__ import annotations

import os
import pty
import termios

from recorder.terminal_player import Playback
from recorder.terminal_player.session import Keyboard


def test_time_plays_five_steps_a_second_and_stops_at_the_end() -> None:
    playback = Playback(11)
    playback.advance(1.0)
    assert (playback.index, playback.is_playing) == (5, True)
    playback.advance(60.0)
    assert (playback.index, playback.is_playing) == (10, False)
    playback.press(" ")  # again from the start
    assert (playback.index, playback.is_playing) == (0, True)


def test_keys_seek_and_stay_within_the_episode() -> None:
    playback = Playback(100, [10, 50], index=20)
    shown = []
    for key in (".", "]", "]", "[", "[", ",", "9", "end", ".", "home", ",", "right", "shift-right", "\x00"):
        playback.press(key)
        shown.append(playback.index)
    assert shown == [21, 50, 50, 10, 10, 9, 90, 99, 99, 0, 0, 1, 11, 11]


def test_an_arrow_is_five_seconds_while_playing() -> None:
    playback = Playback(1000, index=100, speed=2.0)
    playback.press("right")
    assert playback.index == 150
    playback.press("left")
    assert playback.index == 100


def test_speeds_have_an_end_on_both_sides() -> None:
    playback = Playback(10, speed=3.0)
    playback.press("j")
    assert playback.speed == 2.0
    for _ in range(20):
        playback.press("l")
    assert playback.speed == 128.0
    for _ in range(20):
        playback.press("<")
    assert playback.speed == 0.25


def test_dull_spans_are_skipped_on_request() -> None:
    playback = Playback(100, dull=[(5, 60)])
    playback.press("s")
    playback.advance(1.0)
    assert playback.index == 60


def test_the_help_closes_at_the_next_key_which_does_nothing_else() -> None:
    playback = Playback(100)
    playback.press("?")
    assert playback.shows_help
    playback.press("q")
    assert (playback.shows_help, playback.is_over) == (False, False)
    playback.press("q")
    assert playback.is_over


def test_the_keyboard_reads_keys_without_enter_and_restores_the_terminal() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with Keyboard(theirs) as keyboard:
        os.write(ours, b" \x1b[D\x1b[1;2C\x1bOH\x1b[15~?\x1b")
        assert keyboard.read(10.0) == [" ", "left", "shift-right", "home", "?", "escape"]
        assert keyboard.read(0.0) == []
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    with_gone = Keyboard.__new__(Keyboard)  # its terminal is closed on the other side
    with_gone._descriptor = theirs
    assert with_gone.read(10.0) == ["q"]
    os.close(theirs)
