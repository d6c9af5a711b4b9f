"""Keeps the current folder out of the command line's imports: a user's own ``worker.py`` must not hide what a command loads.

It imports only what Python has loaded before any program: whatever else it asked for could be the user's file already.
"""

from __future__ import annotations

import os
import sys

__all__ = ["PACKAGES_FOLDER", "leave_out_current_folder", "let_user_code_be_found"]

PACKAGES_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where this package lies, with ``worker`` and ``replay_server`` beside it."""

_left_out: list[str] = []


def leave_out_current_folder() -> None:
    """Take the current folder off the import path of this process, and of those that it starts.

    Where this package itself lies there, as in a clone of the project, it stays.
    """
    kept = [place for place in sys.path if not _is_current(place) or _is_same(place, PACKAGES_FOLDER)]
    if len(kept) < len(sys.path):
        _left_out[:] = [
            os.path.realpath(place or ".") for place in sys.path if place not in kept and os.path.isdir(place or ".")
        ]
        sys.path[:] = kept


def let_user_code_be_found() -> None:
    """Put what was left out behind everything else: a user's criteria and environments may lie there."""
    sys.path += [place for place in _left_out if place not in sys.path]


def _is_current(place: str) -> bool:
    return place in ("", ".") or _is_same(place, ".")


def _is_same(place: str, other: str) -> bool:
    try:
        return os.path.samefile(place or ".", other)
    except (OSError, TypeError, ValueError):
        return False
