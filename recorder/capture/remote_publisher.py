"""The publisher of a recorder that sends to a server: passes what is handed over on to a process of its own, which does the
rest.

The interpreter is the trainer's: what a thread beside it computes, the trainer waits for. And whenever that thread takes the
interpreter, the trainer falls asleep until it is woken again, which takes longer than what was computed. So the thread here
only moves steps into a socket, and that as seldom as it may.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from recorder.capture.ended_sender import EndedSender
from recorder.capture.forwarder import Forwarder
from recorder.capture.handover import HandOver
from recorder.capture.losses import TrainerLosses
from recorder.capture.queue_thread import JOIN_SECS, QueueThread
from recorder.capture.sender_link import SenderLink
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import EarlierSenders
from recorder.capture.wire import Hello, Report
from recorder.errors import RecorderError, StreamError
from recorder.throttled_log import ThrottledLog

__all__ = ["RemotePublisher"]

_log = logging.getLogger(__name__)

_FORWARD_SECS = 0.25
"""What a trainer that is killed loses at most of what it has handed over."""

_SHORTEST_LIFE_SECS = 10.0
"""A process that ends before that is not replaced: the next one would end too."""

_SETTLE_SECS = 1.0
"""How long the server is asked, at the end, what it has of processes that died."""

_BEGIN_SECS = 2.0
"""How long a recorder waits for its process to begin, which takes 0.3 s when the machine has time: a flat-out trainer fills
the hand-over queue in that time."""

_READ_SECS = 1.0
"""How often reports are read that nobody asks for."""

_WAKE_STEPS = 1024
"""Waiting steps at which they are passed on before that."""

_FORWARD_ITEMS = 4096
"""Items passed on at a time, at most. After each write the interpreter comes back only when the trainer lets go of it, 5 ms
later if it never waits: a flat-out trainer would outrun fewer. So many take 1.6 ms."""

_NOTHING_YET = Report(RecorderStats(), 0, 0, None, [], False, False)


class RemotePublisher(QueueThread):
    """Owns a sender process, and feeds it.

    Args:
        hello: what the process has to know.
        handover: where items come from.
        away: what never reached the queue, counted on the trainer's threads.
        on_lost: gives whom to tell why when the process has ended before it was asked to and no other takes its place; None
            when nobody holds the recorder any more.

    Raises:
        OSError: no process can be started.
    """

    def __init__(
        self,
        hello: Hello,
        handover: HandOver,
        away: TrainerLosses,
        *,
        on_lost: Callable[[], Callable[[str], None] | None],
    ) -> None:
        super().__init__(handover, hello.identity.run_id)
        self._hello = hello
        self._away = away
        self._on_lost = on_lost
        self._forward_secs = min(_FORWARD_SECS, hello.limits.flush_interval_secs)
        self._log = ThrottledLog(_log, hello.identity.run_id)
        self._reading = threading.Lock()
        self._next_read = 0.0
        self._deadline_said = float("inf")
        self._ended: list[EndedSender] = []
        """Processes before this one, that have ended before they were asked to."""
        self._has_no_successor = False
        self._open: set[int] = set()
        """Episodes that any of the processes has begun."""
        self._begin_with(SenderLink())
        # Each look costs the trainer a moment, and many lanes end many episodes a second.
        handover.wake_steps, handover.wakes_at_ends = _WAKE_STEPS, False

    def _begin_with(self, link: SenderLink) -> None:
        reports = link.begin(self._hello, _BEGIN_SECS)
        with self._reading:
            self._link = link
            self._forwarder = Forwarder(link, self._handover, self._away, self._open, on_error=self._refuse)
            self._report = reports[-1] if reports else _NOTHING_YET
            self.error = next((report.error for report in reports if report.error), self.error)
            self._began = time.monotonic()
        self._relay([record for report in reports for record in report.records])

    @property
    def pid(self) -> int:
        """Of the sender process."""
        return self._link.pid

    def forget_in_fork(self) -> None:
        """In a fork: the process behind the socket must see it close when the trainer itself ends."""
        self._link.close()

    def stats(self) -> RecorderStats:
        """A copy of the counters, those of the trainer's threads included; the others are a tenth of a second old."""
        if self.is_alive:
            try:
                self._read_reports()
            except (EOFError, OSError):
                self._next_read = 0.0  # the thread finds it too, and says so, however often this is asked
            with self._reading:
                return self._stats()
        return self._stats()

    def _stats(self) -> RecorderStats:
        report = self._report
        n_under_way = max(0, self._forwarder.n_steps - report.n_received_steps)
        return replace(
            self._away.added_to(report.stats.after(self._past())),
            n_steps_waiting=self._handover.n_waiting_steps + n_under_way + report.stats.n_steps_waiting,
        )

    def _await_end(self, timeout_secs: float) -> None:
        super()._await_end(timeout_secs + JOIN_SECS)
        if self.is_alive:
            self._link.kill()  # it hangs; nothing that it holds arrives any more
            super()._await_end(0.0)

    def _run(self) -> None:
        try:
            while self._feed():
                pass
        finally:
            self._close_link()
            self._link.wait()
            self._settle(_SETTLE_SECS)

    def _feed(self) -> bool:
        """Feed one process to its end; True when another one is to be fed."""
        try:
            while not self._forwarder.is_last:
                if len(self._handover.items) < _WAKE_STEPS:
                    self._handover.wake.wait(self._forward_secs)
                self._handover.wake.clear()
                while self._forward() == _FORWARD_ITEMS:
                    pass
                if time.monotonic() >= self._next_read:
                    self._read_reports()
            self._say_close()
            self._let_finish()
        except Exception as error:  # noqa: BLE001 - the end of the socket, most likely
            return self._process_lost(error)
        return False

    def _forward(self) -> int:
        """Pass on some of what is in the queue; gives the number of items."""
        queue = self._handover.items
        items = [queue.popleft() for _ in range(min(len(queue), _FORWARD_ITEMS))]
        if not items:
            return 0
        self._handover.fit_to(items[0])
        self._forwarder.forward(items)
        return len(items)

    def _refuse(self, error: Exception, n_steps: int) -> None:
        self.error = error
        self._away.refuse(error, n_steps=n_steps)
        self._log.error("something was lost, training goes on: %s", error, cause=error)

    def _say_close(self) -> None:
        self._deadline_said = self._deadline
        self._forwarder.close(max(0.0, self._deadline - time.monotonic()))

    def _let_finish(self) -> None:
        while not self._report.is_over:
            if time.monotonic() > self._deadline + JOIN_SECS:
                self._link.kill()
            if self._deadline < self._deadline_said:
                self._say_close()
            self._link.has_report(self._forward_secs)
            self._read_reports()
        self.is_complete = self._report.is_complete

    def _read_reports(self) -> None:
        records: list[logging.LogRecord] = []
        try:
            with self._reading:
                for report in self._link.reports():
                    self._report = report
                    self.error = report.error or self.error
                    records += report.records
        finally:
            self._next_read = time.monotonic() + _READ_SECS
            self._relay(records)  # without the lock: a handler may ask for the counters

    def _relay(self, records: list[logging.LogRecord]) -> None:
        for record in records:
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)

    def _close_link(self) -> None:
        with self._reading:
            self._link.close()

    def _process_lost(self, error: Exception) -> bool:
        """Count what it had not sent; True when another one goes on."""
        with contextlib.suppress(EOFError, OSError):
            self._read_reports()
        if self._report.is_over:
            self.is_complete = self._report.is_complete
            return False
        self._close_link()
        reason = f"the sender process (pid {self._link.pid}) ended {self._link.wait()}"
        self.error = RecorderError(f"{reason}: {error or type(error).__name__}")
        was_asked_to = self._deadline < float("inf")
        self._write_off(reason)
        is_replaced = not was_asked_to and self._is_replaced()
        self._settle(0.0)
        if is_replaced:
            _log.error(
                "recorder: run_id=%s: %s; process %d goes on; %d episodes are cut off, and %d steps lost so far",
                self._hello.identity.run_id, reason, self._link.pid, len(self._open), self._past().n_lost_steps,
            )  # fmt: skip
            return True
        self._has_no_successor = True
        if not was_asked_to and (tell := self._on_lost()) is not None:
            tell(reason)
        with self._reading:
            last = self._ended[-1]
            self._ended[-1] = last.given_more(self._handover.count_steps())
            self._handover.items.clear()
            self._handover.batch_taken(self._handover.n_waiting_steps)
        return False

    def _past(self) -> RecorderStats:
        """What ended processes counted."""
        past = RecorderStats()
        for sender in self._ended:
            past = sender.stats.after(past)
        return past

    def _write_off(self, reason: str) -> None:
        """What the process had sent counts as recorded, what it was given and had not sent as lost."""
        ended = EndedSender.of(self._hello, self._report, n_given_steps=self._forwarder.n_steps, reason=reason)
        with self._reading:
            self._ended.append(ended)
            self._report = _NOTHING_YET._replace(
                stats=RecorderStats(is_connected=False), n_received_steps=self._forwarder.n_steps
            )

    def _settle(self, secs: float) -> None:
        """Ask the server what it has of ended processes, which died in the midst of sending.

        Args:
            secs: how long to go on asking while the answers differ: what a process wrote just before its end may arrive after it.
        """
        deadline = time.monotonic() + secs
        for index, sender in enumerate(self._ended):
            try:
                is_last = self._has_no_successor and sender is self._ended[-1]
                settled = sender.settled(deadline, self._away if is_last else None)
            except StreamError as error:
                self._log.error("steps of a sender process that ended are counted as it told last: %s", error)
                continue
            if settled.is_forgotten and not sender.is_forgotten:
                self._log.error("%s", settled.stats.last_error)
            with self._reading:
                self._ended[index] = settled

    def _is_replaced(self) -> bool:
        if time.monotonic() - self._began < _SHORTEST_LIFE_SECS:
            return False
        self._forwarder.retire()
        past = self._hello
        self._hello = replace(
            past,
            # To the workers it is another trainer of the run: the episodes of the one before are salvaged.
            identity=replace(past.identity, producer_id=secrets.token_hex(4)),
            earlier_senders=EarlierSenders(frozenset(self._open), self._past().n_recorded_steps),
        )
        try:
            self._begin_with(SenderLink())
        except OSError:
            return False
        return True
