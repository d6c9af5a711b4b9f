"""The loop between keyboard and screen."""

from __future__ import annotations

import os
import shutil
import sys
import time
from io import StringIO

from rich.console import Console
from rich.text import Text

from recorder.terminal_player.film import Film
from recorder.terminal_player.keyboard import Keyboard
from recorder.terminal_player.playback import Playback
from recorder.terminal_player.screen import draw

__all__ = ["play_episode"]

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
