"""A cache of unpacked chunks with a limit in bytes; thread-safe."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from recorder.chunk import Chunk

__all__ = ["MAX_KEPT_BYTES", "ChunkCache"]

MAX_KEPT_BYTES = 16 * 2**20
"""Limit on undecoded columns; decoded ones may take as much again. Fits 100,000 steps without images."""


class ChunkCache:
    """The chunks used last.

    Args:
        unpack: makes the chunk with an index.
    """

    def __init__(self, unpack: Callable[[int], Chunk]) -> None:
        self._unpack = unpack
        self._chunks: OrderedDict[int, Chunk] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    def get(self, index: int) -> Chunk:
        """Get a chunk.

        Raises:
            EpisodeFileCorruptError: its bytes are damaged.
        """
        with self._lock:
            chunk = self._chunks.get(index)
            if chunk is not None:
                self._chunks.move_to_end(index)
                return chunk
        chunk = self._unpack(index)
        if chunk.n_bytes <= MAX_KEPT_BYTES:
            with self._lock:
                self._keep(index, chunk)
        return chunk

    def _keep(self, index: int, chunk: Chunk) -> None:
        if index in self._chunks:  # another thread was faster
            return
        self._chunks[index] = chunk
        self._n_bytes += chunk.n_bytes
        while self._n_bytes > MAX_KEPT_BYTES:
            _, oldest = self._chunks.popitem(last=False)
            self._n_bytes -= oldest.n_bytes
