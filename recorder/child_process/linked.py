"""A module of this package in a process of its own, joined to this one by a socket.

Unlike a tethered program it may outlive its owner: it sees the socket close, and ends when it has done what is left to do.
"""

from __future__ import annotations

import socket
import subprocess
from multiprocessing.connection import Connection

from recorder.child_process.module_command import module_command

__all__ = ["spawn_linked"]

_FIRST_FREE = 3
"""The number behind those of standard input, output and error."""


def spawn_linked(module: str) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``python -m MODULE DESCRIPTOR`` in a session of its own; it finds what the owner finds, in the owner's order.

    Args:
        module: gets the descriptor of its end of the socket as its only argument.

    Returns:
        The process, and this end of the socket.

    Raises:
        OSError: it could not be started.
    """
    ours, theirs = map(_above_standard_streams, socket.socketpair())
    with ours, theirs:
        process = subprocess.Popen(
            module_command(module, str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # whoever reads the owner's output must not wait for this process too
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        return process, Connection(ours.detach())


def _above_standard_streams(end: socket.socket) -> socket.socket:
    """The same end under a number that no standard stream has: where one is closed, its number is free."""
    low = []
    while end.fileno() < _FIRST_FREE:
        low.append(end)
        end = end.dup()
    for copied in low:
        copied.close()
    return end
