"""Colours with a meaning on a terminal: none in a pipe, with ``NO_COLOR``, or on a terminal without colours."""

from __future__ import annotations

import os
import sys

__all__ = ["BAD", "GOOD", "WARN", "has_colors", "paint", "sign_color", "verdict_color"]

GOOD, WARN, BAD = "green", "yellow", "red"
"""Names in ``rich`` as well."""

_CODES = {GOOD: 32, WARN: 33, BAD: 31}
_VERDICTS = {
    "ok": GOOD, "yes": GOOD, "complete": "", "kept": GOOD, "done": GOOD,
    "warn": WARN, "truncated": WARN, "salvaged": WARN, "held": WARN, "silent": WARN,
    "fail": BAD, "failed": BAD, "orphaned": BAD, "deleted": BAD,
}  # fmt: skip


def has_colors() -> bool:
    """Whether standard output shows colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, color: str) -> str:
    """``text`` in a colour; unchanged where there are none."""
    code = _CODES.get(color)
    return f"\x1b[{code}m{text}\x1b[0m" if code and has_colors() else text


def verdict_color(word: object) -> str:
    """Colour of a verdict, a decision or a status; empty for the usual ones."""
    return _VERDICTS.get(str(word), "")


def sign_color(value: object) -> str:
    """Colour of a number: ``BAD`` below 0."""
    return BAD if isinstance(value, (int, float)) and value < 0 else ""
