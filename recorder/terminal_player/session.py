"""The keyboard, and the loop between it and the screen."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from io import StringIO

from rich.console import Console
from rich.text import Text

from recorder.terminal_player.film import Film
from recorder.terminal_player.playback import Playback
from recorder.terminal_player.screen import draw

__all__ = ["Keyboard", "play_episode"]

_SEQUENCES = {
    "[D": "left", "[C": "right", "OD": "left", "OC": "right",
    "[H": "home", "[F": "end", "OH": "home", "OF": "end", "[1~": "home", "[4~": "end",
    "[1;2D": "shift-left", "[1;2C": "shift-right",
}  # fmt: skip
"""What terminals send after an escape character."""


class Keyboard:
    """Keys without echo and without Enter; Ctrl-C still interrupts. The terminal is as before at the end.

    Args:
        descriptor: of the terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = termios.tcgetattr(descriptor)

    def __enter__(self) -> Keyboard:
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def read(self, timeout_secs: float) -> list[str]:
        """The keys that were pressed; waits for the first one for this long at most. ``q`` if the terminal is gone."""
        ready, _, _ = select.select([self._descriptor], [], [], timeout_secs)
        if not ready:
            return []
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:
            data = b""
        return _keys(data.decode("utf-8", "replace")) if data else ["q"]


def _keys(text: str) -> list[str]:
    keys = []
    while text:
        if text[0] == "\x1b":
            found = next((sequence for sequence in _SEQUENCES if text.startswith(sequence, 1)), None)
            if found is not None:
                keys.append(_SEQUENCES[found])
                text = text[1 + len(found) :]
                continue
            if text[1:2] in ("[", "O"):  # a key that means nothing here
                end = next((at for at, letter in enumerate(text[2:], 2) if "@" <= letter <= "~"), len(text) - 1)
                text = text[end + 1 :]
                continue
            keys.append("escape")
        else:
            keys.append(text[0])
        text = text[1:]
    return keys


_FRAMES_PER_SEC = 20.0
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def play_episode(film: Film, playback: Playback, *, colors: bool) -> None:
    """Play until the reader leaves. Standard input and output are a terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C; the terminal is as before.
        OSError: the terminal can't be written.
    """
    with Keyboard(sys.stdin.fileno()) as keyboard:
        _write(_ENTER)
        try:
            _loop(film, playback, keyboard, colors)
        finally:
            _write(_LEAVE)


def _loop(film: Film, playback: Playback, keyboard: Keyboard, colors: bool) -> None:
    last = time.monotonic()
    shown = ""
    while not playback.is_over:
        size = shutil.get_terminal_size()
        page = _page(draw(film, playback, size.columns, size.lines), size, colors)
        if page != shown:  # over a slow line, only what changes is sent
            _write(page)
            shown = page
        for key in keyboard.read(1 / _FRAMES_PER_SEC if playback.is_playing else 1.0):
            playback.press(key)
        now = time.monotonic()
        playback.advance(now - last)
        last = now


def _page(lines: list[Text], size: os.terminal_size, colors: bool) -> str:
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, width=size.columns + 1, no_color=not colors)
    for line in lines:
        console.print(line, end="", soft_wrap=True)
        drawn.write(f"{_END_OF_LINE}\n")
    return _HOME + drawn.getvalue().rstrip("\n") + _END_OF_SCREEN


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
