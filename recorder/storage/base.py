"""The storage interface. A recording is a file, or a part of a pack."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from typing import BinaryIO, cast

from recorder.errors import EpisodeFileError, EpisodeFileTooLargeError, StorageError
from recorder.storage.packs import MAX_PACK_BYTES, PACK_SUFFIX, Pack, build_pack, naming, read_pack, split_packed

__all__ = ["RECORDING_SUFFIXES", "Storage"]

RECORDING_SUFFIXES = (".msgpack.lz4", ".msgpack.zst", ".msgpack", PACK_SUFFIX)


class Storage(ABC):
    """Files by name below a root, with forward slashes."""

    root: str

    @abstractmethod
    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Write files atomically and durably.

        Raises:
            StorageError: no space, or no access. Retry: files that were not written may be written again.
        """

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read a recording, a whole file or one in a pack.

        Raises:
            EpisodeFileTooLargeError: it is larger than ``max_bytes``; nothing was read.
            EpisodeFileError: it is damaged, or its whole pack.
            StorageError: it is missing or can't be read.
        """
        split = split_packed(name)
        if split is None:
            return self._read_file(name, max_bytes=max_bytes)
        pack = self._read_pack(split[0])
        with naming(self.location(name)):
            data = pack.get(split[1])
        if data is None:
            raise StorageError(
                f"no such recording (deleted, or never kept): {self.location(name)}", is_missing_file=True
            )
        if len(data) > max_bytes:
            raise EpisodeFileTooLargeError(
                f"the recording has {len(data)} bytes; the limit is {max_bytes}: {self.location(name)}"
            )
        return data

    def open(self, name: str) -> BinaryIO:
        """Open a recording for reading with seeks; the caller closes it.

        Raises:
            EpisodeFileError: its pack is damaged.
            StorageError: it is missing or can't be read; reading may also raise it.
        """
        if split_packed(name) is None:
            return self._open_file(name)
        return cast(BinaryIO, io.BytesIO(self.read(name, max_bytes=MAX_PACK_BYTES)))

    def exists(self, name: str) -> bool:
        """Whether the recording exists; not cached. In a pack that can't be read, each does.

        Raises:
            StorageError: this can't be determined.
        """
        split = split_packed(name)
        if split is None:
            return self._file_exists(name)
        try:
            return self._file_exists(split[0]) and split[1] in self._read_pack(split[0]).names
        except EpisodeFileError:
            return True
        except StorageError as error:
            if error.is_missing_file:
                return False
            raise

    def delete(self, name: str) -> bool:
        """Delete a recording; returns whether it existed.

        Raises:
            StorageError: it can't be deleted, or its whole pack is damaged.
        """
        return self.delete_all([name]) == 1

    def delete_all(self, names: Iterable[str]) -> int:
        """Delete recordings, and write each of their packs again only once; returns how many existed.

        Raises:
            StorageError: as ``delete``; some may be deleted.
        """
        split = {name: split_packed(name) for name in names}
        n_deleted = sum(self._delete_file(name) for name, pack in split.items() if pack is None)
        packed = sorted(pack for pack in split.values() if pack is not None)
        for pack, members in groupby(packed, key=lambda member: member[0]):
            n_deleted += self._delete_packed(pack, {name for _, name in members})
        return n_deleted

    def _delete_packed(self, pack: str, names: set[str]) -> int:
        try:
            with self._changing(pack):
                found = self._read_pack(pack)
                left = {name: data for name, data in found.episodes.items() if name not in names}
                lost = found.lost - names
                n_deleted = len(found.names) - len(left) - len(lost)
                if not left and not lost:
                    self._delete_file(pack)
                elif n_deleted:
                    self.write_all({pack: build_pack(left, lost=sorted(lost))})
        except EpisodeFileError as error:
            raise StorageError(
                f"can't delete a recording; delete the whole pack by hand if you don't need it: {error}"
            ) from error
        except StorageError as error:
            if error.is_missing_file:
                return 0
            raise
        return n_deleted

    def _read_pack(self, name: str) -> Pack:
        data = self._read_file(name, max_bytes=MAX_PACK_BYTES)
        with naming(self.location(name)):
            return read_pack(data)

    def packed_names(self, pack: str) -> list[str]:
        """Names of the recordings in a pack, as ``read`` takes them.

        Raises:
            EpisodeFileError: the pack is damaged.
            StorageError: it is missing or can't be read.
        """
        return [f"{pack}/{name}" for name in self._read_pack(pack).names]

    def _changing(self, pack: str) -> AbstractContextManager[None]:  # noqa: ARG002 - most stores have no locks
        """Keep other processes from changing the pack meanwhile, where this is possible.

        Without it, two that delete from one pack at once may leave a recording in it that the catalog no longer has.
        """
        return nullcontext()

    @abstractmethod
    def _read_file(self, name: str, *, max_bytes: int) -> bytes: ...

    @abstractmethod
    def _open_file(self, name: str) -> BinaryIO: ...

    @abstractmethod
    def _file_exists(self, name: str) -> bool: ...

    @abstractmethod
    def _delete_file(self, name: str) -> bool: ...

    @abstractmethod
    def names(self, folder: str | None = None) -> Iterator[str]:
        """Names of all files with recordings, packs included, in run folders or, as the original recorder wrote them, in
        the root. Unordered.

        Temporary files are left out.

        Args:
            folder: only those in this run's folder.
        """

    def delete_unfinished(self, *, older_than_secs: float) -> int:  # noqa: ARG002 - some stores leave no files
        """Delete temporary files of killed writers; returns how many."""
        return 0

    def location(self, name: str) -> str:
        """Path or URL of a file, for messages and ``open_episode``."""
        return f"{self.root.rstrip('/')}/{name}"
