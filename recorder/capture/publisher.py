"""Takes items from the hand-over queue, makes chunks, sends them, and tries again when it can't; on a thread of its own.

Of a recorder that sends to a server, the thread is in a process of its own (``sender_process.py``); of one that records
within its process, it is beside the trainer's. What can't be sent waits, up to a budget of bytes; what finds no room is
counted and marked as a gap.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from recorder.capture.handover import WAKE_STEPS, CloseRun, HandOver, TrainerGone
from recorder.capture.intake import Intake
from recorder.capture.limits import PublisherLimits
from recorder.capture.losses import TrainerLosses
from recorder.capture.outbox import Outbox
from recorder.capture.queue_thread import QueueThread
from recorder.capture.run_watch import RunWatch
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import NO_EARLIER_SENDERS, EarlierSenders, RunIdentity
from recorder.capture.switch_interval import prompt_switching
from recorder.errors import RecorderError, StreamError, StreamUnavailableError
from recorder.step_stream import Play, StepStream
from recorder.throttled_log import ThrottledLog

__all__ = ["Publisher"]

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_SECS = 0.25
_LONGEST_BACKOFF_SECS = 5.0
_CUTTING_SHARE = 0.005
"""Part of the time that may go into chunks that are not full, on a thread beside the trainer's: many slow lanes have many of
them at each flush."""
_LONGEST_UNCUT_SECS = 2.0
"""How far a live viewer lags behind at most when chunks are slow to fill; on a thread of the trainer, also what its death
loses."""
_UNREAD = (
    "nobody reads what is recorded in this process, and it ends with it: start a RecordingWriter(recorder, …), or start a "
    "worker with 'hamlet-recorder worker' and make the recorder with EpisodeRecorder(find_redis_url())"
)
_DRAIN_ITEMS = 4096
"""Items taken at a time, so that sending and heartbeats get their turn under a flood."""


class Publisher(QueueThread):
    """Encodes and sends.

    Args:
        stream: where entries go.
        identity: the run and this producer.
        handover: where items come from.
        stats: counts; only this thread writes to it.
        away: what never reached the queue, counted on the trainer's threads.
        info: what is to be known of the run: its config and the like.
        limits: intervals and budgets.
        pid: of the trainer.
        cutting_share: part of the time that may go into chunks that are not full.
        earlier_senders: whose place it takes.
    """

    def __init__(
        self,
        stream: StepStream,
        identity: RunIdentity,
        handover: HandOver,
        stats: RecorderStats,
        *,
        away: TrainerLosses,
        info: Mapping[str, Any],
        limits: PublisherLimits,
        pid: int,
        cutting_share: float = _CUTTING_SHARE,
        earlier_senders: EarlierSenders = NO_EARLIER_SENDERS,
    ) -> None:
        super().__init__(handover, identity.run_id)
        self._stream = stream
        self._identity = identity
        self._stats = stats
        self._away = away
        self._limits = limits
        self._info = dict(info)
        self._trainer_pid = pid
        self._cutting_share = cutting_share
        self._outbox = Outbox(
            stream,
            identity.run_id,
            producer_id=identity.producer_id,
            max_bytes=limits.max_pending_bytes,
            clock=time.time,
        )
        self._intake = Intake(
            identity,
            self._outbox,
            stats,
            away=away,
            earlier_senders=earlier_senders,
            on_error=self._note_defect,
            clock=time.time,
        )
        self._watch = RunWatch(stream, identity, stats, on_news=self._note_news)
        self._has_looked_back = earlier_senders is not NO_EARLIER_SENDERS and bool(earlier_senders.n_recorded_steps)
        self._is_closing = False
        self._is_trainer_gone = False
        self._backoff_secs = 0.0
        self._not_before = 0.0
        self._unanswered: StreamError | None = None
        """Why nothing can be sent; None since something was."""
        self._log = ThrottledLog(_log, identity.run_id)
        self._server_id = ""
        self._has_said_blind = False
        self._next_beat = 0.0
        self._next_cut = 0.0
        self._info_sent = False
        self._has_told_unread = False

    @property
    def pid(self) -> None:
        """Of a process of its own: it has none."""
        return None

    def trainer_gone(self, timeout_secs: float) -> None:
        """Send what was handed over, leave open episodes open, and stop; after ``close_soon`` it only shortens the time."""
        self._end_soon(timeout_secs, TrainerGone())

    def forget_in_fork(self) -> None:
        """Nothing to let go of: a fork has no such thread."""

    def join(self, timeout_secs: float) -> bool:
        """Wait until the thread has ended; False when it has not."""
        self._thread.join(timeout_secs)
        return not self.is_alive

    def own_stats(self) -> RecorderStats:
        """A copy of the counters, without those of the trainer's threads."""
        return replace(self._stats, n_steps_waiting=self._handover.n_waiting_steps)

    @property
    def n_unsent_steps(self) -> int:
        """Steps that count as recorded and that the server has not acknowledged."""
        return self._outbox.n_pending_steps

    def stats(self) -> RecorderStats:
        """A copy of the counters, those of the trainer's threads included."""
        return replace(self._away.added_to(self._stats), n_steps_waiting=self._handover.n_waiting_steps)

    def _run(self) -> None:
        with prompt_switching():
            self._publish()

    def _publish(self) -> None:
        next_flush = time.monotonic() + self._limits.flush_interval_secs
        while not self._is_done():
            next_act = min(next_flush, max(self._next_beat, self._not_before))
            if len(self._handover.items) < WAKE_STEPS:
                self._handover.wake.wait(max(0.0, next_act - time.monotonic()))
            self._handover.wake.clear()
            try:
                while self._drain() >= WAKE_STEPS and time.monotonic() < next_flush:
                    self._send_when_large()
                now = time.monotonic()
                active: dict[Play, float] = {}
                if now >= next_flush or self._is_closing:
                    self._cut_chunks(now)
                    active = self._intake.active_plays()
                    next_flush = now + self._limits.flush_interval_secs
                self._send(active)
                self._beat()
            except Exception as error:  # noqa: BLE001 - recording never stops training
                self._note_defect(error)
                self._back_off()
        self._count_unsent()
        self._tell_if_unread(is_end=True)
        self._next_beat = 0.0
        try:
            self._beat(is_closed=not self._is_trainer_gone)
        except Exception as error:  # noqa: BLE001 - what was recorded stands
            self._note_defect(error)

    def _tell_if_unread(self, *, is_end: bool) -> None:
        """Say so once when there is something to read, and in the end what is lost."""
        stats = self._stats
        if self._stream.is_read or not stats.n_episodes_started:
            return
        if is_end:
            self._has_told_unread = True
            self._log.error(
                "%d episodes (%d steps) were recorded and are not kept: " + _UNREAD,
                stats.n_episodes_started, stats.n_recorded_steps,
            )  # fmt: skip
        elif not self._has_told_unread:
            self._has_told_unread = True
            self._log.error(_UNREAD)

    def _count_unsent(self) -> None:
        """What could not be sent before the deadline is lost."""
        n_steps = self._outbox.n_pending_steps
        self._stats.n_recorded_steps -= n_steps
        n_left = self._handover.count_steps()
        self._stats.n_lost_steps += n_steps + n_left
        self.is_complete = not self._outbox and not n_left
        if not self.is_complete:
            self.error = self.error or self._unanswered or StreamUnavailableError("the time to send it all was up")

    def _is_done(self) -> bool:
        if not self._is_closing:
            return False
        return (not self._outbox and not self._handover.items) or time.monotonic() >= self._deadline

    def _drain(self) -> int:
        """Take what is in the queue; gives the number of items."""
        queue = self._handover.items
        items = [queue.popleft() for _ in range(min(len(queue), _DRAIN_ITEMS))]
        others = [item for item in items if item.__class__ is not tuple]
        n_batch_steps = sum(getattr(item, "n_steps", 0) for item in others)
        self._is_trainer_gone = self._is_trainer_gone or any(isinstance(item, TrainerGone) for item in others)
        self._is_closing = (
            self._is_trainer_gone or self._is_closing or any(isinstance(item, CloseRun) for item in others)
        )
        if not items:
            return 0
        self._handover.fit_to(items[0])
        try:
            self._intake.take(items)
        finally:
            self._handover.batch_taken(n_batch_steps)
        return len(items)

    def _cut_chunks(self, now: float) -> None:
        """Encode what is pending, as often as that takes a small part of the time."""
        if now < self._next_cut and not self._is_closing:
            return
        began = time.thread_time()
        self._intake.cut_chunks()
        spent_secs = time.thread_time() - began
        self._next_cut = now + min(spent_secs / self._cutting_share, _LONGEST_UNCUT_SECS)

    def _send_when_large(self) -> None:
        """Under a flood, don't let encoded chunks pile up until the next flush."""
        if self._outbox.n_pending_bytes > 2**20:
            self._send({})
        self._beat()

    def _send(self, active: dict[Play, float]) -> None:
        self._stats.n_bytes_pending = self._outbox.n_pending_bytes
        if (not self._outbox and not active) or time.monotonic() < self._not_before:
            return
        if self._stats.is_server_full and not self._is_closing:
            return
        try:
            self._outbox.send(active, header_of=self._intake.header_of)
        except StreamError as error:
            self._failed(error)
            return
        finally:
            self._note_losses()
        self._backoff_secs = 0.0
        self._unanswered = None
        if not self._stats.is_connected:
            self._stats.n_reconnects += 1
            self._stats.is_connected = True
        self._stats.n_bytes_sent = self._outbox.n_sent_bytes
        self._stats.n_bytes_pending = self._outbox.n_pending_bytes

    def _beat(self, *, is_closed: bool = False) -> None:
        now = time.monotonic()
        if now < self._next_beat or now < self._not_before:
            return
        self._next_beat = now + self._limits.heartbeat_secs
        self._tell_if_unread(is_end=False)
        state = {**self.stats().to_map(), "host": socket.gethostname(), "pid": self._trainer_pid, "closed": is_closed}
        try:
            if not self._has_looked_back:
                self._watch.look_back()
                self._has_looked_back = True
            info = None if self._info_sent else self._info
            self._stream.beat(self._identity.run_id, self._identity.producer_id, state, info=info, now=time.time())
            self._info_sent = True
            self._outbox.look_after()
            self._note_losses()
            self._outbox.discount(self._watch.look())
            memory = self._stream.server_memory()
        except StreamError as error:
            self._failed(error)
            return
        if memory.server_id != self._server_id and self._server_id:
            # Restarted between two sends: the driver connected again without a word.
            self._outbox.repeat_recent()
        self._server_id = memory.server_id
        if not memory.server_id and not self._has_said_blind:
            self._has_said_blind = True
            _log.warning(
                "recorder: run_id=%s: the server tells this user nothing of its memory (INFO is refused): sending goes on until "
                "it refuses writes; allow +info, so that it pauses before that",
                self._identity.run_id,
            )
        limit = self._limits.max_server_memory_bytes
        if memory.limit_bytes is not None:
            limit = min(limit, int(memory.limit_bytes * self._limits.server_memory_fraction))
        was_full, self._stats.is_server_full = self._stats.is_server_full, memory.used_bytes > limit
        if self._stats.is_server_full and not was_full:
            self._log.error(
                "the server holds %d bytes, more than %d: sending waits for workers", memory.used_bytes, limit
            )

    def _note_losses(self) -> None:
        """What the server acknowledged and has lost since: no step of it counts as recorded any more."""
        losses = self._outbox.take_losses()
        if not losses.has_happened:
            return
        self._info_sent = False
        what = "the server has lost data that it had acknowledged (it was emptied, or started again without them)"
        if not losses.steps and not losses.ended and not losses.n_unknown_episodes:
            self._log.error("%s: all of it is still here and is sent again", what)
            return
        self._intake.lose(losses)
        unknown = f"; of {losses.n_unknown_episodes} earlier ones nothing is known" if losses.n_unknown_episodes else ""
        error = StreamError(
            f"{what}: {losses.n_steps} steps of {len(losses.steps)} episodes are lost, {len(losses.ended)} of these episodes "
            f"whole{unknown}; what is still here is sent again"
        )
        self._note_news(error)

    def _note_news(self, error: Exception) -> None:
        self._count(error)
        self._log.error("%s", error)

    def _failed(self, error: StreamError) -> None:
        """Count, say so once in a while, and wait longer each time."""
        self._stats.is_connected = False
        self._unanswered = error
        self._count(error)
        self._log.error("can't send for now, %d failures so far: %s", self._stats.n_errors, error)
        self._back_off()

    def _back_off(self) -> None:
        self._backoff_secs = min(max(2 * self._backoff_secs, _FIRST_BACKOFF_SECS), _LONGEST_BACKOFF_SECS)
        self._not_before = time.monotonic() + self._backoff_secs

    def _note_defect(self, error: Exception) -> None:
        """What must never end this thread: it costs the item at hand, is counted, and logged, in full when it is no word
        of ours."""
        self._count(error)
        cause = None if isinstance(error, RecorderError) else error
        self._log.error("something was lost, training goes on: %s", error, cause=cause)

    def _count(self, error: Exception) -> None:
        self.error = error
        self._stats.count_error(error)
