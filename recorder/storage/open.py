"""Choosing a storage by what its root looks like."""

from __future__ import annotations

import re
from pathlib import Path

from recorder.storage.base import Storage
from recorder.storage.local import LocalStorage
from recorder.storage.url import UrlStorage

__all__ = ["open_storage", "read_file"]

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
    folder, slash, name = str(source).rpartition("/")
    if not folder or folder.endswith("/"):  # '/name', 'name', 'memory://name'
        folder = folder + slash or "."
    return open_storage(folder).read(name, max_bytes=max_bytes)
