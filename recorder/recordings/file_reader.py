"""Reads many recordings, and unpacks each pack only once."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.episode_file import MAX_FILE_BYTES
from recorder.errors import EpisodeFileError, StorageError
from recorder.storage import Pack, Storage, is_pack, naming, packed_sizes, read_pack, split_packed

__all__ = ["FileReader", "recordings_in"]


class FileReader:
    """Reads recordings one after the other. It keeps the last pack in memory, so read those of a pack together.

    Args:
        storage: has the files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._pack = ""
        self._content = Pack({})
        self._sizes: dict[str, int] = {}

    def read(self, name: str) -> tuple[bytes, int]:
        """A recording, and how many bytes it takes in the storage.

        Raises:
            EpisodeFileError: it is damaged, or its whole pack, or the file is too large.
            StorageError: it is missing or can't be read.
        """
        split = split_packed(name)
        if split is None:
            data = self._storage.read(name, max_bytes=MAX_FILE_BYTES)
            return data, len(data)
        pack, member = split
        if pack != self._pack:
            self._open(pack)
        with naming(self._storage.location(name)):
            found = self._content.get(member)
        if found is None:
            raise StorageError(
                f"no such recording (deleted, or never kept): {self._storage.location(name)}", is_missing_file=True
            )
        return found, self._sizes[member]

    def _open(self, pack: str) -> None:
        self._pack = ""
        data = self._storage.read(pack, max_bytes=MAX_FILE_BYTES)
        with naming(self._storage.location(pack)):
            self._content = read_pack(data)
        self._sizes = packed_sizes(data, self._content.episodes)
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
