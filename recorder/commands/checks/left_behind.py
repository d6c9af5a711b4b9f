"""Finds what was left behind: episodes whose steps are gone from Redis, and black boxes that no server has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from recorder.black_box.places import recover_command
from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.run_status import read_run_statuses
from recorder.commands.terminal.output import human_bytes
from recorder.errors import RecorderError
from recorder.runtime.python_versions import UTC
from recorder.sender.files import SET_ASIDE_SUFFIX
from recorder.sender.recovery import BoxState, find_boxes, folders
from recorder.settings import Settings

__all__ = ["check_black_boxes", "check_lost_steps"]

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


def check_black_boxes(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """A line for each black box whose trainer and sender are gone, or that can't be read."""
    places = folders(settings.capture.black_box_dir, settings.local_recordings_dir)
    n_in_use = 0
    is_well = True
    for box in find_boxes(places):
        n_in_use += box.state is BoxState.IN_USE
        if box.state is BoxState.ABANDONED:
            is_well = False
            yield Finding(
                "warn",
                "black box",
                f"run {box.run_id}: its trainer (pid {box.pid}) is gone, up to {human_bytes(box.n_bytes)} of its steps wait",
                f"a worker of its Redis on this machine sends them, or: {recover_command(box.path, box.server)}",
            )
        elif box.state is BoxState.UNREADABLE:
            is_well = False
            yield Finding("warn", "black box", box.why, "hamlet-recorder recover sets it aside")
    for path in [path for folder in places if folder.is_dir() for path in folder.glob(f"*.blackbox{SET_ASIDE_SUFFIX}")]:
        is_well = False
        yield Finding("warn", "black box", f"can't be read and was set aside: {path}", "look at it, then delete it")
    if is_well:
        yield Finding("ok", "black boxes", f"{n_in_use} in use, none abandoned")
