"""Files at an fsspec URL: ``s3://bucket/runs``, ``gs://…``, ``memory://…``.

An object store writes a file in one request, and so atomically. Nothing is cached, and buckets are never created.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
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
from recorder.storage.deadlines import StoreCalls, StoreTimeouts
from recorder.storage.range_reader import RangeReader
from recorder.urls import redact

__all__ = ["UrlStorage"]

_PIECE_BYTES = 1024**2
"""Read at once: a request takes tens of milliseconds for any size."""

_SLOWEST_BYTES_A_SEC = 128 * 1024
"""Transfers get extra time for their bytes at this rate."""

_IN_BUCKETS = frozenset(
    ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "obs", "cos", "tos", "b2")
)
"""Schemes of stores without folders; creating a folder would create a missing bucket."""

_IMPORTED_LATE = {"hdfs": "pyarrow", "arrow_hdfs": "pyarrow"}
"""What fsspec's drivers import only when they connect: a missing one is named at the start."""

_ONLY_READ = frozenset(("github",))
"""Schemes whose drivers can delete, but can't write."""


class UrlStorage(Storage):
    """A file system of fsspec.

    Args:
        root: a URL.

    Raises:
        MissingExtraError: fsspec is not installed.
        StorageError: the driver for this URL is not installed, or refuses the URL.
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
            raise StorageError(f"the URL has no bucket: {self.root}")
        needed = _IMPORTED_LATE.get(scheme.lower())
        if needed is not None and find_spec(needed) is None:
            raise StorageError(f"Please install {needed} to access {scheme}: {self.root}")
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
                self._call("pipe", paths, n_bytes=sum(map(len, paths.values())))  # at once
            else:
                for path, data in paths.items():
                    self._call("pipe_file", path, data, n_bytes=len(data))

    def _read_file(self, name: str, *, max_bytes: int) -> bytes:
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            size = self._call("size", path)
            if size is not None and size > max_bytes:
                raise EpisodeFileTooLargeError(
                    f"the file has {size} bytes; the limit is {max_bytes}: {self.location(name)}"
                )
            return bytes(self._call("cat_file", path, n_bytes=size or max_bytes))

    def _open_file(self, name: str) -> BinaryIO:
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            size = int(self._call("size", path))

        def read_range(start: int, stop: int) -> bytes:
            with self._translated("read the file", self.location(name)):
                return bytes(self._call("cat_file", path, start=start, end=stop, n_bytes=stop - start))

        return cast(BinaryIO, io.BufferedReader(RangeReader(size, read_range), _PIECE_BYTES))

    def _file_exists(self, name: str) -> bool:
        path = self._path(name)
        with self._translated("look for the file", self.location(name)):
            try:
                return bool(self._call("info", path)["type"] != "directory")
            except FileNotFoundError:
                self._refuse_missing_bucket()
                return False

    def _delete_file(self, name: str) -> bool:
        path = self._path(name)
        with self._translated("delete the file", self.location(name)):
            try:
                self._call("info", path)
            except FileNotFoundError:
                return False
            self._call("rm_file", path)
            return True

    def names(self, folder: str | None = None) -> Iterator[str]:
        for place, kind in self._listed("") if folder is None else ((folder, "directory"),):
            inside = [(place, kind)] if kind != "directory" else self._listed(place)
            for name, kind_inside in inside:
                file = name.rpartition("/")[2]
                is_recording = file.startswith("episode_") and file.endswith(RECORDING_SUFFIXES)
                if is_recording and kind_inside != "directory":
                    yield name

    def upload(self, source: Path, name: str) -> None:
        """Write a local file to the store atomically.

        Raises:
            StorageError: it can't be written.
        """
        path = self._path(name)
        with self._translated("write the file", self.location(name), writes=True):
            self._make_folders({path.rpartition("/")[0]})
            self._call("put_file", str(source), path, n_bytes=source.stat().st_size)

    def download(self, name: str, target: Path) -> None:
        """Copy a file to a local one.

        Raises:
            StorageError: it is missing or can't be read.
        """
        path = self._path(name)
        with self._translated("read the file", self.location(name)):
            self._call("get_file", path, str(target), n_bytes=self._call("size", path))

    def delete_folder(self, name: str) -> None:
        """Delete the files in a folder, and the folder if the store has folders.

        Raises:
            StorageError: a file can't be deleted.
        """
        for file, _ in self._listed(name):
            self.delete(file)
        if not self._is_in_bucket:
            path = self._path(name)
            with self._translated("delete the folder", self.location(name)):
                if self._call("exists", path):
                    self._call("rmdir", path)

    def check_writes(self) -> None:
        """Check, without connecting, that the driver can write and delete files; drivers for HTTP and archives can't.

        Raises:
            StorageError: it can't.
        """
        deletes = (getattr(self._driver, name, None) for name in ("rm", "_rm", "rm_file", "_rm_file"))
        can_delete = any(method and method.__module__ not in ("fsspec.spec", "fsspec.asyn") for method in deletes)
        if not can_delete or self._url.partition("://")[0] in _ONLY_READ:
            raise StorageError(f"files here can only be read, not written: give a folder or a store: {self.root}")

    def check_bucket(self) -> None:
        """Check that the bucket exists, if the store has buckets.

        Raises:
            StorageError: it does not exist.
            StorageUnavailableError: the store can't be reached.
        """
        with self._translated("reach the store", self.root):
            self._refuse_missing_bucket()

    def _listed(self, folder: str) -> Iterator[tuple[str, str]]:
        """Names in a folder with ``file`` or ``directory``; none if the folder is missing."""
        path = self._path(folder) if folder else self._base
        with self._translated("list the files", self.root):
            try:
                entries = self._call("ls", path, detail=True, secs=self._timeouts.listing_secs)
            except FileNotFoundError:
                self._refuse_missing_bucket()
                return
        base = self._base.rstrip("/")
        for entry in entries:
            name = entry["name"].rstrip("/")
            if name.startswith(f"{base}/"):
                yield name[len(base) + 1 :], entry["type"]

    def _make_folders(self, folders: set[str]) -> None:
        """Create missing folders, except the first in the path, which may be a kind of bucket."""
        if self._is_in_bucket:
            return
        for folder in folders:
            lead = "/" if folder.startswith("/") else ""
            parts = folder.strip("/").split("/")
            for n_parts in range(2, len(parts) + 1):
                path = lead + "/".join(parts[:n_parts])
                if not self._call("exists", path):
                    self._call("mkdir", path, create_parents=False)

    def _refuse_missing_bucket(self) -> None:
        if not self._is_in_bucket:
            return
        bucket = self._base.strip("/").partition("/")[0]
        try:
            self._call("info", bucket)
        except FileNotFoundError as error:
            raise StorageError(f"there is no bucket {bucket!r}; create it, or correct its name: {self.root}") from error
        except PermissionError:
            pass  # it exists

    def _call(self, method: str, *args: Any, n_bytes: int = 0, secs: float = 0.0, **kwargs: Any) -> Any:
        """Call a method of the driver with a deadline."""
        secs = (secs or self._timeouts.answer_secs) + n_bytes / _SLOWEST_BYTES_A_SEC
        files = self._files()
        function: Callable[[], Any] = partial(getattr(files, method), *args, **kwargs)
        coroutine = getattr(files, f"_{method}", None) if self._driver.async_impl else None
        if coroutine is not None:
            from fsspec.asyn import sync  # with the driver, which is there by now

            # With a timeout, the request itself ends; else it would keep a connection that later ones need.
            function = partial(sync, files.loop, coroutine, *args, timeout=secs, **kwargs)
        return self._calls.run(function, secs=secs)

    def _files(self) -> Any:
        """The driver's file system, created on first use, since some connect at once."""
        from fsspec.core import url_to_fs  # with the driver, which is there by now
        from fsspec.dircache import DirCache

        with self._lock:
            if self._connected is None:
                # Not the process's shared instance, which caches listings.
                connect = partial(url_to_fs, self._url, skip_instance_cache=True)
                files, _ = self._calls.run(connect, secs=self._timeouts.answer_secs)
                files.dircache = DirCache(use_listings_cache=False)
                self._connected = files
            return self._connected

    @contextmanager
    def _translated(self, doing: str, where: str, *, writes: bool = False) -> Iterator[None]:
        """Translate the driver's errors.

        Args:
            writes: a missing file means a missing folder or bucket, not a missing recording.
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
            raise StorageError(f"{name!r} is not a name below the recordings folder: {self.root}")
        return f"{self._base.rstrip('/')}/{name}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
