"""The data folder of an embedded server: its lock and its server's address."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from recorder.redis_server.client import server_id_at

__all__ = ["FolderState", "ServerFolder", "folder_state", "running_redis_url"]


class ServerFolder:
    """Files of the server in ``path``: data, log, ``server.conf``, ``server.json`` (its address) and ``server.lock``.

    The *server process* inherits and holds the lock, also after its owner was killed, so that two servers never write
    to one append-only file. The lock also shows that a server belongs to this folder: a copied folder has the
    original's address, but no lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self.configuration = self.path / "server.conf"
        self.append_only = self.path / "appendonlydir"
        self._address = self.path / "server.json"
        self._lock = self.path / "server.lock"

    def create(self) -> None:
        """Create the folder with access for its owner only, since it holds steps and perhaps the password."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def try_lock(self) -> int | None:
        """Descriptor that holds the lock, for the server to inherit; None if another server holds it."""
        import fcntl  # not on Windows, which can import this module but not start a server

        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    @property
    def is_locked(self) -> bool:
        """Whether a server runs on the folder; also False if this user can't read the lock."""
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
        """Write the file atomically, with access for its owner only."""
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(file)

    def write_address(self, url: str | None, server_id: str | None) -> None:
        """Save the server's address for other processes and the next start.

        Args:
            server_id: ``run_id`` of the server process; None while it starts.
        """
        inode = self.path.stat().st_ino
        self.write_private(self._address, json.dumps({"url": url, "server_id": server_id, "folder_inode": inode}))

    def forget_address(self) -> None:
        """Delete the saved address, so that no later server uses it."""
        self._address.unlink(missing_ok=True)

    def read_address(self) -> tuple[str, str | None] | None:
        """URL and id of the last server started here; None if unknown, or if this folder is a copy."""
        try:
            saved = json.loads(self._address.read_text(encoding="utf-8"))
            url, server_id, inode = saved["url"], saved["server_id"], saved["folder_inode"]
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
    """State of the server on a folder.

    Args:
        is_in_use: a server process holds the lock.
        url: where it answers; None if it is starting, or its socket is gone.
    """

    is_in_use: bool
    url: str | None


def folder_state(data_dir: Path | str) -> FolderState:
    """State of the server on ``data_dir``. Its id is compared: another folder's server may answer at the saved address."""
    folder = ServerFolder(Path(data_dir))
    if not folder.is_locked:
        return FolderState(is_in_use=False, url=None)
    url, server_id = folder.read_address() or ("", None)
    is_reached = server_id is not None and server_id_at(url) == server_id
    return FolderState(is_in_use=True, url=url if is_reached else None)


def running_redis_url(data_dir: Path | str) -> str | None:
    """URL of the server that runs on ``data_dir``, or None."""
    return folder_state(data_dir).url
