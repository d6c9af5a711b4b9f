"""Runs modules of this package in processes by themselves: the command, and three ways to start one.

``sys.executable`` may be a program that embeds Python: Blender, a game engine, a web server, a frozen application.
Starting it would open another window, or run the trainer again without end.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

__all__ = ["Answer", "ask_module", "module_command", "python_executable", "spawn_detached", "spawn_linked"]

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


class Answer(NamedTuple):
    """What a module wrote to standard output, and the status with which it ended."""

    status: int
    data: bytes


def ask_module(module: str, question: bytes, *, timeout_secs: float) -> Answer:
    """Run ``python -m MODULE`` with the question as its standard input. Its messages go where this process's go.

    Raises:
        OSError: it can't be started.
        TimeoutError: it had no answer in time, and was ended.
    """
    try:
        done = subprocess.run(
            module_command(module), input=question, stdout=subprocess.PIPE, timeout=timeout_secs, start_new_session=True
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"no answer within {timeout_secs:g} seconds") from error
    return Answer(done.returncode, done.stdout)


def spawn_detached(module: str, data: bytes) -> subprocess.Popen[bytes]:
    """Start it in a separate session, with its orders on its standard input: no command line or environment shows a password.

    Args:
        data: all of its standard input.

    Raises:
        OSError: it can't be started, or ended at once.
    """
    process = subprocess.Popen(
        module_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # a reader of this process's output must not wait for that one too
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(data)
    except OSError:
        process.kill()
        process.wait()
        raise
    return process


_FIRST_FREE = 3
"""First descriptor after standard input, output and error."""


def spawn_linked(module: str) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``python -m MODULE DESCRIPTOR`` in its own session, with this process's import path.

    Args:
        module: receives the descriptor of its end of the socket as argument.

    Returns:
        The process, and this end of the socket.

    Raises:
        OSError: it can't be started.
    """
    ours, theirs = map(_above_standard_streams, socket.socketpair())
    with ours, theirs:
        process = subprocess.Popen(
            module_command(module, str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a reader of the owner's output must not wait for this process
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        return process, Connection(ours.detach())


def _above_standard_streams(end: socket.socket) -> socket.socket:
    """Duplicate the socket until its descriptor is not that of a closed standard stream."""
    low = []
    while end.fileno() < _FIRST_FREE:
        low.append(end)
        end = end.dup()
    for copied in low:
        copied.close()
    return end
