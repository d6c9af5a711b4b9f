"""The storage interface, and names of files."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

__all__ = ["RECORDING_SUFFIXES", "Storage", "episode_path"]

RECORDING_SUFFIXES = (".msgpack.lz4", ".msgpack")

_SAFE_IN_NAMES = " +,=@()-_."
_MAX_FOLDER_BYTES = 200
"""File systems allow 255 bytes per name."""


def episode_path(run_id: str, episode_id: int, *, compression: str = "lz4", replaced_plays: int = 0) -> str:
    """Name of a recording below the root: ``<run_id>/episode_000500.msgpack.lz4``.

    A later play of a resumed run has another name, ``episode_000500_play2.msgpack.lz4``, so that a late write of an
    earlier play can't replace it.

    A run id may be any text. Characters that are unsafe in file names are percent-escaped, so no id leads out of the
    root. So are dots and spaces at the ends: ``..`` is the parent folder, a leading dot hides a folder, and Windows
    drops trailing ones. Different ids never share a folder, except on file systems that ignore case.
    """
    folder = quote(run_id, safe=_SAFE_IN_NAMES, errors="surrogatepass") or "%"
    if folder[0] in ". ":
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    if folder[-1] in ". ":
        folder = f"{folder[:-1]}%{ord(folder[-1]):02X}"
    if len(folder) > _MAX_FOLDER_BYTES:
        digest = hashlib.blake2b(run_id.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        folder = f"{folder[:_MAX_FOLDER_BYTES]}%{digest}"
    play = f"_play{replaced_plays + 1}" if replaced_plays else ""
    return f"{folder}/episode_{episode_id:06d}{play}.msgpack{'.lz4' if compression == 'lz4' else ''}"


class Storage(ABC):
    """Files by name below a root, with forward slashes."""

    root: str

    @abstractmethod
    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Write files atomically and durably.

        Raises:
            StorageError: no space, or no access. Retry: files that were not written may be written again.
        """

    @abstractmethod
    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read a file.

        Raises:
            EpisodeFileTooLargeError: the file is larger than ``max_bytes``; nothing was read.
            StorageError: the file is missing or can't be read.
        """

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open a file for reading with seeks; the caller closes it.

        Raises:
            StorageError: the file is missing or can't be read; reading may also raise it.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the file exists; not cached.

        Raises:
            StorageError: this can't be determined.
        """

    @abstractmethod
    def delete(self, name: str) -> bool:
        """Delete a file; returns whether it existed."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """Names of all recordings, in run folders or, as the original recorder wrote them, in the root. Unordered.

        Temporary files are left out.
        """

    def delete_unfinished(self, *, older_than_secs: float) -> int:  # noqa: ARG002 - some stores leave no files
        """Delete temporary files of killed writers; returns how many."""
        return 0

    def location(self, name: str) -> str:
        """Path or URL of a file, for messages and ``open_episode``."""
        return f"{self.root.rstrip('/')}/{name}"
