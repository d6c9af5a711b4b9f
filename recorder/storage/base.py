"""What every storage can do, and the names of files within it."""

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
"""File systems allow 255 bytes a name."""


def episode_path(run_id: str, episode_id: int, *, compression: str = "lz4", replaced_plays: int = 0) -> str:
    """The place of a recording below the root: ``<run_id>/episode_000500.msgpack.lz4``.

    An episode that a resumed run played again has a name of its own, ``episode_000500_play2.msgpack.lz4``: whoever is
    late with writing an earlier play can't put it in the place of the later one.

    A run id may be any text: what is not safe in a file name is percent-escaped, so no id can leave the root. So are dots and
    spaces at its ends: a folder ``..`` is the root's parent, a dot in front hides it, Windows drops those behind. Two
    different ids never share a folder (on a file system that ignores case, those that differ in case alone do).
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
    """Files by their place below a root, with forward slashes."""

    root: str

    @abstractmethod
    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Put files in place, each whole or not at all, durable when this returns.

        Raises:
            StorageError: no room, no access; the files that are not in place yet may be written again later.
        """

    @abstractmethod
    def read(self, name: str, *, max_bytes: int) -> bytes:
        """The bytes of one file.

        Raises:
            EpisodeFileTooLargeError: larger than ``max_bytes``; nothing was read.
            StorageError: missing or not readable.
        """

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """One file to read from any place in it, piece by piece; the caller closes it.

        Raises:
            StorageError: missing or not readable; also raised by reading from it.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is such a file now; the store is asked for this very file.

        Raises:
            StorageError: it can't be told.
        """

    @abstractmethod
    def delete(self, name: str) -> bool:
        """Remove a file; False when there was none."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """All recordings in a run's folder, or in the root itself, as the original recorder left them; in no order.

        Temporary files are left out.
        """

    def delete_unfinished(self, *, older_than_secs: float) -> int:  # noqa: ARG002 - a store that puts files in one request
        """Remove what writers left that were killed before their file was whole; returns how many there were."""
        return 0

    def location(self, name: str) -> str:
        """The path or URL of a file, for ``open_episode`` and for people."""
        return f"{self.root.rstrip('/')}/{name}"
