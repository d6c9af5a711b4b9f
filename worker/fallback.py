"""The fallback process for a full Redis: ``python -m worker.fallback DESCRIPTOR``.

A full Redis refuses locks, tasks and Celery's own data, so workers get no tasks to free memory. This process needs none
of them: it decides, writes and deletes in rounds until its worker closes the socket or exits. Several may run at once.
"""

from __future__ import annotations

import logging
import sys
from multiprocessing.connection import Connection

from recorder.errors import RecorderError
from worker.ingest import drain_run
from worker.process import WorkerProcess

__all__ = ["main"]

_log = logging.getLogger("worker.fallback")


def main(descriptor: int) -> None:
    """Work until the other end of the socket is closed."""
    logging.basicConfig(format="[%(asctime)s: %(levelname)s/fallback] %(message)s", level=logging.WARNING)
    with Connection(descriptor) as worker:
        settings, redis_url = worker.recv()
        process = WorkerProcess(settings, redis_url=redis_url)
        _do_round(process, worker)  # always do one round, even if the worker has already closed the socket
        while not worker.poll(settings.ingest.tick_secs):
            _do_round(process, worker)


def _do_round(process: WorkerProcess, worker: Connection) -> None:
    try:
        context = process.ingest()
        run_ids = [run_id for run_id, _ in context.stream.runs()]
    except RecorderError as error:
        _log.error("will try again: %s", error)
        return
    for run_id in run_ids:
        try:
            while drain_run(context, run_id) and not worker.poll():
                pass
        except RecorderError as error:
            _log.error("run_id=%s: will try again: %s", run_id, error)


if __name__ == "__main__":
    main(int(sys.argv[1]))
