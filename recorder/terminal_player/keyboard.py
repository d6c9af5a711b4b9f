"""Reads single keys from a terminal (POSIX)."""

from __future__ import annotations

import os
import select
import termios
import tty

__all__ = ["Keyboard"]

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
