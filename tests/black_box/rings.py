"""Rings for tests, and the plainest way to write steps into them and to read them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recorder.black_box import Event, Field, Kind, Layout, Ring, RingReader, RingWriter, Run
from recorder.black_box.format import MIN_CAPACITY, record_word

IDENTITY = {"run_id": "a", "producer_id": "b"}

STEPS = Layout([Field("reward", np.dtype(np.float64)), Field("meters", np.dtype(np.float32), (3,))])


def small_ring(path: Path | None = None) -> Ring:
    """The smallest ring there is."""
    return Ring.create(path, capacity=MIN_CAPACITY, identity=IDENTITY)


def put_step(writer: RingWriter, number: int, layout: Layout = STEPS) -> bool:
    """Write step ``number``, whose values all follow from it; False when there is no room."""
    with writer.lock:
        layout_id = writer.layout_id(layout)
        assert layout_id is not None
        if not writer.room(layout.n_bytes):
            return False
        at = writer.ring.ring_at + writer.head - writer.base
        record = np.ndarray((), layout.record_dtype, writer.ring.memory, at)
        record["word"] = record_word(Kind.STEP, layout.n_bytes, layout_id)
        record["episode_id"], record["step"], record["lane"] = number // 100, number % 100, 0
        for field in layout.fields:
            record[field.name] = number
        writer.publish(writer.head + layout.n_bytes)
        return True


def put_event(writer: RingWriter, kind: Kind, episode_id: int, body: bytes) -> bool:
    """Write an event; False when there is no room."""
    with writer.lock:
        return writer.event(kind, episode_id, body)


def numbers_of(records: Any) -> list[int]:
    """The numbers of steps, by what each of their values says."""
    numbers = (records["episode_id"] * 100 + records["step"]).tolist()
    for name in ("reward", "meters"):
        if name in records.dtype.names:
            assert np.array_equal(
                records[name].reshape(len(records), -1).T,
                np.broadcast_to(numbers, records[name].reshape(len(records), -1).T.shape),
            )
    return list(numbers)


def read_all(ring: Ring, reader: RingReader | None = None) -> list[Any]:
    """Everything up to the head: numbers of steps, and events as ``(kind, episode_id, body)``; their room is given back."""
    reader = reader or RingReader(ring)
    found: list[Any] = []
    while reader.n_unread_bytes:
        for item in reader.look(is_final=True):
            if isinstance(item, Run):
                found += numbers_of(item.records)
            else:
                assert isinstance(item, Event)
                found.append((item.kind, item.episode_id, item.body))
        ring.tail = reader.position
    return found
