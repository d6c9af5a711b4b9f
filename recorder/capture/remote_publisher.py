"""The publisher of a recorder that sends to a server: passes what is handed over on to a process of its own, which does the
rest.

The interpreter is the trainer's: what a thread beside it computes, the trainer waits for. And whenever that thread takes the
interpreter, the trainer falls asleep until it is woken again, which takes longer than what was computed. So the thread here
only moves steps into a socket, and that as seldom as it may.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from recorder.capture.handover import BatchRow, CloseRun, HandOver, Keep, end_of_calls
from recorder.capture.queue_thread import JOIN_SECS, QueueThread
from recorder.capture.stats import RecorderStats
from recorder.capture.throttled_log import ThrottledLog
from recorder.capture.turned_away import Dropped, TurnedAway
from recorder.capture.wire import (
    TOGETHER_BYTES,
    BlockRows,
    Close,
    Hello,
    ItemEncoder,
    Message,
    Report,
    Rows,
    receive,
    send,
)
from recorder.child_process import spawn_linked
from recorder.errors import RecorderError

__all__ = ["RemotePublisher"]

_log = logging.getLogger(__name__)

_FORWARD_SECS = 0.25
"""What a trainer that is killed loses at most of what it has handed over."""

_READ_SECS = 1.0
"""How often reports are read that nobody asks for."""

_WAKE_STEPS = 1024
"""Waiting steps at which they are passed on before that."""

_FORWARD_ITEMS = 4096
"""Items passed on at a time, at most. After each write the interpreter comes back only when the trainer lets go of it, 5 ms
later if it never waits: a flat-out trainer would outrun fewer. So many take 1.6 ms."""


class RemotePublisher(QueueThread):
    """Owns a sender process, and feeds it.

    Args:
        hello: what the process has to know.
        handover: where items come from.
        away: what never reached the queue, counted on the trainer's threads.
        on_lost: gives whom to tell why when the process has ended before it was asked to; None when nobody holds the
            recorder any more.

    Raises:
        OSError: no process can be started.
    """

    def __init__(
        self, hello: Hello, handover: HandOver, away: TurnedAway, *, on_lost: Callable[[], Callable[[str], None] | None]
    ) -> None:
        super().__init__(handover, hello.identity.run_id)
        self._hello = hello
        self._away = away
        self._on_lost = on_lost
        self._forward_secs = min(_FORWARD_SECS, hello.limits.flush_interval_secs)
        self._encoder = ItemEncoder()
        self._unsent: list[Message] = []
        self._n_unsent_bytes = 0
        self._log = ThrottledLog(_log, hello.identity.run_id)
        self._reading = threading.Lock()
        self._next_read = 0.0
        self._report = Report(RecorderStats(), 0, 0, None, [], False, False)
        self._n_forwarded_steps = 0
        self._counted = away.counted()
        self._deadline_said = float("inf")
        self._process, self._connection = spawn_linked("recorder.capture.sender_process")
        # Each look costs the trainer a moment, and many lanes end many episodes a second.
        handover.wake_steps, handover.wakes_at_ends = _WAKE_STEPS, False

    @property
    def pid(self) -> int:
        """Of the sender process."""
        return self._process.pid

    def forget_in_fork(self) -> None:
        """In a fork: the process behind the socket must see it close when the trainer itself ends."""
        self._connection.close()

    def stats(self) -> RecorderStats:
        """A copy of the counters, those of the trainer's threads included; the others are a tenth of a second old."""
        if self.is_alive:
            with contextlib.suppress(EOFError, OSError):  # the thread finds it too, and says so
                self._read_reports()
        report = self._report
        n_under_way = max(0, self._n_forwarded_steps - report.n_received_steps)
        return replace(
            self._away.added_to(report.stats),
            n_steps_waiting=self._handover.n_waiting_steps + n_under_way + report.stats.n_steps_waiting,
        )

    def _await_end(self, timeout_secs: float) -> None:
        super()._await_end(timeout_secs + JOIN_SECS)
        if self.is_alive:
            self._process.kill()  # it hangs; nothing that it holds arrives any more
            super()._await_end(0.0)

    def _run(self) -> None:
        try:
            send(self._connection, [self._hello])
            while self._deadline_said == float("inf"):
                if len(self._handover.items) < _WAKE_STEPS:
                    self._handover.wake.wait(self._forward_secs)
                self._handover.wake.clear()
                while self._forward() == _FORWARD_ITEMS:
                    pass
                if time.monotonic() >= self._next_read:
                    self._read_reports()
            self._let_finish()
        except Exception as error:  # noqa: BLE001 - the end of the socket, most likely
            self._process_lost(error)
        finally:
            self._close_connection()
            self._process.wait()

    def _forward(self) -> int:
        """Pass on some of what is in the queue; gives the number of items."""
        queue = self._handover.items
        items = [queue.popleft() for _ in range(min(len(queue), _FORWARD_ITEMS))]
        if not items:
            return 0
        self._handover.fit_to(items[0])
        self._say_counted()
        start = 0
        while start < len(items):
            stop = _end_of_stretch(items, start)
            self._forward_alike(items[start:stop])
            start = stop
        self._flush()
        return len(items)

    def _forward_alike(self, items: list[Any]) -> None:
        """Pass on items that can travel together, or the only one; what can't travel costs itself alone."""
        first = items[0]
        are_rows = first.__class__ is tuple
        n_batch_steps = 0 if are_rows else sum(getattr(item, "n_steps", 0) for item in items)
        n_steps = len(items) if are_rows else n_batch_steps
        try:
            if hasattr(first, "resolve"):
                first = first.resolve()
                items = [first]
            if first.__class__ is tuple:
                self._say(*self._encoder.rows(items))
            elif first.__class__ is BatchRow:
                self._say(*self._encoder.block_rows(first.block, first.row, items[-1].row + 1))
            else:
                self._forward_event(first)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refuse(error, max(1, n_steps))
        finally:
            self._handover.batch_taken(n_batch_steps)
        if self._n_unsent_bytes > TOGETHER_BYTES:
            self._flush()

    def _forward_event(self, event: Any) -> None:
        if isinstance(event, CloseRun):
            for episode_id in self._away.dropped_episodes():
                self._say_dropped(episode_id)
            self._say_close()
            return
        if not isinstance(event, Keep):
            self._say_dropped(event.episode_id)
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

    def _say_close(self) -> None:
        self._deadline_said = self._deadline
        self._say(Close(max(0.0, self._deadline - time.monotonic())))

    def _say(self, *messages: Message) -> None:
        """With the next flush."""
        self._unsent += messages
        for message in messages:
            self._n_forwarded_steps += _n_steps_of(message)
            if isinstance(message, BlockRows):
                self._n_unsent_bytes += message.data.nbytes

    def _flush(self) -> None:
        """Write what was said; what can't travel costs itself alone."""
        unsent, self._unsent, self._n_unsent_bytes = self._unsent, [], 0
        if not unsent:
            return
        try:
            send(self._connection, unsent)
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - recording never stops training
            if len(unsent) > 1:
                for message in unsent:
                    self._unsent = [message]
                    self._flush()
                return
            n_steps = _n_steps_of(unsent[0])
            self._n_forwarded_steps -= n_steps
            self._refuse(error, max(1, n_steps))

    def _refuse(self, error: Exception, n_steps: int) -> None:
        self.error = error
        self._away.refuse(error, n_steps=n_steps)
        self._log.error("something was lost, training goes on: %s", error, cause=error)

    def _let_finish(self) -> None:
        while not self._report.is_over:
            if time.monotonic() > self._deadline + JOIN_SECS:
                self._process.kill()
            if self._deadline < self._deadline_said:
                self._say_close()
                self._flush()
            self._connection.poll(self._forward_secs)
            self._read_reports()
        self.is_complete = self._report.is_complete

    def _read_reports(self) -> None:
        with self._reading:
            while self._connection.poll(0):
                for report in receive(self._connection):
                    self._take_report(report)
        self._next_read = time.monotonic() + _READ_SECS

    def _take_report(self, report: Report) -> None:
        self._report = report
        if report.error is not None:
            self.error = report.error
        for record in report.records:
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)

    def _close_connection(self) -> None:
        with self._reading:
            self._connection.close()

    def _process_lost(self, error: Exception) -> None:
        """Count what it had not sent, and what can't be passed on any more."""
        with contextlib.suppress(EOFError, OSError):
            self._read_reports()
        if self._report.is_over:
            self.is_complete = self._report.is_complete
            return
        self._close_connection()
        reason = f"the sender process (pid {self._process.pid}) ended {_how(self._process.wait())}"
        self.error = RecorderError(f"{reason}: {error or type(error).__name__}")
        if self._deadline == float("inf") and (tell := self._on_lost()) is not None:
            tell(reason)
        report = self._report
        stats = report.stats
        n_sent = stats.n_recorded_steps - report.n_unsent_steps
        n_left = self._handover.count_steps()
        n_gone = self._n_forwarded_steps - n_sent - stats.n_lost_steps - stats.n_refused_steps
        self._report = report._replace(
            stats=replace(
                stats, n_recorded_steps=n_sent, n_lost_steps=stats.n_lost_steps + n_gone + n_left, is_connected=False
            ),
            n_received_steps=self._n_forwarded_steps,
        )
        self._handover.items.clear()
        self._handover.batch_taken(self._handover.n_waiting_steps)


def _end_of_stretch(items: list[Any], start: int) -> int:
    """Index behind the items that can travel in one message with the one at ``start``."""
    first, stop = items[start], start + 1
    if set(map(type, items)) == {tuple}:
        return len(items)  # the usual case; looking at each would take as long as passing it on
    if first.__class__ is tuple:
        while stop < len(items) and items[stop].__class__ is tuple:
            stop += 1
    elif first.__class__ is BatchRow:
        stop = end_of_calls(items, start)
    return stop


def _n_steps_of(message: Message) -> int:
    return message.n_steps if isinstance(message, Rows | BlockRows) else 0


def _how(status: int) -> str:
    return f"by signal {-status}" if status < 0 else f"with status {status}"
