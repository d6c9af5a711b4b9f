"""Reading the records of a ring; the sender's side."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.black_box.format import MAX_LAYOUTS, WORD_BYTES, Kind
from recorder.black_box.layout import Layout, padded
from recorder.black_box.ring import Ring
from recorder.errors import BlackBoxError

__all__ = ["Event", "RingReader", "Run"]

_MAX_RUN_RECORDS = 2**16
_FIRST_LOOK_RECORDS = 64
_EVENT = struct.Struct("<qQ")
_ENTRY = struct.Struct("<IHH")


class Run(NamedTuple):
    """Equal records in a row.

    Args:
        layout: of all of them.
        records: structured ``[n_records]``, a read-only view of the ring; valid until the tail passes it.
        position: of the first.
        n_bytes: of each record.
    """

    layout: Layout
    records: NDArray[Any]
    position: int
    n_bytes: int


class Event(NamedTuple):
    """A record that is no step.

    Args:
        kind: ``FINISH``, ``KEEP``, ``ABORT``, ``GAP`` or ``CLOSE``.
        body: metadata, a reason or ranges: see BLACKBOX.md.
    """

    kind: Kind
    position: int
    episode_id: int
    body: bytes


class RingReader:
    """Reads forward, once.

    Args:
        ring: the ring.
        position: of the first record to read; the ring's tail when left out.
    """

    def __init__(self, ring: Ring, position: int | None = None) -> None:
        self._ring = ring
        self.position = ring.tail if position is None else position
        """Of the next record to read."""
        self._seen_head = self.position
        self._memory = memoryview(ring.memory).toreadonly()
        self._words = np.frombuffer(self._memory, np.uint64, ring.capacity // WORD_BYTES, ring.ring_at)
        self._layouts: dict[int, Layout] = {}
        self._generations = [-1, -1]
        self._n_entries = [0, 0]
        self._entries_end = [0, 0]

    @property
    def n_unread_bytes(self) -> int:
        """Bytes between the next record to read and the head."""
        return self._ring.head - self.position

    def look(
        self, *, is_final: bool = False, max_bytes: int = 2**22, max_secs: float = math.inf
    ) -> Iterator[Run | Event]:
        """The records before the head as it stood at the previous look.

        Args:
            is_final: the trainer has closed, or is gone: read up to the head as it is.
            max_bytes: stop after about that many; the rest comes with the next look.
            max_secs: stop when the caller has taken so long with what it was given.

        Raises:
            BlackBoxError: another program has written into the ring.
        """
        head = self._ring.head
        limit = head if is_final else self._seen_head
        self._seen_head = head
        stop = min(limit, self.position + max_bytes)
        stop_at = time.monotonic() + max_secs
        while self.position < stop:
            yield from self._next(limit)
            if time.monotonic() > stop_at:
                break

    def _next(self, limit: int) -> Iterator[Run | Event]:
        position, capacity = self.position, self._ring.capacity
        place = position % capacity
        room = min(limit - position, capacity - place)
        word = int(self._words[place // WORD_BYTES])
        n_bytes, kind, layout_id = word & 0xFFFFFFFF, word >> 32 & 0xFF, word >> 48
        if not WORD_BYTES <= n_bytes <= room or n_bytes % WORD_BYTES or not Kind.STEP <= kind <= Kind.PAD:
            raise BlackBoxError(f"position {position}: {word:#018x} begins no record: {self._ring.path}")
        if kind == Kind.PAD:
            self.position += n_bytes
        elif kind in (Kind.STEP, Kind.BLOCK):
            layout = self._layout(layout_id)
            if layout.n_bytes != n_bytes or layout.is_block != (kind == Kind.BLOCK):
                raise BlackBoxError(
                    f"position {position}: {n_bytes} bytes do not fit layout {layout_id}: {self._ring.path}"
                )
            n_records = self._n_alike(place, word, n_bytes, min(room // n_bytes, _MAX_RUN_RECORDS))
            records = np.frombuffer(self._memory, layout.record_dtype, n_records, self._ring.ring_at + place)
            self.position += n_records * n_bytes
            yield Run(layout, records, position, n_bytes)
        else:
            at = self._ring.ring_at + place + WORD_BYTES
            episode_id, length = _EVENT.unpack_from(self._memory, at)
            if padded(WORD_BYTES + _EVENT.size + length) != n_bytes:
                raise BlackBoxError(f"position {position}: an event of {length} bytes in {n_bytes}: {self._ring.path}")
            body = bytes(self._memory[at + _EVENT.size : at + _EVENT.size + length])
            self.position += n_bytes
            yield Event(Kind(kind), position, episode_id, body)

    def _n_alike(self, place: int, word: int, n_bytes: int, n_most: int) -> int:
        """How many records from ``place`` on begin with that word, one after another."""
        stride = n_bytes // WORD_BYTES
        first = place // WORD_BYTES
        n_alike, n_looked_at = 1, _FIRST_LOOK_RECORDS
        while n_alike < n_most:
            # By growing stretches: in a full ring the records of one episode are few among many.
            start, stop = first + n_alike * stride, first + min(n_looked_at, n_most) * stride
            differs = self._words[start:stop:stride] != word
            index = int(differs.argmax())
            if differs[index]:
                return n_alike + index
            n_alike, n_looked_at = min(n_looked_at, n_most), 2 * n_looked_at
        return n_most

    def _layout(self, layout_id: int) -> Layout:
        table = layout_id // MAX_LAYOUTS
        generation, n_entries = self._ring.table_cells(table)
        if generation != self._generations[table]:
            self._layouts = {known: layout for known, layout in self._layouts.items() if known // MAX_LAYOUTS != table}
            self._generations[table], self._n_entries[table], self._entries_end[table] = generation, 0, 0
        found = self._layouts.get(layout_id)
        if found is not None:
            return found
        start = self._ring.tables_at + table * self._ring.table_bytes
        while self._n_entries[table] < n_entries:
            at = start + self._entries_end[table]
            n_bytes, known, _ = _ENTRY.unpack_from(self._memory, at)
            end = at + padded(_ENTRY.size + n_bytes)
            if end > start + self._ring.table_bytes:
                raise BlackBoxError(f"layout table {table} is damaged: {self._ring.path}")
            self._layouts[known] = Layout.unpack(bytes(self._memory[at + _ENTRY.size : at + _ENTRY.size + n_bytes]))
            self._entries_end[table] = end - start
            self._n_entries[table] += 1
        if layout_id not in self._layouts:
            raise BlackBoxError(f"layout {layout_id} stands in no table: {self._ring.path}")
        return self._layouts[layout_id]
