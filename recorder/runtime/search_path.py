"""Keeps the current folder out of the command line's import path, so that a user's ``worker.py`` hides nothing.

Imports only modules that Python always loads first; any other could already be the user's file.
"""

from __future__ import annotations

import os
import sys

__all__ = ["PACKAGES_FOLDER", "leave_out_current_folder", "let_user_code_be_found"]

PACKAGES_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Folder of this package, ``worker`` and ``replay_server``."""

_removed: list[str] = []


def leave_out_current_folder() -> None:
    """Remove the current folder from the import path, also for child processes.

    It stays if it contains this package, as in a clone of the project.
    """
    kept = [place for place in sys.path if not _is_current(place) or _is_same(place, PACKAGES_FOLDER)]
    if len(kept) < len(sys.path):
        _removed[:] = [
            os.path.realpath(place or ".") for place in sys.path if place not in kept and os.path.isdir(place or ".")
        ]
        sys.path[:] = kept


def let_user_code_be_found() -> None:
    """Append what was removed to the import path, for a user's criteria and environments."""
    sys.path += [place for place in _removed if place not in sys.path]


def _is_current(place: str) -> bool:
    return place in ("", ".") or _is_same(place, ".")


def _is_same(place: str, other: str) -> bool:
    try:
        return os.path.samefile(place or ".", other)
    except (OSError, TypeError, ValueError):
        return False
