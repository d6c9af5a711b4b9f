"""The embedded server's address and configuration."""

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

__all__ = ["Address", "choose_address", "configuration", "make_private", "server_settings"]

_MAX_SOCKET_PATH_BYTES = 103
"""The lowest limit of the supported systems (macOS; Linux allows 107)."""

_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """A Unix socket in a private folder, or a loopback port with a password.

    Args:
        url: URL for clients.
        port: 0 with a socket.
    """

    url: str
    port: int = 0
    password: str = ""
    socket_path: Path | None = None


def choose_address(*, before: str | None) -> Address:
    """Choose an address that only this user can use: a socket if its path is short enough, else a loopback port.

    Names are random, not made from the folder's path: a folder can be moved while its server runs, and another can take
    its place.

    Args:
        before: URL of the last server on this folder, or None. It is used again unless someone listens there, so that
            trainers find the server.
    """
    # The folder stays when the server ends, so that nobody else can put a socket there.
    folder = Path(tempfile.gettempdir()) / f"hamlet-{os.getuid()}"
    path = folder / secrets.token_hex(8)
    if _fits(path) and make_private(folder):
        earlier = _socket_before(before, folder)
        path = path if earlier is None or _is_listening(earlier) else earlier
        return Address(unix_url(path), socket_path=path)
    port, password = _free_port_before(before) or (_free_port(), secrets.token_urlsafe(24))
    return Address(f"redis://:{password}@{_HOST}:{port}/0", port=port, password=password)


def make_private(folder: Path) -> bool:
    """Create the folder. Returns False if that fails, or if others own it or have access."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _fits(path: Path) -> bool:
    """Whether the path is short enough for a socket, and valid UTF-8, as URLs require."""
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
    """Port and password of an earlier server's URL; None if the port is taken."""
    parts = urlsplit(url or "")
    if parts.port is None or parts.password is None:
        return None
    try:
        return _free_port(parts.port), parts.password
    except OSError:
        return None


def _free_port(port: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the server does; else closed connections block the port
        probe.bind((_HOST, port))
        bound: int = probe.getsockname()[1]
        return bound


def server_settings(address: Address, data_dir: Path, log: Path) -> dict[str, bytes]:
    """The server's settings by name."""
    address_settings: dict[str, bytes] = {"bind": _HOST.encode(), "port": str(address.port).encode()}
    if address.socket_path is not None:
        address_settings |= {"unixsocket": os.fsencode(address.socket_path), "unixsocketperm": b"700"}
    else:
        address_settings |= {"requirepass": address.password.encode()}
    return {
        **address_settings,
        "dir": os.fsencode(data_dir),
        "logfile": os.fsencode(log),
        "appendonly": b"yes",
        # If the machine crashes, at most the last second is lost.
        "appendfsync": b"everysec",
        "save": b"",
        # A rewrite of the append-only file would compress steps, which are compressed, for a fifth of the server's time.
        "rdbcompression": b"no",
        # A full server must refuse steps, which are then counted and sent again; evicting would lose them silently.
        "maxmemory-policy": b"noeviction",
        "daemonize": b"no",
    }


def configuration(settings: dict[str, bytes]) -> str:
    """Text of the configuration file, one directive per line; values may be any bytes."""
    return "".join(f"{name} {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: bytes) -> str:
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}" for byte in value)
    return f'"{plain}"'
