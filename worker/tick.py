"""The tick: every worker looks each second whether there is something to do, so that no beat process can be forgotten
or lost.

A lock on the server lets one worker in a second do it for all; it saves work, nothing depends on it. On a server without
room for locks and tasks, a process of this worker's own does the work (``fallback.py``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Any

from celery import Celery, bootsteps

from recorder.errors import RecorderError, StreamError, StreamFullError
from recorder.step_stream import StepStream
from worker.fallback_link import FallbackLink
from worker.tasks import EVALUATE, SWEEP, hand_out

__all__ = ["Tick", "due_tasks"]

_log = logging.getLogger(__name__)

_STALE_TICKS = 30
"""A task that waited for so many ticks is thrown away: later ticks have asked for the same."""

_STOP_SECS = 5.0
"""What the tick that is under way may take when the worker ends; longer than a server may take for an answer."""


def due_tasks(stream: StepStream, *, tick_secs: float, sweep_secs: float) -> list[tuple[str, list[str], str]]:
    """What is to be done now: name, arguments and queue of each task; nothing while another worker ticks.

    Raises:
        StreamUnavailableError: the server can't be reached, or has no room for a lock.
    """
    if not stream.try_lock("tick", secs=0.9 * tick_secs):
        return []
    due = [(EVALUATE, [run_id], "ingest") for run_id in stream.runs_with_ends()]
    if stream.try_lock("sweep", secs=0.95 * sweep_secs):
        due.append((SWEEP, [], "maintenance"))
    return due


class Tick(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs ``due_tasks`` on a thread of a worker that serves ingest.

    The worker's own timer stands still while its consumer connects to the broker again, which on a full server is all that it
    does.
    """

    requires = frozenset(["celery.worker.components:Pool"])  # whose first processes are forked before there is a thread

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._ticker: _Ticker | None = None

    def start(self, worker: Any) -> None:
        """Begin to tick."""
        if "ingest" in worker.app.amqp.queues.consume_from:
            self._ticker = _Ticker(worker.app)
            self._ticker.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - the step's interface
        """Tick no more."""
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    terminate = stop


class _Ticker:
    """The thread, and the process that it starts while the server is full."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._process = app.hamlet
        self._fallback = FallbackLink(app.hamlet.settings, redis_url=app.hamlet.redis_url)
        self._takes_tasks = True
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._app.pulse.beat("tick", unwell="it has not looked yet")
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and what it has started."""
        self._is_over.set()
        self._app.pulse.excuse("tick", "the worker ends")
        self._thread.join(_STOP_SECS)
        self._fallback.stop()

    def _run(self) -> None:
        while not self._is_over.wait(self._process.settings.ingest.tick_secs):
            unwell = ""
            try:
                self._tick()
            except RecorderError as error:
                unwell = str(error)
                _log.error("tick: will try again: %s", error)
            except Exception as error:  # noqa: BLE001 - the thread must survive any error
                unwell = f"unexpected error: {error}"
                _log.exception("tick: unexpected error; will try again")
            self._app.pulse.beat("tick", unwell=unwell)

    def _tick(self) -> None:
        ingest = self._process.settings.ingest
        self._process.check_owner()
        try:
            due = due_tasks(self._process.stream(), tick_secs=ingest.tick_secs, sweep_secs=ingest.sweep_secs)
        except StreamFullError as error:
            self._fallback.begin(error)
            return
        if any(name == SWEEP for name, _, _ in due):
            self._process.mend_queues()
        if due:
            try:
                self._hand_out(due, expires=max(5.0, _STALE_TICKS * ingest.tick_secs))
                self._takes_tasks = True
            except StreamError as error:  # also where the queue's key is of another type
                self._takes_tasks = False
                self._fallback.begin(error)
        if self._takes_tasks:
            self._fallback.end()

    def _hand_out(self, due: Iterable[tuple[str, list[str], str]], *, expires: float) -> None:
        # A connection of its own: a process that is forked meanwhile must not find the pool of connections locked.
        with self._app.connection_for_write() as connection:
            for name, arguments, queue in due:
                hand_out(self._app, name, arguments, queue=queue, expires=expires, connection=connection, retry=False)
