"""Files below an fsspec URL: ``s3://bucket/runs``, ``gs://…``, ``memory://…``. An object store puts a file in place in one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recorder.errors import EpisodeFileTooLargeError, MissingExtraError, StorageError
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
        for name, data in files.items():
            path = self._path(name)
            try:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._files.pipe_file(path, data)
            except OSError as error:
                raise StorageError(f"can't write the recording ({error}): {self.location(name)}") from error

    def read(self, name: str, *, max_bytes: int) -> bytes:
        path = self._path(name)
        try:
            size = self._files.size(path)
            if size is not None and size > max_bytes:
                raise EpisodeFileTooLargeError(f"{size} bytes, at most {max_bytes} are read: {self.location(name)}")
            return bytes(self._files.cat_file(path))
        except FileNotFoundError as error:
            raise StorageError(f"no such recording (deleted, or never kept): {self.location(name)}") from error
        except OSError as error:
            raise StorageError(f"can't read the recording ({error}): {self.location(name)}") from error

    def delete(self, name: str) -> bool:
        path = self._path(name)
        if not self._files.exists(path):
            return False
        self._files.rm_file(path)
        return True

    def names(self) -> Iterator[str]:
        for path in self._files.glob(f"{self._base}/*/episode_*"):
            if path.endswith(RECORDING_SUFFIXES):
                yield path[len(self._base) :].lstrip("/")

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or name.startswith("/"):
            raise StorageError(f"{name!r} would leave the recordings folder: {self.root}")
        return f"{self._base.rstrip('/')}/{name}"
