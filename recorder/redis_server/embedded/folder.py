"""The data folder of an embedded server: whose it is now, and where its server listens."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from recorder.redis_server.client import server_id_at

__all__ = ["FolderState", "ServerFolder", "look_at_folder", "running_server_url"]


class ServerFolder:
    """The files in ``path``: the server's data and log, ``server.conf``, ``server.json`` (where it is), ``server.lock``.

    The lock is held by the *server process*, which inherits the open file: it ends with the server and not before, even
    when the owner is gone, so that two servers never write to one append-only file. It is also what tells that a server is
    this folder's: a copied folder has the address of the server that it was copied from, and no lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self.configuration = self.path / "server.conf"
        self.append_only = self.path / "appendonlydir"
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

    @property
    def is_locked(self) -> bool:
        """Whether a server runs on it; False as well where this user may not know."""
        try:
            import fcntl

            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except (ImportError, OSError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def write_private(self, file: Path, text: str) -> None:
        """Write ``text`` whole or not at all, readable by its owner only."""
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(file)

    def write_address(self, url: str | None, server_id: str | None) -> None:
        """Note where the server listens, for other processes and for the next start.

        Args:
            server_id: what it calls itself; None while it starts.
        """
        inode = self.path.stat().st_ino
        self.write_private(self._address, json.dumps({"url": url, "server_id": server_id, "folder_inode": inode}))

    def forget_address(self) -> None:
        """Let no later server take the address."""
        self._address.unlink(missing_ok=True)

    def read_address(self) -> tuple[str, str | None] | None:
        """URL of the last server that was started here, and what it calls itself; None when it is not known, or it was started
        on the folder that this one is a copy of."""
        try:
            noted = json.loads(self._address.read_text(encoding="utf-8"))
            url, server_id, inode = noted["url"], noted["server_id"], noted["folder_inode"]
            if not isinstance(url, str) or inode != self.path.stat().st_ino:
                return None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return url, server_id if isinstance(server_id, str) else None

    def log_tail(self, n_lines: int = 12) -> str:
        """The last lines of the server's log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-n_lines:])


@dataclass(frozen=True, slots=True)
class FolderState:
    """Whether a server runs on a folder, and where it answers.

    Args:
        is_in_use: a server process holds the folder.
        url: where it answers; None when it does not, because it is only starting or its socket is gone.
    """

    is_in_use: bool
    url: str | None


def look_at_folder(data_dir: Path | str) -> FolderState:
    """The server on ``data_dir``, and no other: one that merely answers at a noted address may be another folder's."""
    folder = ServerFolder(Path(data_dir))
    if not folder.is_locked:
        return FolderState(is_in_use=False, url=None)
    noted = folder.read_address()
    is_reached = noted is not None and noted[1] is not None and server_id_at(noted[0]) == noted[1]
    return FolderState(is_in_use=True, url=noted[0] if noted is not None and is_reached else None)


def running_server_url(data_dir: Path | str) -> str | None:
    """URL of the server that is running on ``data_dir`` now, or None."""
    return look_at_folder(data_dir).url
