"""Files in a folder: written under a temporary name, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from recorder.errors import EpisodeFileTooLargeError, StorageError
from recorder.storage.base import RECORDING_SUFFIXES, Storage
from recorder.storage.file_system import can_sync_file_system, open_locked, sync_file_system

__all__ = ["LocalStorage", "read_local_file"]

_N_SYNC_THREADS = 8
"""Files to sync in parallel: a journalling file system commits them together, four times as fast."""

_MIN_SYNCED_TOGETHER = 8
"""From this number on, one sync of the file system takes a fifth of the CPU time of single syncs."""


_TEMPORARY_NAME = re.compile(r"\.(.+)\.[0-9a-f]{12}")

_READ_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""O_NONBLOCK keeps the opening of a pipe from waiting for its writer; O_BINARY exists on Windows."""


class LocalStorage(Storage):
    """A folder, created with the first file.

    Args:
        root: the folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        paths = {self._path(name): data for name, data in files.items()}
        try:
            for folder in _folders_of(paths):
                _make_folder(folder)
            if len(paths) <= 1:
                for path, data in paths.items():
                    _write_synced(path, data)
            elif len(paths) >= _MIN_SYNCED_TOGETHER and can_sync_file_system():
                _write_synced_together(paths)
            else:
                _write_synced_at_once(paths)
            for folder in _folders_of(paths):
                _sync_folder(folder)
        except OSError as error:
            where = self.root if error.filename is None else _final_name(error.filename)
            raise StorageError(f"can't write recordings ({error.strerror}): {where}") from error

    def _read_file(self, name: str, *, max_bytes: int) -> bytes:
        return read_local_file(self._path(name), max_bytes=max_bytes)

    def _open_file(self, name: str) -> BinaryIO:
        path = self._path(name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise StorageError(f"not a file: {path}")
            return open(path, "rb")
        except OSError as error:
            raise _unreadable(path, error) from error

    def _file_exists(self, name: str) -> bool:
        path = self._path(name)
        try:
            return stat.S_ISREG(os.stat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StorageError(f"can't check for the recording ({error.strerror}): {path}") from error

    def _delete_file(self, name: str) -> bool:
        path = self._path(name)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"can't delete the recording ({error.strerror}): {path}") from error
        return True

    @contextmanager
    def _changing(self, pack: str) -> Iterator[None]:
        path = self._path(pack)
        try:
            descriptor = open_locked(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def names(self, folder: str | None = None) -> Iterator[str]:
        if folder is not None:
            yield from _recordings_in(folder, self._path(folder))
            return
        for entry in _entries(self.root):
            if _is_recording(entry):
                yield entry.name
        for entry in _entries(self.root):
            if _is_folder(entry):
                yield from _recordings_in(entry.name, entry.path)

    def delete_unfinished(self, *, older_than_secs: float) -> int:
        oldest = time.time() - older_than_secs
        n_deleted = 0
        failed: list[tuple[Path, OSError]] = []
        for path in Path(self.root).glob("*/.episode_*"):
            try:
                if path.lstat().st_mtime < oldest:
                    path.unlink()
                    n_deleted += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                failed.append((path, error))
        if failed:
            path, first = failed[0]
            raise StorageError(
                f"can't delete {len(failed)} unfinished files, such as this one ({first.strerror}): {path}"
            ) from first
        return n_deleted

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or "\0" in name or os.path.isabs(name):
            raise StorageError(f"{name!r} is not a name below the recordings folder: {self.root}")
        return os.path.join(self.root, name)


def read_local_file(path: str, *, max_bytes: int) -> bytes:
    """Read a file.

    Raises:
        EpisodeFileTooLargeError: it is larger than ``max_bytes``; nothing was read.
        StorageError: it is missing or can't be read.
    """
    try:
        descriptor = os.open(path, _READ_AT_ONCE)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise StorageError(f"not a file: {path}")
            if status.st_size > max_bytes:
                raise EpisodeFileTooLargeError(f"the file has {status.st_size} bytes; the limit is {max_bytes}: {path}")
            return _read_whole(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise StorageError(f"{path!r} is not a valid file name: {error}") from error


def _read_whole(descriptor: int, n_bytes: int) -> bytes:
    """Read this many bytes; a single call reads at most 2 GiB."""
    parts = [os.read(descriptor, n_bytes)]
    while (n_left := n_bytes - sum(map(len, parts))) and (part := os.read(descriptor, n_left)):
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Entries of a folder, one by one, since it may hold millions; none if it is missing or not readable.

    Raises:
        StorageError: reading failed.
    """
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:
        raise StorageError(f"the folder can't be read ({error.strerror}): {folder}") from error


def _recordings_in(folder: str, path: str) -> Iterator[str]:
    for entry in _entries(path):
        if _is_recording(entry):
            yield f"{folder}/{entry.name}"


def _is_recording(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith("episode_") and entry.name.endswith(RECORDING_SUFFIXES)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))


def _folders_of(paths: Iterable[str]) -> set[str]:
    return {os.path.dirname(path) for path in paths}


def _make_folder(folder: str) -> None:
    """Create a folder and its parents durably."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(os.path.abspath(folder))
    _make_folder(above)
    with suppress(FileExistsError):
        os.mkdir(folder)
    _sync_folder(above)


def _temporary_of(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{secrets.token_hex(6)}")


def _final_name(path: str) -> str:
    """The final name of a temporary file, for messages."""
    folder, name = os.path.split(path)
    found = _TEMPORARY_NAME.fullmatch(name)
    return path if found is None else os.path.join(folder, found[1])


def _write_synced_at_once(paths: Mapping[str, bytes]) -> None:
    try:
        with ThreadPoolExecutor(min(_N_SYNC_THREADS, len(paths)), "sync") as pool:
            list(pool.map(_write_synced, paths.keys(), paths.values()))
    except RuntimeError:  # Python accepts no work for threads while it exits
        for path, data in paths.items():
            _write_synced(path, data)


def _write_synced(path: str, data: bytes) -> None:
    temporary = _temporary_of(path)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _write_synced_together(paths: Mapping[str, bytes]) -> None:
    temporaries = {_temporary_of(path): path for path in paths}
    try:
        for temporary, path in temporaries.items():
            with open(temporary, "xb", buffering=0) as file:
                _write_whole(file, paths[path])
        for folder in _folders_of(paths):
            sync_file_system(Path(folder))
        for temporary, path in temporaries.items():
            os.replace(temporary, path)
    except BaseException:
        for temporary in temporaries:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise


def _write_whole(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: str, error: OSError) -> StorageError:
    if isinstance(error, FileNotFoundError):
        return StorageError(f"no such recording (deleted, or never kept): {path}", is_missing_file=True)
    return StorageError(f"can't read the recording ({error.strerror}): {path}")
