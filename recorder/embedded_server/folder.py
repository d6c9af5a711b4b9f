"""The data folder of an embedded server: whose it is now, and where its server listens."""

from __future__ import annotations

import json
import os
from pathlib import Path

from recorder.redis_client import answers

__all__ = ["ServerFolder", "running_server_url"]


class ServerFolder:
    """The files in ``path``: the server's data and log, ``server.conf``, ``server.json`` (its URL), ``server.lock``.

    The lock is held by the *server process*, which inherits the open file: it ends with the server and not before, even
    when the owner is gone, so that two servers never write to one append-only file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self.configuration = self.path / "server.conf"
        self._address = self.path / "server.json"
        self._lock = self.path / "server.lock"

    def create(self) -> None:
        """Make the folder, readable by its owner only: steps may be private, and the password may stand in it."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def try_lock(self) -> int | None:
        """An open file that holds the lock, for a server to inherit; None while another server holds it."""
        import fcntl  # not on Windows, where this module is read all the same but no server is started

        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def write_private(self, file: Path, text: str) -> None:
        """Write ``text`` whole or not at all, readable by its owner only."""
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(file)

    def write_address(self, url: str) -> None:
        """Note where the server listens, for other processes and for the next start."""
        self.write_private(self._address, json.dumps({"url": url}))

    def read_address(self) -> str | None:
        """URL of the last server that was started here, None when it is not known."""
        try:
            url = json.loads(self._address.read_text(encoding="utf-8"))["url"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return url if isinstance(url, str) else None

    def log_tail(self, n_lines: int = 12) -> str:
        """The last lines of the server's log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-n_lines:])


def running_server_url(data_dir: Path | str) -> str | None:
    """URL of the server that is running on ``data_dir`` now, or None."""
    url = ServerFolder(Path(data_dir)).read_address()
    return url if url is not None and answers(url) else None
