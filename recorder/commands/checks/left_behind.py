"""Runs in the catalog with episodes that nobody will decide or write: no server has their steps any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from recorder.commands.arguments.opening import find_server_url, has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.run_status import read_run_statuses
from recorder.errors import RecorderError
from recorder.settings import Settings

__all__ = ["check_left_behind"]

_MANY = 1000


def check_left_behind(settings: Settings) -> Iterator[Finding]:
    """A line a run that is quiet, on no server, and has episodes held or unwritten; other checks tell of a catalog or a
    server that can't be read."""
    now = datetime.now(UTC)
    try:
        if not has_catalog(settings):
            return
        url = find_server_url(settings)
        on_server = set()
        if url is not None:
            on_server = {status.run_id for status in read_run_statuses(settings, url, now=now.timestamp())}
        quiet_since = now - timedelta(seconds=settings.ingest.abandoned_after_secs)
        with open_catalog(settings) as catalog:
            for run in catalog.list_runs():
                if run.run_id in on_server or run.last_activity_at > quiet_since:
                    continue
                n_held = catalog.summarise_run(run.run_id).by_decision.get("held", 0)
                unwritten = catalog.list_episodes(run=run.run_id, decision="kept", recorded=False, limit=_MANY)
                if n_held or unwritten.episodes:
                    yield Finding(
                        "warn",
                        f"run {run.run_id}",
                        f"on no server; episodes: {n_held} held, {len(unwritten.episodes)} kept and not written",
                        "unless its trainer still records within its own process, their steps are lost",
                    )
    except RecorderError:
        return
