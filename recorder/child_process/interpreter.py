"""The Python that processes of this package may be started with: the one that runs it, and nothing that only may be one.

``sys.executable`` is whatever program carries the interpreter: Blender, a game engine, a web server, a frozen application.
Started again, that opens a second window, or runs the trainer's own main part again, which starts another one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["python_executable"]

_NAME = re.compile(r"(python|pypy|graalpy)w?[0-9.]*t?d?(-dbg|-debug)?(\.exe)?", re.IGNORECASE)

_RUNNING_PROGRAM = Path("/proc/self/exe")


def python_executable() -> str:
    """The path of the interpreter that runs this.

    Raises:
        OSError: it is not known to be a Python.
    """
    if not sys.executable:
        raise OSError("this interpreter does not know its own path (sys.executable is empty)")
    if why_not := _why_it_is_no_python(Path(sys.executable)):
        raise OSError(f"sys.executable is no Python that is known to have this package ({why_not}): {sys.executable}")
    return sys.executable


def _why_it_is_no_python(program: Path) -> str:
    """Empty when it is one."""
    if getattr(sys, "frozen", False) or hasattr(sys, "oxidized") or "__compiled__" in globals():
        return "a frozen program"
    if not _NAME.fullmatch(program.name):
        return "by its name"
    if not program.exists():
        return "there is no such file"
    # Where the system does not tell what runs, the name has to do.
    if _RUNNING_PROGRAM.exists() and not program.samefile(_RUNNING_PROGRAM):
        return f"what runs is {_RUNNING_PROGRAM.resolve()}"
    return ""
