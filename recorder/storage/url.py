"""Files below an fsspec URL: ``s3://bucket/runs``, ``gs://…``, ``memory://…``.

An object store puts a file in place in one request, so it is there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from recorder.errors import EpisodeFileTooLargeError, MissingExtraError, RecorderError, StorageError
from recorder.storage.base import RECORDING_SUFFIXES, Storage

__all__ = ["UrlStorage"]


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
        with self._translated("write recordings", self.root):
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
            _, slash, file = name.partition("/")
            if slash and file.startswith("episode_") and file.endswith(RECORDING_SUFFIXES):
                yield name

    @contextmanager
    def _translated(self, doing: str, where: str) -> Iterator[None]:
        try:
            yield
        except RecorderError:
            raise
        except FileNotFoundError as error:
            raise StorageError(f"no such recording (deleted, or never kept): {where}") from error
        except Exception as error:
            raise StorageError(f"can't {doing} ({error}): {where}") from error

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or "\0" in name or name.startswith("/"):
            raise StorageError(f"{name!r} is no place below the recordings folder: {self.root}")
        return f"{self._base.rstrip('/')}/{name}"
