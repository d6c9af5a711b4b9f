"""Where an embedded server listens, and its configuration file."""

from __future__ import annotations

import secrets
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Address", "choose_address", "configuration"]

_MAX_SOCKET_PATH_BYTES = 103
"""The shortest limit among the systems we run on (macOS; Linux has 107)."""


@dataclass(frozen=True)
class Address:
    """A Unix socket in a private folder, or a loopback port with a password."""

    url: str
    directives: tuple[tuple[str, str], ...]
    socket_dir: Path | None = None


def choose_address() -> Address:
    """A new address that nobody else can use: a socket where its path fits, else a port of the loopback interface."""
    folder = Path(tempfile.mkdtemp(prefix="hamlet-"))  # mode 0700
    path = folder / "s"
    if len(str(path).encode()) <= _MAX_SOCKET_PATH_BYTES:
        directives = (("port", "0"), ("unixsocket", str(path)), ("unixsocketperm", "700"))
        return Address(url=f"unix://{path}", directives=directives, socket_dir=folder)
    folder.rmdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = secrets.token_urlsafe(24)
    directives = (("bind", "127.0.0.1"), ("port", str(port)), ("requirepass", password))
    return Address(url=f"redis://:{password}@127.0.0.1:{port}/0", directives=directives)


def configuration(address: Address, data_dir: Path, log: Path) -> str:
    """The text of the server's configuration file."""
    directives = (
        *address.directives,
        ("dir", str(data_dir)),
        ("logfile", str(log)),
        ("appendonly", "yes"),
        # At most the last second is lost when the machine, not just the server, goes down.
        ("appendfsync", "everysec"),
        ("save", ""),
        # Steps are refused, counted and sent again when memory is full; evicting them would lose them silently.
        ("maxmemory-policy", "noeviction"),
        ("daemonize", "no"),
    )
    return "".join(f"{name} {_quoted(value)}\n" for name, value in directives)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
