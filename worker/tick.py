"""The tick: each worker checks every second whether there is work, so no beat process is needed. An end of an
episode that comes after a pause is seen at once.

A lock in Redis lets one worker per second do it. The lock only saves work. If Redis has no memory for locks and tasks,
a fallback process of this worker does the work (``fallback.py``). Now and then an ingest worker recovers what trainers on
this machine have left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from celery import Celery, bootsteps

from recorder.errors import RecorderError, StreamError, StreamFullError
from recorder.sender.recovering import RecoveryProcess
from recorder.sender.recovery import BoxState, FoundBox, find_boxes, folders
from recorder.sender.same_server import is_for
from recorder.settings import Settings
from recorder.step_stream import StepStream
from worker.fallback_link import FallbackLink
from worker.tasks import EVALUATE, SWEEP, enqueue

__all__ = ["BlackBoxes", "Tick", "due_tasks"]

_log = logging.getLogger(__name__)

_STALE_TICKS = 30
"""A task that waited for this many ticks is dropped: later ticks have sent the same one."""

_STOP_SECS = 5.0
"""Time that a running tick may take at the worker's end; longer than Redis may take to answer."""


_LOOK_AGAIN_SECS = 0.25
"""How long one call waits for an end: a run that begins meanwhile is watched from the next call on."""

_MAX_EARLY = 2
"""Looks before the tick that a worker may save up, one a tick: for the end of a run, and for the first end of the next."""

_EARLY_SHARE = 0.1
"""Of a tick: several workers see an end at the same moment, and one of them sends the task."""


def due_tasks(
    stream: StepStream, *, tick_secs: float, sweep_secs: float, is_early: bool = False
) -> list[tuple[str, list[str], str]]:
    """Return name, arguments and queue of each task that is due; empty if another worker ticks.

    Args:
        is_early: an end came before the tick.

    Raises:
        StreamUnavailableError: Redis can't be reached, or has no memory for a lock.
    """
    if is_early:
        may_look = stream.try_lock("early-tick", secs=_EARLY_SHARE * tick_secs)
    else:
        may_look = stream.try_lock("tick", secs=0.9 * tick_secs)
    if not may_look:
        return []
    due = [(EVALUATE, [run_id], "ingest") for run_id in stream.runs_with_ends()]
    if stream.try_lock("sweep", secs=0.95 * sweep_secs):
        due.append((SWEEP, [], "maintenance"))
    return due


class Tick(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs ``due_tasks`` on a thread of a worker that serves ingest.

    The worker's own timer stops while its consumer reconnects to the broker, which with a full Redis is all the
    time.
    """

    requires = frozenset(["celery.worker.components:Pool"])  # which forks its first processes before there is a thread

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._ticker: _Ticker | None = None

    def start(self, worker: Any) -> None:
        """Start ticking."""
        if "ingest" in worker.app.amqp.queues.consume_from:
            self._ticker = _Ticker(worker.app)
            self._ticker.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - the step's interface
        """Stop ticking."""
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    terminate = stop


class _Ticker:
    """The thread, and the fallback process that it starts while Redis is full."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._process = app.hamlet
        self._fallback = FallbackLink(app.hamlet.settings, redis_url=app.hamlet.redis_url)
        self._black_boxes = BlackBoxes(app.hamlet.settings, app.hamlet.stream())
        self._takes_tasks = True
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)

    def start(self) -> None:
        """Start."""
        self._app.pulse.beat("tick", unwell="it has not ticked yet")
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and the fallback process."""
        self._is_over.set()
        self._app.pulse.pause("tick", "the worker is stopping")
        self._thread.join(_STOP_SECS)
        self._fallback.stop()

    def _run(self) -> None:
        n_early, deadline = _MAX_EARLY, self._next_tick()
        while True:
            is_early = n_early > 0 and self._sees_new_end(deadline)
            if self._is_over.wait(0.0 if is_early else max(0.0, deadline - time.monotonic())):
                return
            n_early = n_early - 1 if is_early else min(_MAX_EARLY, n_early + 1)
            unwell = ""
            try:
                self._tick(is_early=is_early)
            except RecorderError as error:
                unwell = str(error)
                _log.error("tick: will try again: %s", error)
            except Exception as error:  # noqa: BLE001 - the thread must survive any error
                unwell = f"unexpected error: {error}"
                _log.exception("tick: unexpected error; will try again")
            self._app.pulse.beat("tick", unwell=unwell)
            if not is_early:
                deadline = self._next_tick()

    def _next_tick(self) -> float:
        return time.monotonic() + float(self._process.settings.ingest.tick_secs)

    def _sees_new_end(self, deadline: float) -> bool:
        """Wait until an episode ends, once there are no other ends; return False if the deadline comes first, or the worker
        stops.

        Other ends are those of which the last tick has sent tasks.
        """
        is_watching = False
        while (secs := min(deadline - time.monotonic(), _LOOK_AGAIN_SECS)) > 0 and not self._is_over.is_set():
            try:
                stream = self._process.stream()
                if is_watching and stream.wait_for_end(secs=secs):
                    return True
                if not is_watching:
                    is_watching = not stream.runs_with_ends()
                    self._is_over.wait(0.0 if is_watching else secs)
            except StreamError:
                return False  # the tick meets the same and logs it
        return False

    def _tick(self, *, is_early: bool) -> None:
        ingest = self._process.settings.ingest
        self._process.check_owner()
        self._black_boxes.look()
        try:
            due = due_tasks(
                self._process.stream(), tick_secs=ingest.tick_secs, sweep_secs=ingest.sweep_secs, is_early=is_early
            )
        except StreamFullError as error:
            self._fallback.begin(error)
            return
        if any(name == SWEEP for name, _, _ in due):
            self._process.repair_queues()
        if due:
            try:
                self._enqueue(due, expires=max(5.0, _STALE_TICKS * ingest.tick_secs))
                self._takes_tasks = True
            except StreamError as error:  # also if the queue's key has the wrong type
                self._takes_tasks = False
                self._fallback.begin(error)
        if self._takes_tasks:
            self._fallback.end()

    def _enqueue(self, due: Iterable[tuple[str, list[str], str]], *, expires: float) -> None:
        # A connection for each call: a process forked meanwhile must not inherit a locked connection pool.
        with self._app.connection_for_write() as connection:
            for name, arguments, queue in due:
                enqueue(self._app, name, arguments, queue=queue, expires=expires, connection=connection, retry=False)


_LOOK_SECS = 30.0
"""Longer than a new trainer of the same folder takes, which looks as well."""


class BlackBoxes:
    """Starts a process when there is something to recover: the worker's own may fork at any time, with all that is open.

    Args:
        settings: name the folders.
        stream: of this worker.
    """

    def __init__(self, settings: Settings, stream: StepStream) -> None:
        self._places = folders(settings.capture.black_box_dir, settings.local_recordings_dir)
        self._stream = stream
        self._process: RecoveryProcess | None = None
        self._next_look = 0.0
        self._told: set[str] = set()

    def look(self) -> None:
        """Once in a while: see whether a trainer has left something, and have it sent."""
        now = time.monotonic()
        if now < self._next_look or (self._process is not None and not self._process.is_over):
            return
        self._next_look = now + _LOOK_SECS
        if any(self._is_ours(box) for box in find_boxes(self._places)):
            try:
                self._process = RecoveryProcess(self._stream, self._places)
            except OSError as error:
                _log.error("what trainers have left on this machine can't be sent for now: %s", error)

    def _is_ours(self, box: FoundBox) -> bool:
        if box.state is BoxState.IN_USE:
            return False
        if box.state is BoxState.UNREADABLE:
            # Once is enough: it is set aside, or will never be, as another user's.
            is_news = box.path.name not in self._told
            self._told.add(box.path.name)
            return is_news
        return is_for(box, self._stream)
