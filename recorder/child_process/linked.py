"""A module of this package in a process of its own, joined to this one by a socket.

Unlike a tethered program it may outlive its owner: it sees the socket close, and ends when it has done what is left to do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from recorder.child_process.interpreter import python_executable

__all__ = ["spawn_linked"]


def spawn_linked(module: str) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``python -m MODULE DESCRIPTOR`` in a session of its own.

    Args:
        module: gets the descriptor of its end of the socket as its only argument.

    Returns:
        The process, and this end of the socket.

    Raises:
        OSError: it could not be started.
    """
    python = python_executable()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # It finds what the owner finds, in the owner's order: wherever that was started, whatever it has added since.
        search = os.pathsep.join(place or str(Path.cwd()) for place in sys.path if isinstance(place, str))
        process = subprocess.Popen(
            [python, "-P", "-m", module, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # whoever reads the owner's output must not wait for this process too
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": search},
        )
        return process, Connection(ours.detach())
