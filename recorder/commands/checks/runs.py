"""The runs on the server: unfinished ones without a trainer, finished episodes that nobody decides."""

from __future__ import annotations

import time
from collections.abc import Iterator

from recorder.commands.arguments.opening import find_server_url
from recorder.commands.checks.finding import Finding
from recorder.commands.run_status import RunStatus, read_run_statuses, read_set_aside
from recorder.commands.terminal.output import counted, human_age
from recorder.errors import RecorderError
from recorder.settings import Settings

__all__ = ["check_runs"]

_LONG_LAG = 1000

_TOLD_BY = {"trainers": "", "workers": " as workers see it", "clock": " by the clock (no worker has looked lately)"}
_ADVICE_ON_SILENCE = {
    "workers": "its trainer died: workers salvage what arrived",
    "clock": "its trainer died, or its clock differs from this machine's: a running worker finds out and salvages what arrived",
}
_ADVICE_ON_LOSS = {
    "n_dropped_steps": "the sender could not keep up: raise recording.capture.queue_maxsize, or set on_full to block",
    "n_lost_steps": "the server was away, full or emptied, or a sender was killed: the trainer's log says which",
    "n_refused_steps": "steps or whole episodes were refused: the trainer's log says why",
}
"""By the counters of ``RunStatus.n_missing_steps``."""


def check_runs(settings: Settings) -> Iterator[Finding]:
    """A line a run that something is to be said of."""
    url = find_server_url(settings)
    if url is None:
        return
    try:
        statuses = read_run_statuses(settings, url, now=time.time())
        set_aside = read_set_aside(settings, url)
    except RecorderError as error:
        yield Finding("warn", "runs", "can't be looked at", str(error))
        return
    for status in statuses:
        yield _look_at(status)
    if not statuses:
        yield Finding("ok", "runs", "none on the server")
    if set_aside:
        name, why = next(iter(set_aside.items()))
        yield Finding(
            "warn",
            "set aside",
            f"{counted(len(set_aside), 'name')} on the server, as {name}: {why}",
            "another program writes to these keys: give each a recording.redis.key_prefix of its own; hamlet-recorder stats "
            f"names them all; once you have looked: redis-cli DEL {settings.redis.key_prefix}set-aside",
        )


def _look_at(status: RunStatus) -> Finding:
    what = f"run {status.run_id}"
    found = (
        f"{status.state}{_TOLD_BY[status.told_by]}, heard of {human_age(status.silent_secs)} ago; "
        f"episodes: {status.n_open} open, {status.n_undecided}{'+' if status.more_undecided else ''} undecided"
    )
    if status.n_missing_steps:
        found += f", {counted(status.n_missing_steps, 'step')} lost"
    if status.n_undecided >= _LONG_LAG:
        return Finding("warn", what, found, "decisions lag behind: start another worker: hamlet-recorder worker")
    if status.state == "silent" and (status.n_open or status.n_undecided):
        return Finding("warn", what, found, _ADVICE_ON_SILENCE[status.told_by])
    advice = "\n".join(advice for name, advice in _ADVICE_ON_LOSS.items() if status.counters.get(name))
    return Finding("warn" if advice else "ok", what, found, advice)
