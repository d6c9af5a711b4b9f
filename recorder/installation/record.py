"""Identity of an installation: id and location of its catalog."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Installation", "Place", "describe_replacement", "file_on_this_host", "was_copied"]


@dataclass(frozen=True, slots=True)
class Installation:
    """A catalog and everything recorded into it.

    Args:
        installation_id: made by the catalog's first worker; empty before.
        catalog: ``HOST:PATH`` of a SQLite file, or a database's URL without its password.
        was_founded_there: whether the catalog was created at this location, not moved there.
    """

    installation_id: str
    catalog: str
    was_founded_there: bool = field(default=True, compare=False)

    def differs_from(self, newcomer: Installation) -> bool:
        """Whether the two must not share Redis. A catalog that was created in place of a lost one is its successor."""
        is_successor = newcomer.was_founded_there and self.catalog == newcomer.catalog
        return self.installation_id != newcomer.installation_id and not is_successor

    def to_bytes(self) -> bytes:
        """JSON for storage in Redis."""
        return json.dumps({"installation": self.installation_id, "catalog": self.catalog}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Installation:
        """Inverse of ``to_bytes``; invalid data gives an unknown installation."""
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
        """Place of a file or folder. Raises OSError if it does not exist."""
        return cls(str(path.resolve()), path.stat().st_ino, socket.gethostname())


def file_on_this_host(path: Path | str) -> str:
    """Name of a catalog file, with the host, since two machines may have the same paths."""
    return f"{socket.gethostname()}:{Path(path).resolve()}"


def describe_replacement(earlier: Installation, ours: Installation) -> str:
    """Describe a catalog that was replaced, for logs."""
    if earlier.catalog == ours.catalog:
        return f"{ours.catalog} was recreated"
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
    return there.st_ino == here.st_ino and there.st_dev != here.st_dev  # the same inode on two file systems by chance
