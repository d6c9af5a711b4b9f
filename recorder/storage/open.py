"""Opens the storage for a path or URL."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.errors import SettingsError, StorageError
from recorder.storage.base import Storage
from recorder.storage.deadlines import StoreTimeouts
from recorder.storage.local import LocalStorage, read_local_file
from recorder.storage.packs import split_packed
from recorder.storage.url import UrlStorage
from recorder.urls import check_place, is_url
from recorder.values.argument_kinds import check_kind

if TYPE_CHECKING:  # settings need pydantic, which files can be read without
    from recorder.settings import Settings

__all__ = ["check_drivers", "open_recordings", "open_storage", "open_videos", "read_file", "write_file"]

_FILE = "file://"


def open_storage(root: str | Path, timeouts: StoreTimeouts | None = None) -> Storage:
    """The storage at a path or an fsspec URL; ``file://`` is a path.

    Raises:
        SettingsError: the root is neither.
        MissingExtraError: the root is a URL, and fsspec is not installed.
        StorageError: the URL's driver is not installed.
    """
    check_kind("recordings", root, str | PathLike)
    text = check_place(str(root).removeprefix(_FILE))
    return UrlStorage(text, timeouts) if is_url(text) else LocalStorage(text)


def open_recordings(settings: Settings) -> Storage:
    """The storage of the recordings; raises as ``open_storage``."""
    return open_storage(settings.recordings_dir, _timeouts(settings))


def open_videos(settings: Settings) -> Storage:
    """The storage of rendered videos; raises as ``open_storage``."""
    return open_storage(settings.videos_place, _timeouts(settings))


def check_drivers(settings: Settings, *, writes: bool) -> None:
    """Check that processes can share recordings and videos, and that the drivers are installed, without connecting.

    Args:
        settings: name both places.
        writes: whether files are also written and deleted.

    Raises:
        MissingExtraError, StorageError: a driver is missing, or can only read.
        SettingsError: the files would be in the memory of one process.
    """
    for storage in (open_recordings(settings), open_videos(settings)):
        root = str(storage.root)
        if root.startswith("memory://"):
            raise SettingsError(f"other processes can't see files in memory: give a folder or a store: {root}")
        if writes and isinstance(storage, UrlStorage):
            storage.check_writes()


def read_file(source: str | Path, *, max_bytes: int) -> bytes:
    """Read a file at a path or an fsspec URL, or a recording in a pack.

    Raises:
        EpisodeFileTooLargeError: it is larger than ``max_bytes``; nothing was read.
        EpisodeFileError: its pack is damaged.
        StorageError: it is missing or can't be read.
    """
    text = check_place(str(source).removeprefix(_FILE))
    if (split := split_packed(text)) is not None:
        folder, pack = _split(split[0])
        return open_storage(folder).read(f"{pack}/{split[1]}", max_bytes=max_bytes)
    if not is_url(text):
        return read_local_file(text, max_bytes=max_bytes)
    folder, name = _split(text)
    return UrlStorage(folder).read(name, max_bytes=max_bytes)


def write_file(destination: str | Path, data: bytes) -> None:
    """Write a file at a path or an fsspec URL atomically; an existing one is replaced.

    Raises:
        StorageError: it can't be written.
    """
    if split_packed(str(destination)) is not None:
        raise StorageError(f"a recording in a pack can't be replaced; write it to another file: {destination}")
    folder, name = _split(destination)
    open_storage(folder).write_all({name: data})


def _timeouts(settings: Settings) -> StoreTimeouts:
    storage = settings.storage
    return StoreTimeouts(answer_secs=storage.timeout_secs, listing_secs=storage.listing_timeout_secs)


def _split(place: str | Path) -> tuple[str, str]:
    folder, slash, name = str(place).rpartition("/")
    if not folder or folder.endswith("/"):  # '/name', 'name', 'memory://name'
        folder = folder + slash or "."
    return folder, name
