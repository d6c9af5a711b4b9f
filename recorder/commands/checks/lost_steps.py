"""Finds runs whose undecided or unwritten episodes have no steps left in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.run_status import read_run_statuses
from recorder.errors import RecorderError
from recorder.runtime.python_versions import UTC
from recorder.settings import Settings

__all__ = ["check_lost_steps"]

_MANY = 1000


def check_lost_steps(settings: Settings, redis: FoundRedis) -> Iterator[Finding]:
    """Report each quiet run that is not in Redis but has held or unwritten episodes."""
    now = datetime.now(UTC)
    try:
        if not has_catalog(settings) or redis.error is not None:
            return
        in_redis = set()
        if redis.url is not None:
            in_redis = {status.run_id for status in read_run_statuses(settings, redis.url, now=now.timestamp())}
        quiet_since = now - timedelta(seconds=settings.ingest.abandoned_after_secs)
        with open_catalog(settings) as catalog:
            for run in catalog.list_runs():
                if run.run_id in in_redis or run.last_activity_at > quiet_since:
                    continue
                n_held = catalog.summarise_run(run.run_id).by_decision.get("held", 0)
                unwritten = catalog.list_episodes(run=run.run_id, decision="kept", recorded=False, limit=_MANY)
                if n_held or unwritten.episodes:
                    yield Finding(
                        "warn",
                        f"run {run.run_id}",
                        f"not in Redis; episodes: {n_held} held, {len(unwritten.episodes)} kept but not written",
                        "their steps are lost, unless its trainer records without Redis and still runs",
                    )
    except RecorderError:
        return
