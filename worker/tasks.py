"""The Celery tasks of ingest: each takes ids and calls one function."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError

from recorder.catalog import ClaimedEpisode
from recorder.errors import RecorderError, StreamUnavailableError
from recorder.redis_server.client import redact, reply_of, translate_errors
from worker.ingest import claim, evaluate_run, sweep, write_batches, write_episodes
from worker.process import WorkerProcess

__all__ = ["EVALUATE", "SWEEP", "WRITE", "enqueue", "register_ingest_tasks"]

_log = logging.getLogger(__name__)

EVALUATE = "hamlet.evaluate"
WRITE = "hamlet.write"
SWEEP = "hamlet.sweep"

_EVALUATE_SECS = 2.0
"""A task ends after this time, so that writing gets its turn under a high load."""

_CLAIM_EPISODES = 512

_MANY_EPISODES = 32
"""A task that has found so many ended episodes is followed by another one: a quick trainer ends more while they are written, and
the worker would be idle until the next tick."""


def enqueue(app: Celery, name: str, arguments: list[Any], *, queue: str = "ingest", **options: Any) -> None:
    """Put a task into its queue.

    Raises:
        StreamUnavailableError: the broker can't be reached, or has no memory left.
    """
    broker_url = app.hamlet.broker_url
    try:
        with translate_errors(broker_url):
            app.send_task(name, arguments, queue=queue, **options)
    except (KombuError, OSError) as error:
        raise StreamUnavailableError(f"can't send a task ({reply_of(error)}): {redact(broker_url)}") from error


def register_ingest_tasks(app: Celery, process: WorkerProcess) -> None:
    """Register the tasks of ingest.

    A failure is only logged: the tick or the sweep finds what was not done. Messages of killed processes are not
    delivered again, because an episode that kills its worker would use up the attempts of its whole batch.
    """
    options = {"retry_on_worker_lost": False}

    @app.task(name=EVALUATE, shared=False, **options)  # type: ignore[untyped-decorator]
    def evaluate(run_id: str) -> None:
        deadline = time.monotonic() + _EVALUATE_SECS
        n_episodes = 0
        try:
            context = process.ingest()
            while time.monotonic() < deadline:
                done = evaluate_run(context, run_id, max_batches=1)
                _enqueue_writes(app, process, run_id)
                n_episodes += done.n_episodes
                if done.lost_race or not (done.has_more or n_episodes >= _MANY_EPISODES):
                    return
                if not done.has_more:
                    break
            # It comes after the writes of this task: what has ended by then is found without a tick.
            enqueue(app, EVALUATE, [run_id])
        except RecorderError as error:
            _log.error("evaluate run_id=%s: will try again: %s", run_id, error)

    @app.task(name=WRITE, shared=False, **options)  # type: ignore[untyped-decorator]
    def write(run_id: str, episode_ids: Sequence[int]) -> None:
        try:
            write_episodes(process.ingest(), run_id, episode_ids)
        except RecorderError as error:
            _log.error("write %d episodes of run_id=%s: will try again: %s", len(episode_ids), run_id, error)

    @app.task(name=SWEEP, shared=False, **options)  # type: ignore[untyped-decorator]
    def sweep_all() -> None:
        try:
            for run_id, rows in sweep(process.ingest()).to_write.items():
                _send_writes(app, process, run_id, rows)
        except RecorderError as error:
            _log.error("sweep: will try again: %s", error)


def _enqueue_writes(app: Celery, process: WorkerProcess, run_id: str) -> None:
    context = process.ingest()
    while True:
        rows = claim(context, run_id, limit=_CLAIM_EPISODES)
        _send_writes(app, process, run_id, rows)
        if len(rows) < _CLAIM_EPISODES:
            return


def _send_writes(app: Celery, process: WorkerProcess, run_id: str, rows: Sequence[ClaimedEpisode]) -> None:
    for episode_ids in write_batches(rows, process.settings.ingest.write_batch_episodes):
        try:
            enqueue(app, WRITE, [run_id, episode_ids])
        except StreamUnavailableError:
            # Write them here: they are leased, and writing frees memory in a full Redis.
            write_episodes(process.ingest(), run_id, episode_ids)
