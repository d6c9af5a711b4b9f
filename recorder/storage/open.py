"""Choosing a storage by what its root looks like."""

from __future__ import annotations

import re
from pathlib import Path

from recorder.storage.base import Storage
from recorder.storage.local import LocalStorage
from recorder.storage.url import UrlStorage

__all__ = ["open_storage", "read_file", "write_file"]

_URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")


def open_storage(root: str | Path) -> Storage:
    """The storage at a path or an fsspec URL; ``file://`` is a path.

    Raises:
        MissingExtraError: a URL, and fsspec is not installed.
        StorageError: the URL's driver is not installed.
    """
    text = str(root).removeprefix("file://")
    return UrlStorage(text) if _URL.match(text) else LocalStorage(Path(text))


def read_file(source: str | Path, *, max_bytes: int) -> bytes:
    """The bytes of a file at a path or an fsspec URL.

    Raises:
        EpisodeFileTooLargeError: it is larger than ``max_bytes``; nothing was read.
        StorageError: it is missing or can't be read.
    """
    folder, name = _split(source)
    return open_storage(folder).read(name, max_bytes=max_bytes)


def write_file(destination: str | Path, data: bytes) -> None:
    """Put a file in place at a path or an fsspec URL, whole or not at all; one that is there is replaced.

    Raises:
        StorageError: it can't be written.
    """
    folder, name = _split(destination)
    open_storage(folder).write_all({name: data})


def _split(place: str | Path) -> tuple[str, str]:
    """Folder and name."""
    folder, slash, name = str(place).rpartition("/")
    if not folder or folder.endswith("/"):  # '/name', 'name', 'memory://name'
        folder = folder + slash or "."
    return folder, name
