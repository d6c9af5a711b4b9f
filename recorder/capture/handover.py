"""The bounded queue between the trainer's thread and the background thread, and what travels through it.

``collections.deque`` appends and pops atomically, so handing a step over takes no lock. Ends of episodes always fit.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from recorder.capture.batch_block import BatchBlock
from recorder.capture.given_metadata import NOTHING_GIVEN
from recorder.capture.row_columns import Row, row_bytes

__all__ = [
    "BLOCK_STEPS",
    "WAKE_STEPS",
    "Abort",
    "BatchRow",
    "CloseRun",
    "Finish",
    "HandOver",
    "Item",
    "Keep",
    "TrainerGone",
    "end_of_calls",
    "n_steps_in",
]

BLOCK_STEPS = 64
"""Steps that one unit of ``queue_maxsize`` stands for."""

WAKE_STEPS = 256
"""Waiting steps at which the background thread is woken before its next flush: a whole chunk."""

_WAKE_BATCH_STEPS = 16 * WAKE_STEPS
"""The same for calls of ``record_batch``, of which many lanes make quick work."""

_MAX_QUEUE_BYTES = 256 * 2**20
"""With large observations the queue holds fewer steps than ``queue_maxsize`` says: a few million steps of a small
environment and a few thousand images take the same memory."""

_MIN_STEPS = 64

_BLOCKED_POLL_SECS = 0.001


class BatchRow(NamedTuple):
    """A call of ``record_batch``: one row of a block."""

    block: BatchBlock
    row: int
    n_steps: int
    """Of the lanes that have one."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an episode."""

    episode_id: int
    metadata: bytes = NOTHING_GIVEN
    """What the trainer said of it, as ``own_metadata`` copies it."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A request to keep an episode, whatever the criteria say."""

    episode_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """An episode that its trainer gives up."""

    episode_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class CloseRun:
    """The last item of a recorder."""


@dataclass(frozen=True, slots=True)
class TrainerGone:
    """The last item of a recorder whose trainer died: what it handed over is sent, but nothing is ended in its name."""


def end_of_calls(items: Sequence[Any], start: int) -> int:
    """Index behind the calls of ``record_batch`` that fill the same block as the one at ``start``, each in its turn."""
    block = items[start].block
    stop = start + 1
    while stop < len(items) and items[stop].__class__ is BatchRow and items[stop].block is block:
        stop += 1
    return stop


def n_steps_in(item: Any) -> int:
    """Steps that an item of the queue holds."""
    if isinstance(item, Finish | Keep | Abort | CloseRun | TrainerGone):
        return 0
    return getattr(item, "n_steps", 0) or 1  # a row, which may still be on its way from a device, is one step


Item = Row | BatchRow | Finish | Keep | Abort | CloseRun | TrainerGone


class HandOver:
    """The queue.

    Args:
        maxsize: capacity in blocks of ``BLOCK_STEPS`` steps.
    """

    def __init__(self, maxsize: int) -> None:
        self.max_steps = self._asked_steps = maxsize * BLOCK_STEPS
        self.items: deque[Any] = deque()
        self.wake = threading.Event()
        self.wake_steps = WAKE_STEPS
        """Waiting steps at which the background thread is woken."""
        self.wakes_at_ends = True
        """Whether the end of an episode wakes it too; otherwise the thread finds it when it looks next."""
        self._n_batch_steps_in = 0
        self._n_batch_steps_out = 0

    @property
    def n_waiting_steps(self) -> int:
        """Steps in the queue; an end of an episode counts as one."""
        return len(self.items) + self._n_batch_steps_in - self._n_batch_steps_out

    def count_steps(self) -> int:
        """Steps in the queue, whatever they travel in; looks at each item."""
        return sum(map(n_steps_in, list(self.items)))

    def put_row(self, row: Any) -> bool:
        """Hand one step over; False when the queue is full."""
        items = self.items
        n_waiting = len(items)
        if n_waiting >= self.max_steps:
            return False
        items.append(row)
        if n_waiting >= self.wake_steps and not self.wake.is_set():
            self.wake.set()
        return True

    def put_rows(self, rows: Iterable[Row]) -> None:
        """Hand steps over for which there is room."""
        self.items.extend(rows)
        if len(self.items) >= self.wake_steps and not self.wake.is_set():
            self.wake.set()

    def has_room(self, n_steps: int) -> bool:
        """Whether that many steps fit now."""
        n_waiting = self.n_waiting_steps
        return n_waiting + n_steps <= self.max_steps or not n_waiting

    def put_batch(self, item: Any, n_steps: int) -> None:
        """Hand one call of ``record_batch`` over; one thread at a time."""
        self._n_batch_steps_in += n_steps
        self.items.append(item)
        if self.n_waiting_steps >= _WAKE_BATCH_STEPS and not self.wake.is_set():
            self.wake.set()

    def batch_taken(self, n_steps: int) -> None:
        """The background thread has dealt with that many steps of batches."""
        self._n_batch_steps_out += n_steps

    def put_always(self, item: Finish | Keep | Abort | CloseRun | TrainerGone) -> None:
        """Hand over what must not be dropped."""
        self.items.append(item)
        if self.wakes_at_ends or isinstance(item, CloseRun):
            self.wake.set()

    def fit_to(self, item: Any) -> None:
        """Hold as many steps as take no more than a bounded amount of memory, judged by one that has just come out."""
        if item.__class__ is tuple:
            step_bytes = row_bytes(item)
        elif item.__class__ is BatchRow:
            step_bytes = item.block.step_bytes
        else:
            return
        self.max_steps = min(self._asked_steps, max(_MIN_STEPS, _MAX_QUEUE_BYTES // step_bytes))

    def wait_for_room(self, n_steps: int, is_emptied: Callable[[], bool]) -> bool:
        """Block until that many steps fit; False when ``is_emptied`` says that nobody empties the queue any more."""
        while not self.has_room(n_steps):
            if not self.pause(is_emptied):
                return False
        return True

    def pause(self, is_emptied: Callable[[], bool]) -> bool:
        """Let the background thread work for a moment; False when there is none."""
        if not is_emptied():
            return False
        self.wake.set()
        time.sleep(_BLOCKED_POLL_SECS)
        return True
