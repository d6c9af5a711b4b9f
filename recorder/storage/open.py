"""Choosing a storage by what its root looks like."""

from __future__ import annotations

import re
from pathlib import Path

from recorder.storage.base import Storage
from recorder.storage.local import LocalStorage, read_local_file
from recorder.storage.url import UrlStorage

__all__ = ["open_storage", "read_file", "write_file"]

_FILE = "file://"
_URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")


def open_storage(root: str | Path) -> Storage:
    """The storage at a path or an fsspec URL; ``file://`` is a path.

    Raises:
        MissingExtraError: a URL, and fsspec is not installed.
        StorageError: the URL's driver is not installed.
    """
    text = str(root).removeprefix(_FILE)
    return UrlStorage(text) if _URL.match(text) else LocalStorage(text)


def read_file(source: str | Path, *, max_bytes: int) -> bytes:
    """The bytes of a file at a path or an fsspec URL.

    Raises:
        EpisodeFileTooLargeError: it is larger than ``max_bytes``; nothing was read.
        StorageError: it is missing or can't be read.
    """
    text = str(source).removeprefix(_FILE)
    if not _URL.match(text):
        return read_local_file(text, max_bytes=max_bytes)
    folder, name = _split(text)
    return UrlStorage(folder).read(name, max_bytes=max_bytes)


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
