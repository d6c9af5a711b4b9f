"""Reports the catalog's ended runs to Redis, where trainers that start later find them."""

from __future__ import annotations

import logging

from recorder.errors import StreamError
from recorder.step_stream import KnownRun
from worker.ingest.context import IngestContext

__all__ = ["report_ended_runs"]

_log = logging.getLogger(__name__)

_EVERY_SECS = 86_400.0
"""An emptied Redis has forgotten this too, so that its first sweep reports them again."""

_MAX_RUNS = 10_000


def report_ended_runs(context: IngestContext) -> None:
    """Report the ended runs that are not in Redis, once a day: Redis may be new, or may have been emptied.

    Raises:
        CatalogUnavailableError: call again later.
    """
    try:
        if not context.stream.try_lock("known-runs", secs=_EVERY_SECS):
            return
        present = {run_id for run_id, _ in context.stream.runs()}
        for run_id, n_episodes, last_episode_id in context.catalog.ended_runs(limit=_MAX_RUNS):
            if run_id not in present:
                known = KnownRun(n_episodes, last_episode_id, has_ended=True)
                context.stream.report_known_run(run_id, known)
    except StreamError as error:
        _log.warning("trainers may not learn which run ids are used: %s", error)
