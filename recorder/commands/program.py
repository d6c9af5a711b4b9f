"""What the program is called in what it says: the way in which it was started, which works here."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["PROGRAM", "as_started"]

PROGRAM = "python -m recorder"
"""In every text that names a command."""

_SCRIPT = "hamlet-recorder"


def as_started(text: str) -> str:
    """The text, with the name of the script where that was called: ``-m recorder`` may be the user's own ``recorder.py``."""
    return text.replace(PROGRAM, _SCRIPT) if Path(sys.argv[0]).stem == _SCRIPT else text
