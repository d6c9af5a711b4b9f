"""The command that runs a module of this package with this process's import path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from recorder.child_process.interpreter import python_executable

__all__ = ["module_command"]

_BEGIN = (
    "import os, sys; _, search, module, *rest = sys.argv; sys.path[:] = search.split(os.pathsep); "
    "import runpy; sys.argv[1:] = rest; runpy.run_module(module, run_name='__main__', alter_sys=True)"
)
"""The import path is an argument: with ``PYTHONPATH``, a user's file could hide a module that Python loads at its
start.
"""


def module_command(module: str, *arguments: str) -> list[str]:
    """``python -m MODULE ARGUMENT…`` for any current folder.

    Raises:
        OSError: as ``python_executable``.
    """
    python = python_executable()
    search = os.pathsep.join(str(Path(place).absolute()) for place in sys.path if isinstance(place, str))
    # _BEGIN replaces the path; -P keeps files of the current folder from what it imports before that. Python 3.10 lacks it.
    options = ["-P"] if sys.version_info >= (3, 11) else []
    return [python, *options, "-c", _BEGIN, search, module, *arguments]
