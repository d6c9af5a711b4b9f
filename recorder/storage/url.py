"""Files below an fsspec URL: ``s3://bucket/runs``, ``gs://…``, ``memory://…``.

An object store puts a file in place in one request, so it is there whole or not at all.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from recorder.errors import EpisodeFileTooLargeError, MissingExtraError, RecorderError, StorageError
from recorder.storage.base import RECORDING_SUFFIXES, Storage

__all__ = ["UrlStorage"]

_PIECE_BYTES = 1024**2
"""Asked for at once from a store that answers in tens of milliseconds, whatever the size."""


class UrlStorage(Storage):
    """Any file system that fsspec knows.

    Args:
        root: a URL.

    Raises:
        MissingExtraError: fsspec is not installed.
        StorageError: the driver for this kind of URL is not installed, or the URL makes no sense to it.
    """

    def __init__(self, root: str) -> None:
        try:
            import fsspec  # only storages by URL need it
        except ImportError as error:
            raise MissingExtraError(f"a recordings folder by URL ({root})", "catalog") from error
        self.root = root
        try:
            self._files: Any
            self._files, self._base = fsspec.core.url_to_fs(root)
        except (ImportError, ValueError) as error:
            raise StorageError(f"{error}: {root}") from error

    def write_all(self, files: Mapping[str, bytes]) -> None:
        paths = {self._path(name): data for name, data in files.items()}
        with self._translated("write recordings", self.root, writes=True):
            for folder in {path.rpartition("/")[0] for path in paths}:
                self._files.makedirs(folder, exist_ok=True)
            self._files.pipe(paths)  # at once, where the driver can

    def read(self, name: str, *, max_bytes: int) -> bytes:
        path = self._path(name)
        with self._translated("read the recording", self.location(name)):
            size = self._files.size(path)
            if size is not None and size > max_bytes:
                raise EpisodeFileTooLargeError(f"{size} bytes, at most {max_bytes} are read: {self.location(name)}")
            return bytes(self._files.cat_file(path))

    def open(self, name: str) -> BinaryIO:
        path = self._path(name)
        with self._translated("read the recording", self.location(name)):
            size = int(self._files.size(path))

        def read_range(start: int, stop: int) -> bytes:
            with self._translated("read the recording", self.location(name)):
                return bytes(self._files.cat_file(path, start=start, end=stop))

        return cast(BinaryIO, io.BufferedReader(_RangeReader(size, read_range), _PIECE_BYTES))

    def delete(self, name: str) -> bool:
        path = self._path(name)
        with self._translated("delete the recording", self.location(name)):
            if not self._files.exists(path):
                return False
            self._files.rm_file(path)
            return True

    def names(self) -> Iterator[str]:
        with self._translated("list the recordings", self.root):
            paths = self._files.find(self._base, maxdepth=2)
        for path in paths:
            name = path[len(self._base) :].lstrip("/")
            file = name.rpartition("/")[2]
            if file.startswith("episode_") and file.endswith(RECORDING_SUFFIXES):
                yield name

    @contextmanager
    def _translated(self, doing: str, where: str, *, writes: bool = False) -> Iterator[None]:
        """Whatever a driver raises, as an error of ours.

        Args:
            writes: a file that is not found is a folder that can't be there, not a recording that is gone.
        """
        try:
            yield
        except RecorderError:
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError) and not writes:
                raise StorageError(
                    f"no such recording (deleted, or never kept): {where}", is_missing_file=True
                ) from error
            raise StorageError(f"can't {doing} ({error}): {where}") from error

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or "\0" in name or name.startswith("/"):
            raise StorageError(f"{name!r} is no place below the recordings folder: {self.root}")
        return f"{self._base.rstrip('/')}/{name}"


class _RangeReader(io.RawIOBase):
    """A file whose ranges are asked for one by one: no connection stays open, and readers share no place in it.

    Args:
        size: bytes of the file.
        read_range: the bytes from ``start`` to before ``stop``.
    """

    def __init__(self, size: int, read_range: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._read_range = read_range
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        stop = min(self._place + len(buffer), self._size)
        if stop <= self._place:
            return 0
        data = self._read_range(self._place, stop)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
