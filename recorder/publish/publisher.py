"""The loop that reads a ring, makes chunks and sends them, and tries again when it can't.

The ring's tail passes only what the server has acknowledged, or what is in the spool. So whatever ends this loop, the next
one goes on where it was: see ``delivery/succession.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from recorder.black_box import Outcome, PagesAhead, Ring, RingReader
from recorder.errors import BlackBoxError, StreamError, StreamUnavailableError
from recorder.publish.delivery.succession import Inheritance, inherit
from recorder.publish.episodes.spilling import Spilling
from recorder.publish.limits import PublisherLimits
from recorder.publish.pace import Pace
from recorder.publish.parts import identity_of, put_together
from recorder.publish.stats import RecorderStats
from recorder.publish.trouble import OnMessage, RingWatch, Trouble, UnreadWarning, n_steps_from
from recorder.step_stream import Play, StepStream

__all__ = ["Publisher"]

_HELD_SHARE = 8
"""A chunk is cut when it needs records so far back: this part of the ring, one over it."""
_SPILLING_SHARE = 4
"""While the server is away, entries go to disk when what they are made of takes this part of the ring, one over it."""
_MUCH_BYTES = 2**20
"""After reading so much, or with so much encoded, there is no pause."""
_READ_SECS = 0.25
"""Then what is due comes first: 4 MiB of short episodes may take longer than a trainer may be silent."""


class Publisher:
    """Reads, encodes and sends, on the thread that calls ``run``.

    Args:
        stream: where entries go.
        ring: locked for the sender by the caller; its identity names the run and this producer.
        journal: file that a successor goes on from; None for a ring that dies with the process.
        limits: intervals and budgets.
        spool: file for what waits while the server is away, as far as ``limits.spool_bytes`` allows.
        shares_interpreter: whether the trainer runs in this process, so that this thread looks and cuts less often.
        on_message: what the trainer, or the recovery of a file, has to know.
    """

    def __init__(
        self,
        stream: StepStream,
        ring: Ring,
        journal: Path | None,
        limits: PublisherLimits,
        *,
        spool: Path | None = None,
        shares_interpreter: bool = False,
        on_message: OnMessage,
    ) -> None:
        self._stream = stream
        self._ring = ring
        self._journal_path = journal
        self._limits = limits
        self._spool_path = spool
        self._shares_interpreter = shares_interpreter
        self._pace = Pace(flush_interval_secs=limits.flush_interval_secs, shares_interpreter=shares_interpreter)
        self.wake = self._pace.wake
        """Set from another thread, it cuts a pause short."""
        self._identity = identity_of(ring)
        self._stats = RecorderStats()
        self._trouble = Trouble(self._identity.run_id, self._stats, on_message)
        self._reader = RingReader(ring)
        self._pages_ahead = PagesAhead(ring)
        self._put_together(
            Inheritance.nothing(keeps_plays=journal is not None), spool=spool if journal is None else None
        )
        self._is_trainer_gone = False
        self._is_broken = False
        """Whether nothing more can be read, because another program has written into the ring."""
        self._ring_watch = RingWatch(ring, self._trouble)
        self._spilling = Spilling(spool, limits.spool_bytes, self._trouble)
        self._unread = UnreadWarning(stream, self._stats, self._trouble)
        self._next_beat = 0.0
        self._inherited = (0, 0)
        """What senders before this one had brought."""

    @property
    def error(self) -> Exception | None:
        """The last failure."""
        return self._trouble.error

    @property
    def sent(self) -> tuple[int, int]:
        """Steps, and ends of episodes, that the server has acknowledged since this publisher began."""
        (n_steps, n_ends), (n_steps_before, n_ends_before) = self._outbox.acknowledged, self._inherited
        return n_steps - n_steps_before, n_ends - n_ends_before

    def run(self, until: Callable[[], bool] | None = None) -> bool:
        """Publish until the trainer has closed or is gone and everything is sent, its time to close is up, or ``until`` says
        that it is enough; then set ``ring.outcome``.

        Returns:
            Whether the trainer's part of the run is over and everything was sent: the files are not needed any more.
        """
        has_begun = self._journal_path is None
        while not self._is_over(until, has_begun=has_begun):
            n_read = 0
            try:
                if not has_begun and self._trouble.may_try:
                    self._inherit()
                    has_begun = True
                if has_begun:
                    n_read = self._read()
                    self._act(n_read)
            except StreamError as error:
                self._trouble.failed(error)
                self._put_stats()
            except BlackBoxError as error:
                self._is_broken = True
                self._trouble.note_defect(error)
                if not has_begun:
                    break
            except Exception as error:  # noqa: BLE001 - recording never stops training
                self._trouble.note_defect(error)
                self._trouble.back_off()
            if not (self._is_trainer_gone or self._shares_interpreter):
                self._pages_ahead.make()
            self._ring.beat(pid=os.getpid(), read_position=self._reader.position)
            if n_read < _MUCH_BYTES:
                self._pace.pause(found_something=n_read > 0)
        return self._end(has_begun=has_begun)

    def _inherit(self) -> None:
        """Go on from what a predecessor has left.

        Raises:
            StreamError: the server does not answer.
            BlackBoxError: the journal or the spool is another program's.
        """
        assert self._journal_path is not None
        identity = self._identity
        inherited = inherit(self._stream, identity.run_id, identity.producer_id, self._journal_path)
        self._put_together(inherited, spool=self._spool_path)
        self._inherited = self._outbox.acknowledged
        self._note_losses()

    def _put_together(self, inherited: Inheritance, *, spool: Path | None) -> None:
        self._parts = put_together(
            self._stream,
            self._ring,
            inherited,
            limits=self._limits,
            journal=self._journal_path,
            spool=spool,
            stats=self._stats,
            trouble=self._trouble,
        )
        self._open, self._outbox = self._parts.open, self._parts.outbox

    def _is_over(self, until: Callable[[], bool] | None, *, has_begun: bool) -> bool:
        if until is not None and until():
            return True
        if not (self._is_trainer_gone or self._shares_interpreter):
            self._is_trainer_gone = self._ring.is_trainer_gone()
        if has_begun and (self._is_trainer_gone or self._open.is_closed or self._is_broken) and self._is_all_sent:
            return True
        return not self._is_trainer_gone and 0 < self._ring.close_by <= time.time()

    @property
    def _is_all_sent(self) -> bool:
        is_read = self._is_broken or self._open.is_closed or self._reader.position >= self._ring.head
        return is_read and not self._outbox and self._open.needed_from is None

    @property
    def _is_ending(self) -> bool:
        return self._is_trainer_gone or self._open.is_closed or self._ring.close_by > 0

    def _read(self) -> int:
        """Take what is new in the ring; gives the number of bytes."""
        if self._is_broken or not self._may_take():
            return 0
        reader, before = self._reader, self._reader.position
        for item in reader.look(is_final=self._is_trainer_gone or self._shares_interpreter, max_secs=_READ_SECS):
            self._open.take(item)
        return reader.position - before

    def _may_take(self) -> bool:
        """Whether there is a place for more; while the server is away, what waits goes to disk before the ring is full."""
        is_full, ring = self._outbox.is_full, self._ring
        is_waiting = not self._stats.is_connected or self._stats.is_server_full
        takes_room = is_waiting and self._reader.position - ring.tail > ring.capacity // _SPILLING_SHARE
        if is_full or (takes_room and self._outbox.n_pending_bytes):
            if not (self._parts.has_spool and self._spilling.spill(self._outbox)):
                return not is_full
            self._give_room()
        return True

    def _act(self, n_read: int) -> None:
        """Cut, send and say what is due."""
        now = time.monotonic()
        not_before = self._reader.position - self._ring.capacity // _HELD_SHARE
        is_held = n_read > 0 and self._ring.tail < not_before
        if is_held:
            self._open.cut_chunks(before=not_before)
        is_due = self._pace.is_flush_due(now) or (self._is_ending and not n_read)
        if is_due:
            self._pace.cut(now, self._open.cut_chunks, is_ending=self._is_ending)
            self._pace.has_flushed(now)
        if is_due or is_held or (not n_read and self._outbox) or self._outbox.n_pending_bytes > _MUCH_BYTES:
            self._open.plays.tell_rest()
            self._send(self._open.plays.active_plays() if is_due else {})
            self._give_room()
        if is_due:
            self._put_stats()
        self._beat()

    def _give_room(self) -> None:
        """Move the ring's tail up to what is still needed."""
        needed = (self._outbox.needed_from, self._open.needed_from)
        tail = min((position for position in needed if position is not None), default=self._reader.position)
        if tail > self._ring.tail:
            self._ring.tail = tail

    def _send(self, active: dict[Play, float]) -> None:
        stats = self._stats
        stats.n_bytes_pending = self._outbox.n_pending_bytes
        if (not self._outbox and not active) or not self._trouble.may_try:
            return
        if stats.is_server_full and not self._is_ending:
            return
        try:
            self._outbox.send(active, header_of=self._open.plays.header_of)
        finally:
            self._note_losses()
        self._trouble.is_answered()
        stats.n_bytes_sent = self._outbox.n_sent_bytes
        stats.n_bytes_pending = self._outbox.n_pending_bytes

    def _beat(self, *, is_closed: bool = False) -> None:
        now = time.monotonic()
        if now < self._next_beat or not self._trouble.may_try:
            return
        self._next_beat = now + self._limits.heartbeat_secs
        self._unread.warn()
        self._is_broken = self._ring_watch.is_useless() or self._is_broken
        self._stats.n_bytes_waiting = self._reader.n_unread_bytes
        all_counters = self._stats.with_trainers(self._ring).to_map()
        self._parts.heartbeats.beat(self._stats, all_counters, is_closed=is_closed)
        self._note_losses()

    def _put_stats(self) -> None:
        self._stats.n_bytes_waiting = self._reader.n_unread_bytes
        self._ring.put_stats(self._stats.to_map())

    def _end(self, *, has_begun: bool) -> bool:
        """Say how it ended; gives whether everything was sent."""
        is_ended = self._is_trainer_gone or self._open.is_closed
        is_complete = has_begun and is_ended and not self._is_broken and self._is_all_sent
        if has_begun:
            self._give_room()
        if not is_complete:
            self._trouble.error = self.error or StreamUnavailableError("the time to send it all was up")
            self._count_unsent()
        self._unread.sum_up()
        self._next_beat = 0.0
        try:
            if has_begun:
                self._beat(is_closed=not self._is_trainer_gone)
        except Exception as error:  # noqa: BLE001 - what was recorded stands
            self._trouble.note_defect(error)
        self._outbox.close()
        self._put_stats()
        self._ring.outcome = Outcome.ALL_SENT if is_complete else Outcome.SOMETHING_LEFT
        return is_complete

    def _count_unsent(self) -> None:
        """What could not be sent in time is lost, unless a later sender finds it in the file."""
        n_recorded = self._outbox.n_pending_steps + self._outbox.n_spooled_steps
        n_left = self._open.n_pending_steps
        try:
            n_left += n_steps_from(self._ring, self._reader.position)
        except BlackBoxError as error:
            self._trouble.note_defect(error)
        self._stats.n_recorded_steps -= n_recorded
        self._stats.n_lost_steps += n_recorded + n_left

    def _note_losses(self) -> None:
        """What the server acknowledged and has lost since: no step of it counts as recorded any more."""
        losses = self._outbox.take_losses()
        if not losses.has_happened:
            return
        self._parts.heartbeats.is_info_sent = False
        if losses.is_nothing:
            self._trouble.log_error("lost data", losses.describe())
            return
        self._open.plays.lose(losses)
        self._trouble.note_news(StreamError(losses.describe()))
