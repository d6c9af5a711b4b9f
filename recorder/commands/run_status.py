"""Status of the runs in Redis, for ``stats`` and ``doctor``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.arguments.opening_redis import open_stream
from recorder.settings import IngestSettings, Settings
from recorder.step_stream import FIRST_CURSOR, RedisStepStream, RunInfo, has_closed, trainers_are_gone

__all__ = ["RunStatus", "read_run_statuses", "read_set_aside"]

_COUNTED_UNDECIDED = 1000
"""Undecided episodes are counted up to here."""

_MISSING = ("n_dropped_steps", "n_lost_steps", "n_refused_steps")
"""Counters of a trainer (``RecorderStats``) whose sum is the steps missing from recordings."""


_FRESH_SWEEPS = 3
"""Sweeps without a report after which the workers' view is outdated."""

State = Literal["running", "closed", "silent"]
StateSource = Literal["trainers", "workers", "clock"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run, by its trainers' reports and Redis.

    Args:
        state: ``running`` while a trainer sends heartbeats; ``closed`` after all have closed; else ``silent``.
        state_source: where the state comes from: ``trainers`` reported that they closed; ``workers`` watched the
            heartbeat; ``clock`` compared the last heartbeat with this machine's time, because no worker has checked
            lately.
        silent_secs: seconds since the last heartbeat, by the trainer's and this machine's clocks.
        n_open: episodes that have begun and not ended.
        n_undecided: finished episodes that no worker has evaluated, counted up to a limit.
        more_undecided: whether there are more than ``n_undecided``.
        producers: report of each trainer process, by its id.
        counters: sums of their counters.
    """

    run_id: str
    state: State
    state_source: StateSource
    silent_secs: float
    n_open: int
    n_undecided: int
    more_undecided: bool
    producers: Mapping[str, Mapping[str, Any]]
    counters: Mapping[str, int]

    @property
    def n_missing_steps(self) -> int:
        """Steps that the trainers could not deliver."""
        return sum(self.counters.get(name, 0) for name in _MISSING)


def read_run_statuses(settings: Settings, url: str, *, now: float, run_id: str | None = None) -> list[RunStatus]:
    """Runs in Redis, the latest first.

    Args:
        now: seconds since 1970.
        run_id: only this run; None reads all.

    Raises:
        StreamError: Redis can't be reached.
        CatalogError: the catalog can't be read.
    """
    with closing(open_stream(settings, url)) as stream:
        names = [name for name, _ in stream.runs() if run_id in (None, name)]
        cursors = _cursors(settings, names)
        return [_read(stream, name, cursors[name], settings, now) for name in names]


def read_set_aside(settings: Settings, url: str) -> dict[str, str]:
    """Keys of this installation that can't be read, since another program wrote them, with the reason.

    Raises:
        StreamError: Redis can't be reached.
    """
    with closing(open_stream(settings, url)) as stream:
        for run_id, _ in stream.runs():  # reading finds such keys if no worker has run yet
            stream.run_info(run_id)
            stream.open_plays(run_id)
        return stream.set_aside()


def _cursors(settings: Settings, names: list[str]) -> dict[str, str]:
    if not has_catalog(settings):
        return dict.fromkeys(names, FIRST_CURSOR)
    with open_catalog(settings) as catalog:
        return {name: catalog.load_run_state(name).cursor for name in names}


def _read(stream: RedisStepStream, run_id: str, cursor: str, settings: Settings, now: float) -> RunStatus:
    info = stream.run_info(run_id)
    undecided = stream.read_finished(run_id, after=cursor, limit=_COUNTED_UNDECIDED + 1)
    silent_secs = max(0.0, now - info.last_heartbeat)
    counters: Counter[str] = Counter()
    for report in info.producers.values():
        counters.update({name: int(value) for name, value in report.items() if name.startswith("n_")})
    state, state_source = _state(info, silent_secs, settings.ingest)
    return RunStatus(
        run_id=run_id,
        state=state,
        state_source=state_source,
        silent_secs=silent_secs,
        n_open=stream.count_open_plays(run_id),
        n_undecided=min(len(undecided), _COUNTED_UNDECIDED),
        more_undecided=len(undecided) > _COUNTED_UNDECIDED,
        producers=info.producers,
        counters=dict(counters),
    )


def _state(info: RunInfo, silent_secs: float, ingest: IngestSettings) -> tuple[State, StateSource]:
    """The workers' view while it is fresh, else the clock's."""
    if info.producers and all(has_closed(info, name) for name in info.producers):
        return "closed", "trainers"
    fresh_secs = max(ingest.abandoned_after_secs, _FRESH_SWEEPS * ingest.sweep_secs)
    if info.checked_secs_ago is not None and info.checked_secs_ago <= fresh_secs:
        return "silent" if trainers_are_gone(info) else "running", "workers"
    return "silent" if silent_secs > ingest.abandoned_after_secs else "running", "clock"
