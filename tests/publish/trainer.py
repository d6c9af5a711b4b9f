"""A trainer's side of a ring, made by hand: it writes records as a recorder does, and says what a step holds by its number."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from recorder.black_box import Field, Kind, Layout, Ring, RingWriter
from recorder.black_box.format import record_word
from recorder.step_stream import pack_body

__all__ = ["PRODUCER", "REWARD", "RUN", "Trainer", "block_layout", "step_layout"]

RUN = "run"
PRODUCER = "producer"
REWARD = Field("reward", np.dtype(np.float64), is_number=True)
FIELDS = (Field("position", np.dtype(np.float32), (2,)), REWARD)


def step_layout(*fields: Field) -> Layout:
    """Of single steps."""
    return Layout(fields or FIELDS)


def block_layout(n_rows: int, n_lanes: int, *fields: Field, has_lanes: bool = False) -> Layout:
    """Of blocks."""
    return Layout(fields or FIELDS, lead=(n_rows, n_lanes), has_lanes=has_lanes)


class Trainer:
    """Writes into a ring of its own.

    Args:
        path: of the file; None for anonymous memory.
    """

    def __init__(self, path: Path | None = None, *, capacity: int = 2**20, **identity: Any) -> None:
        known = {"run_id": RUN, "producer_id": PRODUCER, "resumed": False, "defaults": {}, "info": {"config": {}}}
        self.ring = Ring.create(path, capacity=capacity, identity={**known, **identity})
        self.writer = RingWriter(self.ring)
        self.layout = step_layout()
        self.n_steps = 0

    def record(self, layout: Layout, **columns: Any) -> bool:
        """Write a record; False when there is no room. What is not given is 1.0, as the reward is the step's number."""
        layout_id = self.writer.layout_id(layout)
        assert layout_id is not None
        kind = Kind.BLOCK if layout.is_block else Kind.STEP
        n_bytes = layout.n_bytes
        with self.writer.lock:
            if not self.writer.room(n_bytes):
                return False
            at = self.ring.ring_at + self.writer.head - self.writer.base
            row = np.frombuffer(self.ring.memory, layout.record_dtype, 1, at)[0]
            for field in layout.fields:
                row[field.name] = 1
                if field.is_nullable:
                    row[f"has {field.name}"] = True
            if "reward" in (layout.record_dtype.names or ()):
                row["reward"] = columns["step"]
            for name, value in columns.items():
                row[name.replace("__", " ")] = value
            row["word"] = record_word(kind, n_bytes, layout_id)
            self.writer.publish(self.writer.head + n_bytes)
        ids = np.asarray(columns["episode_id"])
        self.n_steps += int((ids != -1).sum())
        return True

    def steps(
        self, episode_id: int, steps: Sequence[int], *, lane: int = 0, layout: Layout | None = None, **values: Any
    ) -> None:
        """Single steps of an episode."""
        for step in steps:
            assert self.record(layout or self.layout, episode_id=episode_id, step=step, lane=lane, **values)

    def finish(self, episode_id: int, **metadata: Any) -> None:
        assert self.writer.event(Kind.FINISH, episode_id, pack_body(metadata))

    def keep(self, episode_id: int, reason: str) -> None:
        assert self.writer.event(Kind.KEEP, episode_id, reason.encode())

    def abort(self, episode_id: int, reason: str) -> None:
        assert self.writer.event(Kind.ABORT, episode_id, reason.encode())

    def gap(self, episode_id: int, *ranges: tuple[int, int], lane: int = 0) -> None:
        assert self.writer.event(Kind.GAP, episode_id, msgpack.packb([lane, [list(span) for span in ranges]]))

    def close(self) -> None:
        assert self.writer.event(Kind.CLOSE, 0, b"")


class Messages(list[tuple[int, str]]):
    """What a publisher said: levels and texts."""

    def __call__(self, level: int, logger: str, text: str, error: Exception | None) -> None:
        if level > logging.DEBUG:
            self.append((level, text))
