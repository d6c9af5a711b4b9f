"""Becomes a program that ends with its owner: ``tether.py OWNER_PID kernel|watcher PROGRAM ARGUMENT…``.

It is a script, because code between fork and exec may deadlock in a process with threads. The program keeps its process
id.

``kernel`` (Linux): the kernel sends SIGTERM when the thread that started this process ends, even after a SIGKILL of the
owner. ``watcher`` (elsewhere): a child checks twice a second that the owner is alive.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_CHECK_SECS = 0.5


def main(arguments: list[str]) -> None:
    """Tie this process to its owner, then become the program."""
    owner, method, *command = arguments
    if method == "kernel":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    elif os.fork() == 0:
        _watch(owner=int(owner), server=os.getppid())
    if os.getppid() != int(owner):
        sys.exit("the owner ended before the program started")
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"the program can't be started: {error.strerror}: {command[0]}")


def _watch(*, owner: int, server: int) -> None:
    os.closerange(0, 1024)  # the lock and the log belong to the program
    while os.getppid() == server:
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            os.kill(server, signal.SIGTERM)
            break
        time.sleep(_CHECK_SECS)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
