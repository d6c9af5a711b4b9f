"""The Celery application: its queues, and settings that keep work safe on Redis. ``tasks.py`` has the tasks,
``tick.py`` the tick.

There is no result backend and there are no chords: state is in the catalog, so tasks may be lost or delivered twice.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps
from celery.platforms import SecurityWarning
from celery.signals import worker_shutting_down
from kombu import Queue

from recorder.errors import MissingExtraError, RecorderError
from recorder.redis_server.status import QUEUE_PRIORITIES
from recorder.settings import Settings
from recorder.urls import celery_broker_url
from worker.process import WorkerProcess
from worker.pulse import ConsumerBeat, Pulse, PulseStep
from worker.tasks import register_ingest_tasks
from worker.tick import Tick

__all__ = ["QUEUES", "create_app", "run_worker"]

QUEUES = ("ingest", "maintenance", "render")

VISIBILITY_TIMEOUT_SECS = 600
"""A task that is not acknowledged within this time is delivered again. Three times the longest task time limit."""

TASK_TIME_LIMIT_SECS = 180
TASK_SOFT_TIME_LIMIT_SECS = 150


def create_app(settings: Settings, *, redis_url: str, renders: bool = True) -> Celery:
    """Create a Celery application for these settings.

    Its ``render_problem`` is the error that keeps it from making videos, or None.

    Args:
        redis_url: the Redis with the streams, and with the queues unless ``redis.broker_url`` names another.
        renders: whether it serves the queue render. Without, its processes do not load matplotlib.
    """
    process = WorkerProcess(settings, redis_url=redis_url)
    broker_url = celery_broker_url(process.broker_url)
    app = Celery("hamlet", set_as_current=False)
    app.conf.update(
        broker_url=broker_url,
        broker_transport_options={
            "global_keyprefix": settings.redis.key_prefix,
            "priority_steps": list(QUEUE_PRIORITIES),
            "visibility_timeout": VISIBILITY_TIMEOUT_SECS,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10.0,
            "socket_connect_timeout": 5.0,
            "socket_keepalive": not broker_url.startswith("redis+socket:"),
            "health_check_interval": 25,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker survives any outage
        broker_channel_error_retry=True,  # and a full broker
        worker_consumer="worker.consumer:PatientConsumer",
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_retry_on_worker_lost=True,
        task_queues=[Queue(name, routing_key=name) for name in QUEUES],
        task_default_queue="ingest",
        task_create_missing_queues=False,
        task_time_limit=TASK_TIME_LIMIT_SECS,
        task_soft_time_limit=TASK_SOFT_TIME_LIMIT_SECS,
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=20.0,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # they can be delivered twice: let them finish
        worker_send_task_events=False,
        worker_enable_remote_control=False,  # unused, and its channels are outside the prefix
        worker_max_tasks_per_child=5000,
        enable_utc=True,
    )
    app.pulse = Pulse(Path(settings.worker.pulse_file) if settings.worker.pulse_file else None)
    app.steps["worker"].add(_CheckServers)
    app.steps["worker"].add(PulseStep)
    app.steps["consumer"].add(ConsumerBeat)
    app.steps["worker"].add(Tick)
    app.hamlet = process
    register_ingest_tasks(app, process)
    app.render_problem = _register_render_tasks(app, process) if renders else None
    return app


class _CheckServers(bootsteps.StartStopStep):  # type: ignore[misc]
    """Checks at a worker's start, also from Celery's command line, that its Redis servers can be used."""

    def start(self, worker: Any) -> None:
        """Check them."""
        worker.app.hamlet.check_servers()


def run_worker(app: Celery, **options: Any) -> int:
    """Serve queues until a signal stops the worker.

    Args:
        options: of Celery's worker.

    Returns:
        The exit status: 0 after an orderly end. Celery counts any end by Ctrl-C as a failure.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # Celery warns root, for pickled tasks; ours are JSON
        worker = app.Worker(**options)
    was_asked_to_end = False

    def note(sig: str, how: str, **_: Any) -> None:
        nonlocal was_asked_to_end
        was_asked_to_end = (sig, how) == ("SIGINT", "Warm")

    worker_shutting_down.connect(note, sender=worker.hostname)
    try:
        worker.start()
    finally:
        worker_shutting_down.disconnect(note, sender=worker.hostname)
    return 0 if was_asked_to_end else int(worker.exitcode or 0)


def _register_render_tasks(app: Celery, process: WorkerProcess) -> RecorderError | None:
    """Return the error that keeps this worker from making videos, or None. The worker serves other queues without
    it."""
    try:
        from worker.video.encoding.ffmpeg import ffmpeg_path
        from worker.video.tasks import register  # imports matplotlib

        ffmpeg_path()
    except ImportError:
        return MissingExtraError("Making videos", "video")
    except RecorderError as error:
        return error
    register(app, process)
    return None
