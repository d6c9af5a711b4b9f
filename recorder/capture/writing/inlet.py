"""The way into the ring that all calls share: its lock, and what happens when it is full."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

from recorder.black_box import Kind, RingWriter
from recorder.capture.refusals import Refusals
from recorder.capture.sampling import Sampling
from recorder.capture.writing.full_ring import Waiting
from recorder.capture.writing.native_writer import native_events
from recorder.errors import UsageError

__all__ = ["Inlet", "OnFull"]

OnFull = Literal["drop", "block", "sample"]

_LOCK_SECS = 1.0
"""How long a call waits for another thread's. Only a signal handler or a finalizer that records while the same thread
does waits in vain: it is counted as refused, instead of a deadlock."""


class Inlet:
    """One for each recorder.

    Args:
        on_full: what happens to a step when there is no room: ``drop`` counts it once the sender makes no progress, ``block``
            waits whatever the sender does, ``sample`` leaves whole episodes out before there is none.
        look: looks after the sender; False when nobody reads the ring any more.
    """

    def __init__(self, writer: RingWriter, refusals: Refusals, *, on_full: OnFull, look: Callable[[], bool]) -> None:
        self.writer = writer
        self.refusals = refusals
        self.on_full = on_full
        self.sampling = Sampling(writer, refusals) if on_full == "sample" else None
        """Which episodes are recorded; None where all are."""
        self._waiting = Waiting(writer.ring, refusals, is_endless=on_full == "block", look=look)
        writer.on_device_error = self._lose_on_device
        self._late: deque[tuple[Kind, int, bytes]] = deque()
        """Events that found no room even in the ring's reserve; they go before any later event."""
        self.events = native_events(writer, late=self._late, gaps=refusals.gaps)
        """The quick way of events; None where there is none."""

    def acquire(self) -> bool:
        """Take the writer's lock, which another call holds."""
        writer = self.writer  # what ``is_interrupted`` looks for: a signal may come when the lock has just been taken
        return writer.lock.acquire(timeout=_LOCK_SECS)

    def waits(self, *, has_large: bool) -> bool:
        """The ring is full: wait a moment, and say whether to try again; see ``Waiting``."""
        return self._waiting.wait(has_large=has_large)

    def waits_in_vain(self) -> bool:
        """Whether a call that finds the ring full has nothing to wait for."""
        return self._waiting.is_in_vain()

    def is_interrupted(self) -> bool:
        """Whether the caller has interrupted a call of this thread that has the lock, as a signal handler may."""
        writer = self.writer
        frame = sys._getframe().f_back
        # Whatever takes the lock calls the writer so: compiled writers among their globals, all else among its locals. Machine
        # code has no frame, and none of Python's runs in it but the writer's own methods.
        while frame is not None and writer.lock.locked():
            names = (frame.f_globals.get("writer"), frame.f_locals.get("writer"), frame.f_locals.get("self"))
            if any(value is writer for value in names):
                return True
            frame = frame.f_back
        return False

    def drop(self, places: Iterable[tuple[int, int, int]]) -> None:
        """There was no room for these steps."""
        self.refusals.drop(places)

    def _lose_on_device(self, error: Exception, n_steps: int) -> None:
        """A device did not bring the values of a record; those after it go on."""
        self.refusals.refuse(UsageError(f"a device did not bring its tensors: {error}"), n_steps=n_steps)

    def put_event(self, kind: Kind, episode_id: int, body: bytes = b"") -> None:
        """Write an event; it is never dropped: without room it waits in this process's memory."""
        sampling, events = self.sampling, self.events
        if sampling is None and events is not None and events.write(kind, episode_id, body):
            return
        if sampling is not None and kind is not Kind.CLOSE and sampling.leaves_out(episode_id):
            if kind is not Kind.KEEP:
                sampling.ends(episode_id)
            return
        writer = self.writer
        if not writer.lock.acquire(False) and not self.acquire():
            self._late.append((kind, episode_id, body))
            return
        try:
            if writer.is_over:
                raise UsageError("the recorder was closed during this call")
            if self._late or self.refusals.gaps or not writer.event(kind, episode_id, body):
                self._late.append((kind, episode_id, body))
                self._write_late()
        finally:
            writer.lock.release()

    def stop_events(self) -> None:
        """Nothing but the end of the run is written from now on."""
        if self.events is not None:
            self.events.is_over = True

    def catch_up(self) -> bool:
        """Write what waited for room, and publish what waited for a device; False while something still waits."""
        writer = self.writer
        if self.sampling is not None:
            self.sampling.look()
        if not (self._late or self.refusals.gaps or writer.unpublished is not None):
            return True
        if not writer.lock.acquire(blocking=False):
            return False
        try:
            writer.publish_ready()
            self._write_late()
            if not self._late:
                self.refusals.write_gaps()
            return not (self._late or self.refusals.gaps or writer.unpublished is not None)
        finally:
            writer.lock.release()

    def wait_for_device(self) -> None:
        """Publish everything that waits for a device; not from a signal handler that interrupts a call."""
        if not self.acquire():
            return
        try:
            self.writer.publish_ready(waits=True)
        finally:
            self.writer.lock.release()

    def _write_late(self) -> None:
        while self._late:
            kind, episode_id, body = self._late[0]
            # What was dropped of an episode stands before its end.
            is_end = kind in (Kind.FINISH, Kind.ABORT)
            if is_end and not self.refusals.write_gaps(episode_id):
                return
            if kind is Kind.CLOSE and not self.refusals.write_gaps():
                return
            if not self.writer.event(kind, episode_id, body):
                return
            self._late.popleft()
