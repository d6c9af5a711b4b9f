"""How a recorder looks after its sender, and how it ends: closed, forgotten, or with its process."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable

from recorder.black_box import Kind, Outcome, Ring
from recorder.black_box.places import recover_command
from recorder.capture.call_times import CallTimes
from recorder.capture.reading.device import DeviceCopies
from recorder.capture.writing.inlet import Inlet
from recorder.publish.stats import RecorderStats
from recorder.runtime.process_end import at_process_end
from recorder.sender import Sender

__all__ = ["RunEnd", "call_in_forks"]

_log = logging.getLogger("recorder.capture")

_FORGOTTEN_SECS = 30.0
"""How long the sender of a recorder that nobody holds any more may go on."""

_EXIT_SECS = 5.0
"""How long the interpreter's end may wait for a recorder that was not closed."""

_POLL_SECS = 0.005
_TIMES_SECS = 1.0

_LOOK_SECS = 0.02
"""Calls look after the sender this often at most: with emptied caches a look takes longer than the call."""

_forgotten: set[RunEnd] = set()
"""Runs of recorders that nobody holds any more: the next recorder lets go of the files of those that are over."""


def call_in_forks(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Call a method in each fork. One has the recorder's memory but not its sender, and locks that may be held for ever."""

    def call() -> None:
        if (bound := method()) is not None:
            bound()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


class RunEnd:
    """Holds no reference to the recorder, so that it can outlive it.

    Args:
        sender: of the recorder's ring.
        run_id: stands in the log.
        on_lost: gives what to call, with the reason, when nobody reads the ring any more; None when nobody holds the recorder.
    """

    def __init__(
        self,
        sender: Sender,
        inlet: Inlet,
        devices: DeviceCopies,
        run_id: str,
        *,
        on_lost: Callable[[], Callable[[str], None] | None],
    ) -> None:
        self._sender = sender
        self._inlet = inlet
        self._devices = devices
        self._run_id = run_id
        self._on_lost = on_lost
        self._calls = CallTimes()
        self._next_times = self._next_look = 0.0
        self._has_closed = False
        self._is_forgotten = False
        self.is_complete = False
        """Whether everything was sent; known after ``close``."""
        self.is_put_off = False
        """Whether the last ``close`` could not even begin, because it came from within a call that it had interrupted."""
        self._take_back = at_process_end(self._close_at_exit)
        for end in list(_forgotten):
            end._let_go_when_over()

    def note_call(self, secs: float) -> None:
        """A call of the trainer took so long."""
        self._calls.add(secs)
        self.look_now_and_then()

    def look_now_and_then(self) -> None:
        """Look, unless the last look is a moment ago."""
        if time.monotonic() >= self._next_look or self._inlet.sampling is not None:
            self.look()

    def look(self) -> None:
        """Look after the sender, and after what waits for room; in a fork nothing, for the ring is the parent's."""
        if not self._is_forgotten:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - recording never stops training
                self._inlet.refusals.refuse(error)

    def _look(self) -> None:
        self._inlet.catch_up()
        if not self._sender.look() and not self._has_closed and (tell := self._on_lost()) is not None:
            tell(str(self._sender.error or "the end of the sender"))
        now = time.monotonic()
        self._next_look = now + _LOOK_SECS
        if now >= self._next_times:
            self._next_times = now + _TIMES_SECS
            self._inlet.writer.ring.call_times = self._calls.read()

    def stats(self, ring: Ring) -> RecorderStats:
        """The counters of the trainer and of its senders."""
        ring.call_times = self._calls.read()
        self.look()
        stats = RecorderStats.from_map(ring.stats()).with_trainers(ring)
        stats.n_bytes_waiting = ring.head - ring.read_position
        return stats

    def close(self, timeout_secs: float, ring: Ring) -> bool:
        """Write the end of the run, and wait until everything is sent; False when time is up before, or it is put off."""
        self.is_put_off = self._inlet.is_interrupted()
        if self.is_put_off:
            _log.warning(
                "recorder: run_id=%s: close() has interrupted another call of the recorder, which has to go on first: the run "
                "ends with the next close(), or with the process",
                self._run_id,
            )
            return False
        deadline = time.monotonic() + timeout_secs
        ring.call_times = self._calls.read()
        self._say_close(time.time() + timeout_secs)
        while not self._inlet.catch_up() and time.monotonic() < deadline:
            self._sender.look()
            time.sleep(_POLL_SECS)
        self.is_complete = self._sender.close(max(0.0, deadline - time.monotonic()))
        self._take_back()
        self._devices.forget()
        if not self.is_complete:
            stats = self.stats(ring)
            left = (
                ""
                if ring.path is None
                else f"; what is unsent stays in the black box; run: {recover_command(ring.path, ring.server)}"
            )
            _log.error(
                "recorder: run_id=%s closed after %.0f s: %d steps did not reach Redis, %d bytes: %s%s",
                self._run_id, timeout_secs, stats.n_lost_steps, stats.n_bytes_pending + stats.n_bytes_waiting,
                stats.last_error, left,
            )  # fmt: skip
        return self.is_complete

    def close_soon(self) -> None:
        """The same without waiting for it: nobody holds the recorder any more."""
        if not self._has_closed:
            self._say_close(time.time() + _FORGOTTEN_SECS)
            self._inlet.catch_up()
            self._sender.close_soon()
            _forgotten.add(self)

    def _let_go_when_over(self) -> None:
        if self._inlet.writer.ring.outcome is Outcome.AT_WORK:
            return
        _forgotten.discard(self)
        self.is_complete = self._sender.close(0.0)
        self._take_back()
        self._devices.forget()

    def forget_in_fork(self) -> None:
        """Let go of what the parent has: nothing here may touch its ring."""
        self._has_closed = self._is_forgotten = True
        self._take_back()
        self._sender.forget_in_fork()

    def _close_at_exit(self) -> None:
        if not self._has_closed:
            self.close(_EXIT_SECS, self._inlet.writer.ring)
        elif not self.is_complete:
            self._sender.close(_EXIT_SECS)

    def _say_close(self, close_by: float) -> None:
        """Write the end of the run; what a device still copies stands before it."""
        ring = self._inlet.writer.ring
        ring.close_by = min(ring.close_by or close_by, close_by)
        if not self._has_closed:
            self._has_closed = True
            self._inlet.wait_for_device()
            self._inlet.put_event(Kind.CLOSE, 0)
