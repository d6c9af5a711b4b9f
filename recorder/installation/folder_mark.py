"""The file ``.installation.json`` in a recordings folder or store: it names the catalog that the recordings belong to."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from recorder.errors import CatalogError, EpisodeFileTooLargeError, StorageError
from recorder.installation.record import Installation, Place, was_copied
from recorder.storage import Storage

__all__ = [
    "MARK_NAME",
    "FolderMark",
    "read_mark",
    "read_store_mark",
    "refuse_other_catalog",
    "write_mark",
    "write_store_mark",
]

MARK_NAME = ".installation.json"

_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class FolderMark:
    """Content of the file.

    Args:
        installation: the installation that the recordings belong to.
        is_copied: the file was written for another folder, of which this one is a copy.
    """

    installation: Installation
    is_copied: bool


def read_mark(folder: Path) -> FolderMark | None:
    """Return the mark of a local folder, or None if there is none that can be parsed.

    Raises:
        StorageError: the folder can't be read.
    """
    try:
        return _parsed((folder / MARK_NAME).read_bytes(), Place.of(folder))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"the recordings folder can't be read ({error.strerror}): {folder}") from error


def write_mark(folder: Path, installation: Installation) -> None:
    """Write the mark of a local folder, completely or not at all.

    Raises:
        StorageError: it can't be written.
    """
    temporary = folder / f"{MARK_NAME}.{os.getpid()}"
    try:
        temporary.write_bytes(_packed(installation, Place.of(folder)))
        temporary.replace(folder / MARK_NAME)
    except OSError as error:
        raise StorageError(f"the recordings folder can't be written ({error.strerror}): {folder}") from error


def read_store_mark(storage: Storage) -> FolderMark | None:
    """Return the mark of a store by URL, or None if there is none that can be parsed. A mark for another URL is a copy.

    Raises:
        StorageError: the store can't be read.
    """
    try:
        return _parsed(storage.read(MARK_NAME, max_bytes=_MAX_BYTES), _place_of(storage))
    except EpisodeFileTooLargeError:
        return None
    except StorageError as error:
        if error.is_missing_file:
            return None
        raise


def write_store_mark(storage: Storage, installation: Installation) -> None:
    """Write the mark of a store by URL.

    Raises:
        StorageError: it can't be written.
    """
    storage.write_all({MARK_NAME: _packed(installation, _place_of(storage))})


def refuse_other_catalog(mark: FolderMark | None, ours: Installation, mark_place: str) -> None:
    """Check that recordings do not belong to another catalog. A copy, and recordings whose catalog is gone, may be used.

    Args:
        mark: of the recordings; None if they have none.
        mark_place: where it is, for the message.

    Raises:
        CatalogError: they do; the message names both.
    """
    if (
        mark is None
        or mark.is_copied
        or not mark.installation.differs_from(ours)
        or _is_gone(mark.installation.catalog)
    ):
        return
    raise CatalogError(
        f"these recordings belong to another catalog, {mark.installation.catalog}, and not to {ours.catalog}: "
        "use that one (recording.database), or another place for recordings (recording.recordings_dir). If "
        f"this catalog replaces it for good, delete {mark_place}"
    )


def _is_gone(catalog: str) -> bool:
    """Whether a catalog is certainly missing, which only its own machine can tell."""
    host, colon, path = catalog.partition(":/")
    return bool(colon) and host == socket.gethostname() and not Path(f"/{path}").exists()


def _place_of(storage: Storage) -> Place:
    return Place(storage.root.rstrip("/"), 0)


def _packed(installation: Installation, place: Place) -> bytes:
    content = {
        "installation": installation.installation_id,
        "catalog": installation.catalog,
        "folder": place.path,
        "inode": place.number,
        "host": place.host,
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def _parsed(data: bytes, now: Place) -> FolderMark | None:
    try:
        content = json.loads(data)
        installation = Installation(str(content["installation"]), str(content["catalog"]))
        noted = Place(str(content["folder"]), int(content["inode"]), str(content.get("host", "")))
        return FolderMark(installation, was_copied(noted, now))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
