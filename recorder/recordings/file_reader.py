"""Reads many recordings, and unpacks each pack only once."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.episode_file import MAX_FILE_BYTES
from recorder.errors import EpisodeFileError, StorageError
from recorder.storage import Storage, is_pack, packed_sizes, read_pack, split_packed

__all__ = ["FileReader", "recordings_in"]


class FileReader:
    """Reads recordings one after the other. It keeps the last pack in memory, so read those of a pack together.

    Args:
        storage: has the files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._pack = ""
        self._episodes: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}

    def read(self, name: str) -> tuple[bytes, int]:
        """A recording, and how many bytes it takes in the storage.

        Raises:
            EpisodeFileError: its pack is damaged, or the file is too large.
            StorageError: it is missing or can't be read.
        """
        split = split_packed(name)
        if split is None:
            data = self._storage.read(name, max_bytes=MAX_FILE_BYTES)
            return data, len(data)
        pack, member = split
        if pack != self._pack:
            self._open(pack)
        if member not in self._episodes:
            raise StorageError(
                f"no such recording (deleted, or never kept): {self._storage.location(name)}", is_missing_file=True
            )
        return self._episodes[member], self._sizes[member]

    def _open(self, pack: str) -> None:
        self._pack = ""
        data = self._storage.read(pack, max_bytes=MAX_FILE_BYTES)
        try:
            self._episodes = read_pack(data)
        except EpisodeFileError as error:
            raise type(error)(f"{error}: {self._storage.location(pack)}") from error
        self._sizes = packed_sizes(data, self._episodes)
        self._pack = pack


def recordings_in(storage: Storage, name: str) -> Iterator[str]:
    """Names of the recordings in a file: those in a pack, else the file itself, also if the pack can't be read."""
    if not is_pack(name):
        yield name
        return
    try:
        yield from storage.packed_names(name)
    except (EpisodeFileError, StorageError):
        yield name  # reading it as a recording says why
