"""Where an embedded server listens, and its configuration."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from recorder.urls import unix_url

__all__ = ["Address", "choose_address", "configuration", "directives", "is_private"]

_MAX_SOCKET_PATH_BYTES = 103
"""The shortest limit among the systems we run on (macOS; Linux has 107)."""

_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """A Unix socket in a private folder, or a loopback port with a password.

    Args:
        url: what clients are given.
        port: 0 when it listens on ``socket_path``.
    """

    url: str
    port: int = 0
    password: str = ""
    socket_path: Path | None = None


def choose_address(*, before: str | None) -> Address:
    """An address that nobody else uses or can use: a socket where its path fits, else a port of the loopback interface.

    Names are random, never made from the folder's path: a folder can be moved while its server runs, and another take its
    place.

    Args:
        before: the URL of the last server on this very folder, None when there was none. It is taken again, so that trainers
            find the server, unless somebody listens there by now.
    """
    # The folder outlives the server: nobody else can then put a socket where trainers look for theirs.
    folder = Path(tempfile.gettempdir()) / f"hamlet-{os.getuid()}"
    path = folder / secrets.token_hex(8)
    if _fits(path) and is_private(folder):
        earlier = _socket_before(before, folder)
        path = path if earlier is None or _is_listening(earlier) else earlier
        return Address(unix_url(path), socket_path=path)
    port, password = _free_port_before(before) or (_free_port(), secrets.token_urlsafe(24))
    return Address(f"redis://:{password}@{_HOST}:{port}/0", port=port, password=password)


def is_private(folder: Path) -> bool:
    """Make the folder; False when it can't be made, or is somebody else's or open to others."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _fits(path: Path) -> bool:
    """Whether it can be a socket's path, and stand in a URL, which drivers decode as UTF-8."""
    try:
        return path.is_absolute() and len(str(path).encode()) <= _MAX_SOCKET_PATH_BYTES
    except UnicodeEncodeError:
        return False


def _socket_before(url: str | None, folder: Path) -> Path | None:
    parts = urlsplit(url or "")
    path = Path(unquote(parts.path))
    return path if parts.scheme == "unix" and path.parent == folder else None


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


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
        probe.bind((_HOST, port))
        bound: int = probe.getsockname()[1]
        return bound


def directives(address: Address, data_dir: Path, log: Path) -> dict[str, bytes]:
    """The server's settings, by their names in its configuration."""
    listens: dict[str, bytes] = {"bind": _HOST.encode(), "port": str(address.port).encode()}
    if address.socket_path is not None:
        listens |= {"unixsocket": os.fsencode(address.socket_path), "unixsocketperm": b"700"}
    else:
        listens |= {"requirepass": address.password.encode()}
    return {
        **listens,
        "dir": os.fsencode(data_dir),
        "logfile": os.fsencode(log),
        "appendonly": b"yes",
        # At most the last second is lost when the machine, not just the server, goes down.
        "appendfsync": b"everysec",
        "save": b"",
        # Steps are refused, counted and sent again when memory is full; evicting them would lose them silently.
        "maxmemory-policy": b"noeviction",
        "daemonize": b"no",
    }


def configuration(settings: dict[str, bytes]) -> str:
    """The text of the server's configuration: a directive a line, whatever bytes a value has."""
    return "".join(f"{name} {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: bytes) -> str:
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}" for byte in value)
    return f'"{plain}"'
