"""Writing records into a ring; the trainer's side.

The caller holds ``lock`` from ``room`` to ``publish``. Nothing here waits.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from recorder.black_box.format import MAX_LAYOUTS, WORD_BYTES, Cell, Kind, record_word
from recorder.black_box.layout import Layout, padded
from recorder.black_box.ring import Ring
from recorder.errors import UsageError

__all__ = ["MAX_RECORD_SHARE", "RingWriter"]

MAX_RECORD_SHARE = 4
"""A record may take this part of the ring, one over it."""

_RESERVE_SHARE = 8
"""The part of the ring that ends of episodes find free when steps have filled the rest."""

_LARGE_SHARE = 2
"""The part of the ring that records with large values leave to the others."""

_EVENT = struct.Struct("<QqQ")
_EVENT_BYTES = _EVENT.size
_write_event = _EVENT.pack_into
_WORDS = tuple(record_word(kind, 0) for kind in (0, *Kind))
"""By kind, the word of a record without its size."""
_NO_GENERATION = -1
"""After the end of the run: no layout is of this one."""
_HEAD = int(Cell.HEAD)  # a member of an enumeration takes ten times as long to look up
_ENTRY = struct.Struct("<IHH")


class RingWriter:
    """One for each ring.

    Args:
        ring: whose trainer this process is.
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.lock = threading.Lock()
        self.head = ring.head
        """Where the next record begins; ahead of the ring's own head while records wait to be published."""
        self.base = self.head - self.head % ring.capacity
        """Position at which the current lap began: a record's place in the ring is its position minus this."""
        self.limit = self.head
        """Steps may be written up to here without asking for room."""
        self.large_limit = self.head
        """The same for steps with large values, such as pictures: numbers never wait for them."""
        self.unpublished: deque[tuple[Any, int, int, int]] | None = None
        """Records that wait for a device, and those after them: what says whether it is done, start, end, and number of steps;
        None most often."""
        self.on_device_error: Callable[[Exception, int], None] = _raise
        """Given the error of a device, and how many steps are lost over it; the lock is held."""
        self.max_record_bytes = ring.capacity // MAX_RECORD_SHARE
        self._max_event_bytes = ring.capacity // 2
        self._ring_at = ring.ring_at
        self.generation = 0
        """Changes when the ids of layouts that were given out before must not be used any more."""
        self.is_over = False
        """Whether the end of the run is written: nothing that stands after it would be read."""
        self._step_room = ring.capacity - ring.capacity // _RESERVE_SHARE
        self._large_room = ring.capacity // _LARGE_SHARE
        self._ids: dict[bytes, int] = {}
        self._table = 0
        self._table_end = 0
        self._last_use = [0, 0]
        """For each table, the head when it was left."""
        self._words = ring.words
        self._memory = ring.memory
        self._ring_words = memoryview(ring.memory)[ring.ring_at :].cast("Q")

    @property
    def n_used_bytes(self) -> int:
        """Bytes of the ring that are taken, as the sender last said."""
        return self.head - self._words[Cell.TAIL]

    def room(self, n_bytes: int, *, is_end: bool = False, is_large: bool = False) -> bool:
        """Make ``head`` a place where a record of that size fits; False when there is none.

        Args:
            is_end: take from the room that steps leave free.
            is_large: leave room that other steps may take.
        """
        capacity, tail = self.ring.capacity, self._words[Cell.TAIL]
        lap_end = self.base + capacity
        start = self.head if self.head + n_bytes <= lap_end else lap_end
        allowed = capacity if is_end else self._large_room if is_large else self._step_room
        if start + n_bytes - tail > allowed:
            return False
        if start != self.head:
            self._ring_words[(self.head - self.base) // 8] = record_word(Kind.PAD, lap_end - self.head)
            self.head = lap_end
            self.publish(lap_end)
        if self.head == lap_end:
            self.base = lap_end
        lap_end = self.base + capacity
        self.limit = min(lap_end, tail + self._step_room)
        self.large_limit = min(lap_end, tail + self._large_room)
        return True

    def publish(self, end: int, waits_for: Any = None, *, n_steps: int = 0) -> None:
        """The record up to ``end`` is whole.

        Args:
            waits_for: a device's event, with ``query()``: until it is done, neither this record nor a later one is published.
            n_steps: of a record that waits.
        """
        start, self.head = self.head, end
        if self.unpublished is None and waits_for is None:
            self._words[_HEAD] = end
            return
        if self.unpublished is None:
            self.unpublished = deque()
        self.unpublished.append((waits_for, start, end, n_steps))
        self.publish_ready()

    def publish_ready(self, *, waits: bool = False) -> None:
        """Publish what a device has finished.

        Args:
            waits: for the device, until everything is published.
        """
        unpublished = self.unpublished
        while unpublished:
            waits_for, start, end, n_steps = unpublished[0]
            problem: Exception | None = None
            if waits_for is not None:
                try:
                    if waits:
                        waits_for.synchronize()
                    elif not waits_for.query():
                        return
                except Exception as error:  # noqa: BLE001 - whatever the device says: its record is lost, the others go on
                    problem = error
                    self._ring_words[start % self.ring.capacity // 8] = record_word(Kind.PAD, end - start)
            unpublished.popleft()
            self._words[_HEAD] = end
            if not unpublished:
                self.unpublished = None
            if problem is not None:
                self.on_device_error(problem, n_steps)

    def event(self, kind: Kind, episode_id: int, data: bytes) -> bool:
        """Write an event; False when there is no room."""
        n_data_bytes = len(data)
        n_bytes = (_EVENT_BYTES + n_data_bytes + WORD_BYTES - 1) & -WORD_BYTES  # ``padded``, without a call
        if n_bytes > self._max_event_bytes:
            raise UsageError(f"{n_data_bytes} bytes are too much for a black box of {self.ring.capacity}")
        if self.head + n_bytes > self.limit and not self.room(n_bytes, is_end=True):
            return False
        at, end = self._ring_at + self.head - self.base, self.head + n_bytes
        _write_event(self._memory, at, _WORDS[kind] | n_bytes, episode_id, n_data_bytes)
        at += _EVENT_BYTES
        self._memory[at : at + n_data_bytes] = data
        if self.unpublished is None:
            self.head = self._words[_HEAD] = end
        else:
            self.publish(end)
        if kind is Kind.CLOSE:
            self.is_over = True
            self.generation = _NO_GENERATION
        return True

    def layout_id(self, layout: Layout) -> int | None:
        """The id of a layout, which is announced if it is new; None when there is no room for it now."""
        known = self._ids.get(layout.packed)
        if known is not None:
            return known
        n_bytes = padded(_ENTRY.size + len(layout.packed))
        if self._table_end + n_bytes > self.ring.table_bytes or len(self._ids) >= MAX_LAYOUTS:
            if n_bytes > self.ring.table_bytes or self._words[Cell.TAIL] < self._last_use[1 - self._table]:
                return None
            self._begin_table(1 - self._table)
        layout_id = self._table * MAX_LAYOUTS + len(self._ids)
        at = self.ring.tables_at + self._table * self.ring.table_bytes + self._table_end
        _ENTRY.pack_into(self._memory, at, len(layout.packed), layout_id, 0)
        self._memory[at + _ENTRY.size : at + _ENTRY.size + len(layout.packed)] = layout.packed
        self._ids[layout.packed] = layout_id
        self._table_end += n_bytes
        generation, _ = self.ring.table_cells(self._table)
        self.ring.set_table_cells(self._table, generation, len(self._ids))
        return layout_id

    def _begin_table(self, table: int) -> None:
        self._last_use[self._table] = self.head
        generation, _ = self.ring.table_cells(table)
        self.ring.set_table_cells(table, generation + 1, 0)
        self._table, self._table_end = table, 0
        self._ids.clear()
        self.generation += 1


def _raise(error: Exception, _n_steps: int) -> None:
    raise error
