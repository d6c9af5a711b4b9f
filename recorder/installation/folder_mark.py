"""The file in a recordings folder that says into which catalog its recordings belong."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from recorder.errors import StorageError
from recorder.installation.record import Installation, Place, was_copied

__all__ = ["MARK_NAME", "FolderMark", "read_mark", "write_mark"]

MARK_NAME = ".installation.json"


@dataclass(frozen=True, slots=True)
class FolderMark:
    """What the file says.

    Args:
        installation: whose recordings lie in the folder.
        is_copied: the folder is a copy of the one that this was written for.
    """

    installation: Installation
    is_copied: bool


def read_mark(folder: Path) -> FolderMark | None:
    """None when there is none, or none that can be read as one.

    Raises:
        StorageError: the folder can't be read.
    """
    try:
        held = json.loads((folder / MARK_NAME).read_text(encoding="utf-8"))
        installation = Installation(str(held["installation"]), str(held["catalog"]))
        noted = Place(str(held["folder"]), int(held["inode"]))
        return FolderMark(installation, was_copied(noted, Place.of(folder)))
    except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError):
        return None
    except OSError as error:
        raise StorageError(f"the recordings folder can't be read ({error.strerror}): {folder}") from error


def write_mark(folder: Path, installation: Installation) -> None:
    """Write the file, whole or not at all.

    Raises:
        StorageError: it can't be written.
    """
    temporary = folder / f"{MARK_NAME}.{os.getpid()}"
    try:
        place = Place.of(folder)
        text = json.dumps(
            {
                "installation": installation.installation_id,
                "catalog": installation.catalog,
                "folder": place.path,
                "inode": place.number,
            },
            indent=1,
        )
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(folder / MARK_NAME)
    except OSError as error:
        raise StorageError(f"the recordings folder can't be written ({error.strerror}): {folder}") from error
