"""Finds the Python for child processes.

``sys.executable`` may be a program that embeds Python: Blender, a game engine, a web server, a frozen application.
Starting it would open another window, or run the trainer again without end.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["python_executable"]

_NAME = re.compile(r"(python|pypy|graalpy)w?[0-9.]*t?d?(-dbg|-debug)?(\.exe)?", re.IGNORECASE)

_RUNNING_PROGRAM = Path("/proc/self/exe")


def python_executable() -> str:
    """Path of the running interpreter.

    Raises:
        OSError: ``sys.executable`` may not be this Python.
    """
    if not sys.executable:
        raise OSError("this interpreter does not know its own path (sys.executable is empty)")
    if why_not := _why_not_python(Path(sys.executable)):
        raise OSError(f"sys.executable is not this Python ({why_not}): {sys.executable}")
    return sys.executable


def _why_not_python(program: Path) -> str:
    """The reason; empty if it is this Python."""
    if getattr(sys, "frozen", False) or hasattr(sys, "oxidized") or "__compiled__" in globals():
        return "a frozen program"
    if not _NAME.fullmatch(program.name):
        return "unknown name"
    if not program.exists():
        return "no such file"
    # Other systems don't show the running program, so the name must do.
    if _RUNNING_PROGRAM.exists() and not program.samefile(_RUNNING_PROGRAM):
        return f"the running program is {_RUNNING_PROGRAM.resolve()}"
    return ""
