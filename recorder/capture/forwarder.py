"""What the hand-over queue holds, on its way to a sender process: items become messages, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.batch_block import NO_STEP, BatchBlock
from recorder.capture.handover import BatchRow, CloseRun, HandOver, Keep, end_of_calls, n_steps_in
from recorder.capture.losses import Dropped, TrainerLosses
from recorder.capture.sender_link import SenderLink
from recorder.capture.stats import RecorderStats
from recorder.capture.wire import TOGETHER_BYTES, BlockRows, Close, ItemEncoder, Message, Rows

__all__ = ["Forwarder"]


class Forwarder:
    """Passes items on to one process, as long as that lives.

    Args:
        link: to the process.
        handover: is told of calls of ``record_batch`` that it need not count any more.
        away: what never reached the queue.
        open_episodes: of which anything was passed on, to whichever process, and not yet their end; kept up to date here.
        on_error: told of what can't travel, and of how many steps that are; the rest goes on.
    """

    def __init__(
        self,
        link: SenderLink,
        handover: HandOver,
        away: TrainerLosses,
        open_episodes: set[int],
        *,
        on_error: Callable[[Exception, int], None],
    ) -> None:
        self._link = link
        self._handover = handover
        self._away = away
        self._open = open_episodes
        self._on_error = on_error
        self._encoder = ItemEncoder()
        self._unsent: list[Message] = []
        self._n_unsent_bytes = 0
        self._counted = RecorderStats()
        self.n_steps = 0
        """Steps that were passed on; the process may not have them yet."""
        self.is_last = False
        """Whether the last item of a recorder was among them."""

    def forward(self, items: list[Any]) -> None:
        """Pass items on, in one piece as far as it goes.

        Raises:
            OSError: the process has ended; the items count as passed on.
        """
        self._say_counted()
        are_rows = set(map(type, items)) == {tuple}  # the usual case, quicker to tell for all at once
        n_taken = 0
        try:
            while n_taken < len(items):
                start, n_taken = n_taken, len(items) if are_rows else _end_of_stretch(items, n_taken)
                self._take(items[start:n_taken])
                if self._n_unsent_bytes > TOGETHER_BYTES:
                    self._flush()
            self._flush()
        except (EOFError, OSError):
            for item in items[n_taken:]:
                self._lose(item)
            raise

    def close(self, timeout_secs: float) -> None:
        """Have the process end; a second call shortens the time.

        Raises:
            OSError: it has ended.
        """
        self._say_counted()
        self._say(Close(timeout_secs))
        self._flush()

    def retire(self) -> None:
        """The process is no more: let the trainer begin anew what another one can't go on with."""
        self._encoder.retire()

    def _take(self, items: list[Any]) -> None:
        """Items that can travel together, or a single one; what can't travel costs itself alone."""
        first = items[0]
        are_rows = first.__class__ is tuple
        n_batch_steps = 0 if are_rows else sum(getattr(item, "n_steps", 0) for item in items)
        try:
            if hasattr(first, "resolve"):
                first = first.resolve()
                items = [first]
            if first.__class__ is tuple:
                self._open.update(map(itemgetter(0), items))
                self._say(*self._encoder.rows(items))
            elif first.__class__ is BatchRow:
                new = slice(first.row, items[-1].row + 1)
                self._open.update(_episodes_in(first.block.episode_ids[new]))
                self._say(*self._encoder.block_rows(first.block, new.start, new.stop))
            else:
                self._take_event(first)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._on_error(error, max(1, len(items) if are_rows else n_batch_steps))
            if first.__class__ is BatchRow:  # their ends still arrive, and must not make whole episodes of what is left
                self._away.mark(_places_in(first.block, first.row, items[-1].row + 1))
        finally:
            self._handover.batch_taken(n_batch_steps)

    def _lose(self, item: Any) -> None:
        """Nobody is there to take it: its episodes can't be whole any more."""
        self.n_steps += n_steps_in(item)
        self._handover.batch_taken(getattr(item, "n_steps", 0))
        if hasattr(item, "resolve"):
            try:
                item = item.resolve()  # gives back the memory that it has come through
            except Exception:  # noqa: BLE001 - whatever the device says: the steps are counted already
                return
        if item.__class__ is tuple:
            self._open.add(item[0])
        elif item.__class__ is BatchRow:
            self._open.update(_episodes_in(item.block.episode_ids[item.row : item.row + 1]))
            item.block.retire()

    def _take_event(self, event: Any) -> None:
        if isinstance(event, CloseRun):
            for episode_id in self._away.dropped_episodes():
                self._say_dropped(episode_id)
            self.is_last = True
            return
        if not isinstance(event, Keep):
            self._say_dropped(event.episode_id)
            self._open.discard(event.episode_id)
        self._say(event)

    def _say_dropped(self, episode_id: int) -> None:
        lane = self._away.lane_of(episode_id)
        if lane is not None:
            self._say(Dropped(episode_id, lane, self._away.take_dropped(episode_id)))

    def _say_counted(self) -> None:
        counted = self._away.counted()
        if counted != self._counted:
            self._counted = counted
            self._say(counted)

    def _say(self, *messages: Message) -> None:
        """With the next flush."""
        self._unsent += messages
        for message in messages:
            self.n_steps += _n_steps_of(message)
            if isinstance(message, BlockRows):
                self._n_unsent_bytes += message.data.nbytes

    def _flush(self) -> None:
        """Write what was said; what can't be pickled costs itself alone."""
        unsent, self._unsent, self._n_unsent_bytes = self._unsent, [], 0
        if not unsent:
            return
        try:
            self._link.send(unsent)
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - recording never stops training
            if len(unsent) > 1:
                for message in unsent:
                    self._unsent = [message]
                    self._flush()
                return
            n_steps = _n_steps_of(unsent[0])
            self.n_steps -= n_steps
            self._on_error(error, max(1, n_steps))


def _end_of_stretch(items: list[Any], start: int) -> int:
    """Index behind the items that can travel in one message with the one at ``start``."""
    first, stop = items[start], start + 1
    if first.__class__ is tuple:
        while stop < len(items) and items[stop].__class__ is tuple:
            stop += 1
    elif first.__class__ is BatchRow:
        stop = end_of_calls(items, start)
    return stop


def _episodes_in(rows: NDArray[np.int64]) -> set[int]:
    """The episodes of rows ``int64[n_rows, n_lanes]``; most often each row has the same."""
    return set((rows[0] if (rows == rows[0]).all() else rows.ravel()).tolist()) - {NO_STEP}


def _places_in(block: BatchBlock, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Episode id, step number and lane of each step in these rows."""
    lanes = block.lanes.tolist()
    for ids, steps in zip(block.episode_ids[start:stop].tolist(), block.steps[start:stop].tolist(), strict=True):
        for place in zip(ids, steps, lanes, strict=True):
            if place[0] >= 0:
                yield place


def _n_steps_of(message: Message) -> int:
    return message.n_steps if isinstance(message, Rows | BlockRows) else 0
