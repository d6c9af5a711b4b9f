"""Becomes the server, tied to its owner's life: ``tether.py OWNER_PID kernel|watcher PROGRAM ARGUMENT…``.

A script of its own rather than a function run between fork and exec, because code there may deadlock in a process that
has threads. It keeps its process id when it becomes the server.

``kernel`` (Linux): the kernel sends SIGTERM when the thread that started this process ends, which a SIGKILL of the
owner can't prevent. ``watcher`` (everywhere else): a child looks twice a second whether the owner is still there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_LOOK_SECS = 0.5


def main(arguments: list[str]) -> None:
    """Tie this process to its owner, then become the program."""
    owner, way, *command = arguments
    if way == "kernel":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    elif os.fork() == 0:
        _watch(owner=int(owner), server=os.getppid())
    if os.getppid() != int(owner):
        sys.exit("the owner was gone before its server began")
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"the program can't be run: {error.strerror}: {command[0]}")


def _watch(*, owner: int, server: int) -> None:
    os.closerange(0, 1024)  # the lock and the log belong to the server alone
    while os.getppid() == server:
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            os.kill(server, signal.SIGTERM)
            break
        time.sleep(_LOOK_SECS)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
