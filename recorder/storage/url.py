"""Files below an fsspec URL: ``s3://bucket/runs``, ``gs://…``, ``memory://…``.

An object store puts a file in place in one request, so it is there whole or not at all. Nothing that the store has said is
remembered: every answer is its own, of now. Buckets are never made.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from recorder.errors import (
    EpisodeFileTooLargeError,
    MissingExtraError,
    RecorderError,
    StorageError,
    StorageUnavailableError,
)
from recorder.storage.base import RECORDING_SUFFIXES, Storage
from recorder.storage.deadlines import StoreCalls
from recorder.urls import redact

__all__ = ["StoreTimeouts", "UrlStorage"]

_PIECE_BYTES = 1024**2
"""Asked for at once from a store that answers in tens of milliseconds, whatever the size."""

_SLOWEST_BYTES_A_SEC = 128 * 1024
"""A transfer has time for its bytes at this rate, besides the time for the answer."""

_IN_BUCKETS = frozenset(
    ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "obs", "cos", "tos", "b2")
)
"""Schemes of stores that know no folders. Making one would make its bucket, or container, where that is missing."""


@dataclass(frozen=True, slots=True)
class StoreTimeouts:
    """How long a store may take.

    Args:
        answer_secs: for one request, besides the time that its bytes take.
        listing_secs: for the names of one folder.
    """

    answer_secs: float = 15.0
    listing_secs: float = 300.0


class UrlStorage(Storage):
    """Any file system that fsspec knows.

    Args:
        root: a URL.

    Raises:
        MissingExtraError: fsspec is not installed.
        StorageError: the driver for this kind of URL is not installed, or the URL makes no sense to it.
    """

    def __init__(self, root: str, timeouts: StoreTimeouts | None = None) -> None:
        try:
            import fsspec  # only storages by URL need it
        except ImportError as error:
            raise MissingExtraError(f"a folder by URL ({redact(root)})", "catalog") from error
        self._timeouts = timeouts or StoreTimeouts()
        scheme, _, rest = root.partition("://")
        self._url = f"{scheme.lower()}://{rest}"
        self.root = redact(self._url)
        self._is_in_bucket = scheme.lower() in _IN_BUCKETS
        if self._is_in_bucket and not rest.strip("/"):
            raise StorageError(f"the URL names no bucket: {self.root}")
        with self._translated("use the driver", self.root):
            self._driver: Any = fsspec.get_filesystem_class(scheme.lower())
            self._base = str(self._driver._strip_protocol(self._url))
        self._calls = StoreCalls(self.root)
        self._lock = Lock()
        self._connected: Any = None

    def write_all(self, files: Mapping[str, bytes]) -> None:
        paths = {self._path(name): data for name, data in files.items()}
        with self._translated("write files", self.root, writes=True):
            self._make_folders({path.rpartition("/")[0] for path in paths})
            if self._driver.async_impl:
                self._ask("pipe", paths, n_bytes=sum(map(len, paths.values())))  # at once
            else:
                for path, data in paths.items():
                    self._ask("pipe_file", path, data, n_bytes=len(data))

    def read(self, name: str, *, max_bytes: int) -> bytes:
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            size = self._ask("size", path)
            if size is not None and size > max_bytes:
                raise EpisodeFileTooLargeError(f"{size} bytes, at most {max_bytes} are read: {self.location(name)}")
            return bytes(self._ask("cat_file", path, n_bytes=size or max_bytes))

    def open(self, name: str) -> BinaryIO:
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            size = int(self._ask("size", path))

        def read_range(start: int, stop: int) -> bytes:
            with self._translated("read the file", self.location(name)):
                return bytes(self._ask("cat_file", path, start=start, end=stop, n_bytes=stop - start))

        return cast(BinaryIO, io.BufferedReader(_RangeReader(size, read_range), _PIECE_BYTES))

    def exists(self, name: str) -> bool:
        path = self._path(name)
        with self._translated("look for the file", self.location(name)):
            try:
                return bool(self._ask("info", path)["type"] != "directory")
            except FileNotFoundError:
                self._refuse_missing_bucket()
                return False

    def delete(self, name: str) -> bool:
        path = self._path(name)
        with self._translated("delete the file", self.location(name)):
            try:
                self._ask("info", path)
            except FileNotFoundError:
                return False
            self._ask("rm_file", path)
            return True

    def names(self) -> Iterator[str]:
        for folder, kind in self._listed(""):
            inside = [(folder, kind)] if kind != "directory" else self._listed(folder)
            for name, kind_inside in inside:
                file = name.rpartition("/")[2]
                is_recording = file.startswith("episode_") and file.endswith(RECORDING_SUFFIXES)
                if is_recording and kind_inside != "directory":
                    yield name

    def upload(self, source: Path, name: str) -> None:
        """Put a local file in place, whole or not at all.

        Raises:
            StorageError: it can't be written there.
        """
        path = self._path(name)
        with self._translated("write the file", self.location(name), writes=True):
            self._make_folders({path.rpartition("/")[0]})
            self._ask("put_file", str(source), path, n_bytes=source.stat().st_size)

    def download(self, name: str, target: Path) -> None:
        """Copy a file to a local one.

        Raises:
            StorageError: it is missing or can't be read.
        """
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            self._ask("get_file", path, str(target), n_bytes=self._ask("size", path))

    def delete_folder(self, name: str) -> None:
        """Delete the files that lie in a folder, and the folder where the store has such.

        Raises:
            StorageError: one of them can't be deleted.
        """
        for file, _ in self._listed(name):
            self.delete(file)
        if not self._is_in_bucket:
            path = self._path(name)
            with self._translated("delete the folder", self.location(name)):
                if self._ask("exists", path):
                    self._ask("rmdir", path)

    def check_bucket(self) -> None:
        """Find out whether the bucket is there, where the store has such.

        Raises:
            StorageError: it is not. StorageUnavailableError: the store can't be reached.
        """
        with self._translated("reach the store", self.root):
            self._refuse_missing_bucket()

    def _listed(self, folder: str) -> Iterator[tuple[str, str]]:
        """What lies in a folder, and whether each is a ``file`` or a ``directory``; nothing where it is missing."""
        path = self._path(folder) if folder else self._base
        with self._translated("list the files", self.root):
            try:
                entries = self._ask("ls", path, detail=True, secs=self._timeouts.listing_secs)
            except FileNotFoundError:
                self._refuse_missing_bucket()
                return
        base = self._base.rstrip("/")
        for entry in entries:
            name = entry["name"].rstrip("/")
            if name.startswith(f"{base}/"):
                yield name[len(base) + 1 :], entry["type"]

    def _make_folders(self, folders: set[str]) -> None:
        """Make folders that are missing, but the first in the path, which may be what a bucket is to another kind of store."""
        if self._is_in_bucket:
            return
        for folder in folders:
            lead = "/" if folder.startswith("/") else ""
            parts = folder.strip("/").split("/")
            for n_parts in range(2, len(parts) + 1):
                path = lead + "/".join(parts[:n_parts])
                if not self._ask("exists", path):
                    self._ask("mkdir", path, create_parents=False)

    def _refuse_missing_bucket(self) -> None:
        if not self._is_in_bucket:
            return
        bucket = self._base.strip("/").partition("/")[0]
        try:
            self._ask("info", bucket)
        except FileNotFoundError as error:
            raise StorageError(f"there is no bucket {bucket!r}; make it, or correct its name: {self.root}") from error
        except PermissionError:
            pass  # it is there

    def _ask(self, method: str, *args: Any, n_bytes: int = 0, secs: float = 0.0, **kwargs: Any) -> Any:
        """Call a method of the driver, and wait for it so long and no longer."""
        secs = (secs or self._timeouts.answer_secs) + n_bytes / _SLOWEST_BYTES_A_SEC
        files = self._files()
        function: Callable[[], Any] = partial(getattr(files, method), *args, **kwargs)
        coroutine = getattr(files, f"_{method}", None) if self._driver.async_impl else None
        if coroutine is not None:
            from fsspec.asyn import sync  # with the driver, which is there by now

            # The request itself ends then: one that went on would keep a connection that later ones need.
            function = partial(sync, files.loop, coroutine, *args, timeout=secs, **kwargs)
        return self._calls.run(function, secs=secs)

    def _files(self) -> Any:
        """The driver's file system, made when it is first needed: some connect at once."""
        from fsspec.core import url_to_fs  # with the driver, which is there by now
        from fsspec.dircache import DirCache

        with self._lock:
            if self._connected is None:
                # An instance of our own: one that the process shares would remember listings for others, too.
                connect = partial(url_to_fs, self._url, skip_instance_cache=True)
                files, _ = self._calls.run(connect, secs=self._timeouts.answer_secs)
                files.dircache = DirCache(use_listings_cache=False)
                self._connected = files
            return self._connected

    @contextmanager
    def _translated(self, doing: str, where: str, *, writes: bool = False) -> Iterator[None]:
        """Whatever a driver raises, as an error of ours.

        Args:
            writes: a file that is not found is a folder or a bucket that isn't there, not a recording that is gone.
        """
        try:
            yield
        except RecorderError:
            raise
        except (ImportError, ValueError) as error:
            raise StorageError(f"{_first_line(error)}: {where}") from error
        except FileNotFoundError as error:
            self._refuse_missing_bucket()
            if writes:
                raise StorageError(f"can't {doing}, a folder is missing ({_first_line(error)}): {where}") from error
            raise StorageError(f"no such recording (deleted, or never kept): {where}", is_missing_file=True) from error
        except PermissionError as error:
            raise StorageError(f"can't {doing}, access is denied ({_first_line(error)}): {where}") from error
        except Exception as error:
            raise StorageUnavailableError(f"can't {doing} ({_first_line(error)}): {where}") from error

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or "\0" in name or name.startswith("/"):
            raise StorageError(f"{name!r} is no place below the recordings folder: {self.root}")
        return f"{self._base.rstrip('/')}/{name}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n", 1)[0]


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
