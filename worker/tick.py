"""The tick: every worker looks each second whether there is something to do, so that no beat process can be forgotten
or lost.

A lock on the server lets one worker in a second do it for all; it saves work, nothing depends on it.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from kombu.exceptions import KombuError

from recorder.errors import RecorderError
from recorder.step_stream import FIRST_CURSOR, StepStream
from worker.tasks import EVALUATE, SWEEP

__all__ = ["Tick", "due_tasks"]

_log = logging.getLogger(__name__)

_STALE_TICKS = 30
"""A task that waited for so many ticks is thrown away: later ticks have asked for the same."""


def due_tasks(stream: StepStream, *, tick_secs: float, sweep_secs: float) -> list[tuple[str, list[str], str]]:
    """What is to be done now: name, arguments and queue of each task; nothing while another worker ticks.

    Raises:
        StreamUnavailableError: the server can't be reached.
    """
    if not stream.try_lock("tick", secs=0.9 * tick_secs):
        return []
    due = [
        (EVALUATE, [run_id], "ingest")
        for run_id, _ in stream.runs()
        if stream.read_finished(run_id, after=FIRST_CURSOR, limit=1)
    ]
    if stream.try_lock("sweep", secs=0.95 * sweep_secs):
        due.append((SWEEP, [], "maintenance"))
    return due


class Tick(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs ``due_tasks`` on the timer of a worker that serves ingest."""

    requires = frozenset(["celery.worker.components:Timer"])

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._timer_entry: Any = None

    def start(self, worker: Any) -> None:
        """Begin to tick."""
        process = worker.app.hamlet
        ingest = process.settings.ingest
        if "ingest" not in worker.app.amqp.queues.consume_from:
            return

        def tick() -> None:
            try:
                due = due_tasks(process.stream(), tick_secs=ingest.tick_secs, sweep_secs=ingest.sweep_secs)
                for name, arguments, queue in due:
                    worker.app.send_task(
                        name, arguments, queue=queue, expires=max(5.0, _STALE_TICKS * ingest.tick_secs), retry=False
                    )
            except (RecorderError, KombuError, OSError) as error:
                _log.error("tick: will try again: %s", error)

        self._timer_entry = worker.timer.call_repeatedly(ingest.tick_secs, tick)

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - the step's interface
        """Tick no more."""
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None
