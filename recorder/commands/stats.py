"""Show runs, trainers, queues and losses, from Redis and the catalog."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from recorder.commands.arguments.opening import has_catalog, installation_of, open_catalog, run_of, settings_of
from recorder.commands.arguments.opening_redis import check_redis_owner, find_server_url
from recorder.commands.run_status import RunStatus, read_run_statuses, read_set_aside
from recorder.commands.terminal.colors import BAD, sign_color, verdict_color
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, human_bytes, human_return
from recorder.errors import StreamError
from recorder.redis_server.status import ServerStatus, read_queue_lengths, read_server_status
from recorder.settings import Settings
from recorder.urls import redact
from recorder.values.number_format import format_duration
from recorder.wording import count_in_words

EXAMPLE = "stats --json"

_RUN_COLUMNS = {
    "run_id": "run",
    "n_episodes": "episodes",
    "kept": "kept",
    "held": "waiting",
    "skipped": "skipped",
    "deleted": "deleted",
    "n_recordings": "recordings",
    "parked": "not written",
    "n_refused": "refused",
    "n_steps": "steps",
    "n_missing_steps": "steps missing",
    "by_reason": "reasons",
}
_SPARED_RUN_COLUMNS = ("by_reason", "deleted", "n_recordings", "skipped", "held", "n_steps", "kept")
_LIVE_COLUMNS = {
    "run_id": "run",
    "state": "state",
    "state_source": "seen by",
    "silent": "heartbeat",
    "n_open": "open",
    "n_undecided": "undecided",
    "producers": "trainers",
    "n_recorded": "steps",
    "n_missing": "steps lost",
    "call_us": "us a call",
}
_AGENT_COLUMNS = {
    "run_id": "run",
    "agent_id": "agent",
    "team": "team",
    "n_recordings": "recordings",
    "mean_return": "mean return",
    "mean_steps": "mean steps",
}
_MAX_AGENTS = 64
"""Agents shown of each run."""
_SET_ASIDE_COLUMNS = {"name": "key", "why": "why"}
_SPARED_LIVE_COLUMNS = ("call_us", "producers", "n_recorded", "n_open", "n_undecided")


def run(args: argparse.Namespace) -> int:
    """Print what Redis and the catalog hold.

    Raises:
        RecordingNotFoundError: neither has the run.
    """
    settings = settings_of(args)
    output = Output.of(args)
    run_id = getattr(args, "run", None)
    recorded = _recorded_runs(settings, run_id)
    url = find_server_url(settings)
    server: ServerStatus | None = None
    queue_lengths: Mapping[str, int] = {}
    live: list[RunStatus] = []
    set_aside: Mapping[str, str] = {}
    if url is not None:
        redis = settings.redis
        server = read_server_status(url, socket_timeout_secs=redis.socket_timeout_secs)
        queue_lengths = read_queue_lengths(
            redis.broker_url or url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs
        )
        live = read_run_statuses(settings, url, now=time.time(), run_id=run_id)
        set_aside = read_set_aside(settings, url)
    if run_id is not None and not recorded and not live:
        with open_catalog(settings) as catalog:
            run_of(args, catalog)
    output.document(
        {
            "redis": None
            if server is None or url is None
            else {"url": redact(url), **dataclasses.asdict(server), "queue_lengths": queue_lengths},
            "live_runs": [{**dataclasses.asdict(status), "n_missing_steps": status.n_missing_steps} for status in live],
            "recorded_runs": recorded,
            "set_aside": set_aside,
        }
    )
    _print_server(output, url, server, queue_lengths)
    _warn_of_other_owner(settings, output, url)
    _print_live(output, live)
    if set_aside:
        rows = [{"name": name, "why": why} for name, why in set_aside.items()]
        output.table(f"keys that can't be read: {len(rows)}", _SET_ASIDE_COLUMNS, rows, folded="why")
        output.note("")
    shown = [{**run, "by_reason": count_in_words(run["by_reason"])} for run in recorded]
    output.table("recorded", _RUN_COLUMNS, shown, folded="by_reason", spared=_SPARED_RUN_COLUMNS)
    _print_agents(output, recorded)
    return ExitStatus.OK


def _recorded_runs(settings: Settings, run_id: str | None) -> list[dict[str, Any]]:
    if not has_catalog(settings):
        return []
    with open_catalog(settings) as catalog:
        parked = catalog.count_parked()
        return [
            {
                **dataclasses.asdict(summary := catalog.summarise_run(row.run_id)),
                **{
                    decision: summary.by_decision.get(decision, 0)
                    for decision in ("kept", "held", "skipped", "deleted")
                },
                "n_recordings": row.n_recordings,
                "n_refused": row.n_refused,
                "n_late_keeps": row.n_late_keeps,
                "parked": parked.get(row.run_id, 0),
                "ended_at": row.ended_at,
                "agents": [
                    dataclasses.asdict(agent) for agent in catalog.summarise_agents(row.run_id, limit=_MAX_AGENTS)
                ],
            }
            for row in catalog.list_runs()
            if run_id in (None, row.run_id)
        ]


def _print_server(
    output: Output, url: str | None, server: ServerStatus | None, queue_lengths: Mapping[str, int]
) -> None:
    if server is None or url is None:
        output.note("no Redis is configured, and none runs for this recordings folder", "")
        return
    limit = "" if server.limit_bytes is None else f" of {human_bytes(server.limit_bytes)}"
    queues = ", ".join(f"{name} {length}" for name, length in queue_lengths.items())
    workers = "unknown" if server.n_worker_connections is None else server.n_worker_connections
    used = "memory unknown (INFO is not allowed)" if server.used_bytes is None else human_bytes(server.used_bytes)
    output.note(f"{server.kind} {server.version} at {redact(url)}: {used}{limit}")
    output.note(f"tasks waiting: {queues}; worker connections: {workers}", "")


def _warn_of_other_owner(settings: Settings, output: Output, url: str | None) -> None:
    try:
        check_redis_owner(settings, url, installation_of(settings))
    except StreamError as error:
        output.note(f"warning: {error}", "")


def _print_live(output: Output, live: Sequence[RunStatus]) -> None:
    rows = [
        {
            **dataclasses.asdict(status),
            "silent": f"{format_duration(status.silent_secs)} ago",
            "n_undecided": f"{status.n_undecided}{'+' if status.more_undecided else ''}",
            "producers": len(status.producers),
            "n_recorded": status.counters.get("n_recorded_steps", 0),
            "n_missing": status.n_missing_steps,
            "call_us": _shown_times(status),
        }
        for status in live
    ]
    if rows:
        colors = {"state": verdict_color, "n_missing": lambda n: BAD if n else ""}
        output.table("in Redis", _LIVE_COLUMNS, rows, spared=_SPARED_LIVE_COLUMNS, colors=colors)
        output.note("")


def _print_agents(output: Output, recorded: Sequence[Mapping[str, Any]]) -> None:
    rows = [{**agent, "run_id": run["run_id"]} for run in recorded for agent in run["agents"]]
    if rows:
        formats = {"mean_return": human_return, "mean_steps": lambda n: f"{n:.0f}"}
        colors = {"mean_return": sign_color}
        output.note("")
        output.table("agents in recordings", _AGENT_COLUMNS, rows, shared="run_id", formats=formats, colors=colors)


def _shown_times(status: RunStatus) -> str | None:
    """Median and 99th percentile of the time inside calls, in microseconds, of the slowest trainer."""
    times = [
        (float(report["call_p99_us"]), float(report["call_median_us"]))
        for report in status.producers.values()
        if report.get("call_p99_us") is not None and report.get("call_median_us") is not None
    ]
    if not times:
        return None
    p99, median = max(times)
    return f"{median:.3g}, p99 {p99:.3g}"
