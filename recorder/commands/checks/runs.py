"""Checks the runs in Redis: runs without a trainer, undecided episodes, losses."""

from __future__ import annotations

import time
from collections.abc import Iterator

from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.run_status import RunStatus, read_run_statuses, read_set_aside
from recorder.commands.terminal.output import counted
from recorder.errors import RecorderError
from recorder.settings import Settings
from recorder.values.number_format import format_duration

__all__ = ["check_runs"]

_LONG_LAG = 1000

_SOURCES = {"trainers": "", "workers": " (seen by workers)", "clock": " (by the clock: no worker has checked lately)"}
_ADVICE_ON_SILENCE = {
    "workers": "its trainer died; workers salvage the steps that arrived",
    "clock": "its trainer died, or the clocks differ; start a worker: it finds out, and salvages the steps that arrived",
}
_ADVICE = {
    "n_dropped_steps": "the sender could not keep up: raise recording.capture.black_box_bytes, or set on_full to block or sample",
    "n_lost_steps": "Redis was unreachable, full or emptied; see the trainer's log",
    "n_refused_steps": "steps or episodes were refused; see the trainer's log",
    "n_odd_rewards": "their returns are not finite either; look at where the trainer gets its rewards from",
}
"""Keys are the counters of ``RunStatus.n_missing_steps``, and that of odd rewards."""


def check_runs(settings: Settings, redis: FoundRedis) -> Iterator[Finding]:
    """Report each run in Redis, and keys that can't be read."""
    if redis.url is None or not redis.is_usable:
        return
    try:
        statuses = read_run_statuses(settings, redis.url, now=time.time())
        set_aside = read_set_aside(settings, redis.url)
    except RecorderError as error:
        yield Finding("warn", "runs", "can't be checked", str(error))
        return
    for status in statuses:
        yield _finding(status)
    if not statuses:
        yield Finding("ok", "runs", "none in Redis")
    if set_aside:
        name, why = next(iter(set_aside.items()))
        yield Finding(
            "warn",
            "set aside",
            f"{counted(len(set_aside), 'key')} can't be read, such as {name}: {why}",
            "another program writes to these keys: give each program its own recording.redis.key_prefix; hamlet-recorder stats "
            f"lists all; to clear the list: redis-cli DEL {settings.redis.key_prefix}set-aside",
        )


def _finding(status: RunStatus) -> Finding:
    what = f"run {status.run_id}"
    found = (
        f"{status.state}{_SOURCES[status.state_source]}, last heartbeat {format_duration(status.silent_secs)} ago; "
        f"episodes: {status.n_open} open, {status.n_undecided}{'+' if status.more_undecided else ''} undecided"
    )
    if status.n_missing_steps:
        found += f", {counted(status.n_missing_steps, 'step')} lost"
    if n_odd := status.counters.get("n_odd_rewards", 0):
        found += f", {counted(n_odd, 'step')} with a reward that is NaN or infinite"
    if status.n_undecided >= _LONG_LAG:
        return Finding("warn", what, found, "decisions are late; start another worker: hamlet-recorder worker")
    if status.state == "silent" and (status.n_open or status.n_undecided):
        return Finding("warn", what, found, _ADVICE_ON_SILENCE[status.state_source])
    advice = "\n".join(advice for name, advice in _ADVICE.items() if status.counters.get(name))
    return Finding("warn" if advice else "ok", what, found, advice)
