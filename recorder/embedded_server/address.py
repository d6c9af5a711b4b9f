"""Where an embedded server listens, and its configuration file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Address", "choose_address", "configuration"]

_MAX_SOCKET_PATH_BYTES = 103
"""The shortest limit among the systems we run on (macOS; Linux has 107)."""


@dataclass(frozen=True)
class Address:
    """A Unix socket in a private folder, or a loopback port with a password."""

    url: str
    directives: tuple[tuple[str, str], ...]


def choose_address(data_dir: Path, *, before: str | None) -> Address:
    """An address that nobody else can use: a socket where its path fits, else a port of the loopback interface.

    A restart on the same data takes the same one, so that trainers find the server again.

    Args:
        data_dir: the server's data folder.
        before: the URL of the last server on it, None when there was none.
    """
    # The folder outlives the server: nobody else can then put a socket where trainers look for theirs.
    folder = Path(tempfile.gettempdir()) / f"hamlet-{os.getuid()}"
    path = folder / hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH_BYTES and _is_private(folder):
        directives = (("port", "0"), ("unixsocket", str(path)), ("unixsocketperm", "700"))
        return Address(url=f"unix://{path}", directives=directives)
    port, password = _free_port_before(before) or (_free_port(), secrets.token_urlsafe(24))
    directives = (("bind", "127.0.0.1"), ("port", str(port)), ("requirepass", password))
    return Address(url=f"redis://:{password}@127.0.0.1:{port}/0", directives=directives)


def _is_private(folder: Path) -> bool:
    """Make the folder; False when it can't be made, or is somebody else's or open to others."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _free_port_before(url: str | None) -> tuple[int, str] | None:
    """Port and password of an earlier server's URL, unless the port is taken by now."""
    parts = urlsplit(url or "")
    if parts.port is None or parts.password is None:
        return None
    try:
        return _free_port(parts.port), parts.password
    except OSError:
        return None


def _free_port(port: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: closed connections linger
        probe.bind(("127.0.0.1", port))
        bound: int = probe.getsockname()[1]
        return bound


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
