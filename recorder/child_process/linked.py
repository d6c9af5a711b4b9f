"""Starts a module of this package in a process that is connected by a socket.

Unlike a tethered program, it may outlive its owner: it sees the socket close, finishes its work and exits.
"""

from __future__ import annotations

import socket
import subprocess
from multiprocessing.connection import Connection

from recorder.child_process.module_command import module_command

__all__ = ["spawn_linked"]

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
