"""What an installation is called: the id of its catalog, and where that is, in words that people can follow."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Installation", "Place", "file_on_this_host", "was_copied", "what_became_of"]


@dataclass(frozen=True, slots=True)
class Installation:
    """A catalog, and with it all that is recorded into it.

    Args:
        installation_id: made by the catalog's first worker; empty for a catalog that had none yet.
        catalog: ``HOST:PATH`` of an SQLite file, or a database's URL without its password.
        was_founded_there: the catalog was made where it is now, and not moved there.
    """

    installation_id: str
    catalog: str
    was_founded_there: bool = field(default=True, compare=False)

    def is_another_than(self, newcomer: Installation) -> bool:
        """Whether both at one server would mix. A catalog that was made anew in the place of a lost one is its successor."""
        is_successor = newcomer.was_founded_there and self.catalog == newcomer.catalog
        return self.installation_id != newcomer.installation_id and not is_successor

    def to_bytes(self) -> bytes:
        """JSON, as a server holds it."""
        return json.dumps({"installation": self.installation_id, "catalog": self.catalog}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Installation:
        """Back again; what is no such record is an installation that nobody knows."""
        try:
            held = json.loads(data)
            return cls(str(held["installation"]), str(held["catalog"]))
        except (ValueError, LookupError, TypeError):
            return cls("?", f"an unknown one ({data!r:.60})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file, a folder, a database or a store is.

    Args:
        path: absolute and without links; the URL of a database or a store.
        number: the inode, or a number of the database; 0 for a store.
        host: the machine whose path it is; empty if unknown, or if the URL means the same on all machines.
    """

    path: str
    number: int
    host: str = ""

    @classmethod
    def of(cls, path: Path) -> Place:
        """Return the place of a file or folder. Raises OSError if it does not exist."""
        return cls(str(path.resolve()), path.stat().st_ino, socket.gethostname())


def file_on_this_host(path: Path | str) -> str:
    """Return the name of a catalog that is a file: two machines may have the same paths."""
    return f"{socket.gethostname()}:{Path(path).resolve()}"


def what_became_of(earlier: Installation, ours: Installation) -> str:
    """Return a message about a catalog that was replaced."""
    if earlier.catalog == ours.catalog:
        return f"{ours.catalog} was made anew"
    return f"{earlier.catalog} is replaced by {ours.catalog}"


def was_copied(noted: Place, now: Place) -> bool:
    """Whether ``now`` is a copy of what was at ``noted``.

    A moved file has the same number. A file restored from a backup has the same path on the same machine. A container that
    was started again may have another host name, but its volume has the same number.
    """
    if noted.path == now.path:
        return bool(noted.host and now.host) and noted.host != now.host and noted.number != now.number
    if now.number == 0 or noted.number != now.number:
        return True
    try:
        there, here = Path(noted.path).stat(), Path(now.path).stat()
    except (OSError, ValueError):
        return False
    return there.st_ino == here.st_ino and there.st_dev != here.st_dev  # two file systems, the same number by chance
