"""Run a Celery worker: select and write episodes (queues ingest, maintenance), render videos (queue render)."""

from __future__ import annotations

import argparse
import os
import socket
from contextlib import nullcontext

from recorder.commands.arguments.opening import settings_of
from recorder.commands.arguments.parsing import positive
from recorder.commands.terminal.output import Output
from recorder.errors import RecorderError, UsageError
from recorder.redis_server.embedded import use_redis
from recorder.runtime.extras import require_extra
from recorder.urls import redact

EXAMPLE = """\
worker --redis-url redis://localhost:6379/0 --recordings recordings/
worker --queues render --concurrency 1"""

_QUEUES = ("ingest", "maintenance", "render")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--queues", default=",".join(_QUEUES), metavar="NAME[,NAME]", help="queues to serve (default: all)"
    )
    parser.add_argument("--concurrency", type=positive, metavar="N", help="processes (default: from the configuration)")
    parser.add_argument(
        "--pool", choices=["prefork", "solo"], default="prefork", help="solo: one process, without time limits"
    )
    parser.add_argument(
        "--pulse-file",
        metavar="FILE",
        help="file that the worker updates while it is alive, for probe (default: recording.worker.pulse_file)",
    )
    parser.add_argument(
        "--loglevel", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="level of the worker's log"
    )


def run(args: argparse.Namespace) -> int:
    """Serve queues until a signal arrives. Without a URL, start an embedded Redis beside the recordings."""
    with require_extra("A worker", "worker", extra="worker"):
        from worker.app import create_app, run_worker  # loads Celery, SQLAlchemy
    queues = [name.strip() for name in args.queues.split(",") if name.strip()]
    if unknown := [name for name in queues if name not in _QUEUES]:
        raise UsageError(f"--queues: unknown queue {unknown[0]!r}; expected {', '.join(_QUEUES)}")
    if not queues:
        raise UsageError(f"--queues: expected one or more of {', '.join(_QUEUES)}, found {args.queues!r}")
    settings = settings_of(args, **({"worker": {"pulse_file": args.pulse_file}} if args.pulse_file else {}))
    default = settings.render.concurrency if queues == ["render"] else settings.ingest.concurrency
    with (
        nullcontext(settings.redis.url) if settings.redis.url else use_redis(None, settings.embedded_server_dir) as url
    ):
        app = create_app(settings, redis_url=url, renders="render" in queues)
        output = Output.of(args)
        queues = _queues_served(queues, app.render_problem, output)
        app.hamlet.check()
        output.announce(
            f"worker: serves {', '.join(queues)}; Redis: {redact(url)}; recordings: {redact(settings.recordings_dir)}; "
            "stop it with Ctrl-C or SIGTERM"
        )
        if settings.redis.url is None:
            output.announce(f"trainers send with EpisodeRecorder(find_redis_url({settings.recordings_dir!r}))")
        return run_worker(
            app,
            hostname=f"recorder-{os.getpid()}@{socket.gethostname()}",
            queues=queues,
            concurrency=args.concurrency or default,
            pool=args.pool,
            loglevel=args.loglevel,
            quiet=True,
        )


def _queues_served(queues: list[str], render_problem: RecorderError | None, output: Output) -> list[str]:
    """The queues, without ``render`` if no video can be made here.

    Raises:
        RecorderError: the reason, if ``render`` is the only queue.
    """
    if render_problem is None:
        return queues
    if queues == ["render"]:
        raise render_problem
    output.warn(f"this worker does not serve the queue render: {render_problem}")
    return [name for name in queues if name != "render"]
