"""``Library``: opened recordings, shared by all viewers of a process and limited in bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import Lock
from weakref import WeakValueDictionary, finalize

from recorder.catalog import Catalog, RecordingRow
from recorder.episode_file import ReadLimits, open_episode
from recorder.recordings.find import find_recording, naming_file, read_recording
from recorder.storage import Storage
from replay_server.episodes.cache import ByteLru
from replay_server.episodes.recorded import OpenedRecording, bytes_taken
from replay_server.episodes.state_update import state_updates
from replay_server.memory import MemoryBudget

__all__ = ["BLOCK_STEPS", "Library"]

BLOCK_STEPS = 32
"""Steps whose messages are encoded together: half a millisecond of work, so that other viewers are not delayed."""


_LIMITS = ReadLimits(chunk_bytes=32 * 2**20, total_bytes=4 * 2**30, column_bytes=128 * 2**20)
"""Bytes to unpack. Each thread decodes whole chunks, and the outline unpacks the whole recording, at about 1 GiB per
second."""

_N_DOORS = 16


class Library:
    """Finds, opens and caches recordings; thread-safe.

    Args:
        catalog: lists the recordings.
        storage: has their files.
        cache_bytes: for opened recordings and for their encoded messages, half each.
        memory_bytes: for all opened recordings, in use or cached.
    """

    def __init__(self, catalog: Catalog, storage: Storage, *, cache_bytes: int, memory_bytes: int = 2**30) -> None:
        self.catalog = catalog
        self.storage = storage
        self.memory = MemoryBudget(memory_bytes)
        self._in_use: WeakValueDictionary[tuple[str, int, str], OpenedRecording] = WeakValueDictionary()
        self._doors = tuple(Lock() for _ in range(_N_DOORS))
        self._opened: ByteLru[tuple[str, int, str], OpenedRecording] = ByteLru(cache_bytes // 2)
        self._updates: ByteLru[tuple[tuple[str, int, str], int], list[bytes]] = ByteLru(cache_bytes // 2)

    @property
    def n_bytes(self) -> int:
        """Bytes that the caches hold."""
        return self._opened.n_bytes + self._updates.n_bytes

    def open(self, run_id: str | None, episode_id: int) -> OpenedRecording:
        """Return a recording; without ``run_id`` from the newest run that has the episode.

        Raises:
            RecordingNotFoundError: there is no such recording, or its file is missing.
            EpisodeFileError: the file is invalid.
            EpisodeFileTooLargeError: it would take more memory or time than one recording may.
            BusyError: recordings in use take all the memory.
            StorageError, CatalogError: file or catalog can't be reached.
        """
        row = find_recording(self.catalog, run_id, episode_id)
        key = (row.run_id, row.episode_id, row.content_hash)
        opened = self._held(key)
        if opened is None:
            with self._doors[hash(key) % _N_DOORS]:  # concurrent requests read it once
                opened = self._held(key)
                if opened is None:
                    opened = self._in_use[key] = self._read(row)
                    self._opened.put(key, opened, opened.n_bytes)
        return opened

    def prepared(self, run_id: str | None, episode_id: int) -> OpenedRecording:
        """Return a recording with everything decoded for an ``opened`` message, which would block other viewers
        later.

        Raises:
            RecordingNotFoundError, EpisodeFileError, BusyError, StorageError, CatalogError: as ``open``.
        """
        opened = self.open(run_id, episode_id)
        with self._naming_file(opened.row):
            _ = opened.outline_json
        return opened

    def update(self, opened: OpenedRecording, index: int) -> bytes:
        """Return the ``state_update`` of one step as UTF-8.

        Raises:
            EpisodeFileError: the recording is corrupt there.
        """
        number, place = divmod(index, BLOCK_STEPS)
        block = self._updates.get((opened.key, number))
        if block is None:
            start = number * BLOCK_STEPS
            with self._naming_file(opened.row):
                texts = state_updates(opened, start, min(start + BLOCK_STEPS, opened.n_steps))
            block = [text.encode() for text in texts]
            self._updates.put((opened.key, number), block, sum(map(len, block)) + 64 * len(block))
        return block[place]

    def forget(self, row: RecordingRow) -> None:
        """Drop a deleted recording."""
        self._opened.drop((row.run_id, row.episode_id, row.content_hash))

    def _held(self, key: tuple[str, int, str]) -> OpenedRecording | None:
        return self._opened.get(key) or self._in_use.get(key)

    def _read(self, row: RecordingRow) -> OpenedRecording:
        held = self.memory.hold(row.compressed_size_bytes, make_room=self._opened.make_room)
        try:
            data = read_recording(self.storage, row)
            with self._naming_file(row):
                episode = open_episode(data, limits=_LIMITS)
                held.grow_to(bytes_taken(episode, file_bytes=len(data)))
                opened = OpenedRecording(row, episode, held)
                _ = opened.columns  # decoded now, so that an invalid one is refused and not cached
        except BaseException:
            held.release()
            raise
        finalize(opened, held.release)
        return opened

    def _naming_file(self, row: RecordingRow) -> AbstractContextManager[None]:
        return naming_file(self.storage.location(row.file_path))
