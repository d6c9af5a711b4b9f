"""Ports for servers that can't choose one themselves, and for addresses at which nothing may listen."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

_PLACES = range(12_000, 32_000)
"""Below those that Linux gives to connections and to servers on port 0: until a server listens, another program's
connection could take one of those."""


def free_port() -> int:
    """A port on which nothing listens, and which no other program gets by chance."""
    while True:
        port = random.SystemRandom().choice(_PLACES)  # a test may have seeded the shared source
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
