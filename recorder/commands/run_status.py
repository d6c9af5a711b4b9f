"""How the runs on the server are doing, for ``stats`` and ``doctor``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.settings import IngestSettings, Settings
from recorder.step_stream import FIRST_CURSOR, RedisStepStream, RunInfo, has_closed, trainers_are_gone

__all__ = ["RunStatus", "read_run_statuses", "read_set_aside"]

_COUNTED_UNDECIDED = 1000
"""How far the undecided episodes are counted: beyond it only "more" matters."""

_MISSING = ("n_dropped_steps", "n_lost_steps", "n_refused_steps")
"""Counters of a trainer (``RecorderStats``) that together are the steps that no recording will hold."""


_FRESH_LOOKS = 3
"""Sweeps that may be late before what workers saw says nothing of now."""

State = Literal["running", "closed", "silent"]
TellsState = Literal["trainers", "workers", "clock"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run as its trainers and the server tell it.

    Args:
        state: ``running`` while a trainer's heart beats; ``closed`` when all have closed; else ``silent``.
        told_by: who says so: the ``trainers`` that they have closed; ``workers`` that a heartbeat moves or stands still; where
            none has looked lately the ``clock`` of this machine, by how old the last heartbeat is.
        silent_secs: since the last heartbeat, by this machine's clock and its trainer's.
        n_open: episodes that have begun and not ended.
        n_undecided: finished episodes that no worker has looked at; ``more_undecided`` when there are more still.
        producers: what each trainer process says of itself, by its id.
        counters: their counters, added up.
    """

    run_id: str
    state: State
    told_by: TellsState
    silent_secs: float
    n_open: int
    n_undecided: int
    more_undecided: bool
    producers: Mapping[str, Mapping[str, Any]]
    counters: Mapping[str, int]

    @property
    def n_missing_steps(self) -> int:
        """Steps that the trainers could not hand over."""
        return sum(self.counters.get(name, 0) for name in _MISSING)


def read_run_statuses(settings: Settings, url: str, *, now: float, run_id: str | None = None) -> list[RunStatus]:
    """The runs on the server at ``url``, the latest first; only one of them where ``run_id`` is given.

    Args:
        now: seconds since 1970.

    Raises:
        StreamError: the server can't be reached.
        CatalogError: the catalog can't be read.
    """
    with closing(_open_stream(settings, url)) as stream:
        names = [name for name, _ in stream.runs() if run_id in (None, name)]
        cursors = _cursors(settings, names)
        return [_read(stream, name, cursors[name], settings, now) for name in names]


def read_set_aside(settings: Settings, url: str) -> dict[str, str]:
    """What another program has written under the keys of this installation, and why it can't be read; workers pass it over.

    Raises:
        StreamError: the server can't be reached.
    """
    with closing(_open_stream(settings, url)) as stream:
        for run_id, _ in stream.runs():  # where no worker runs, nobody else has looked yet
            stream.run_info(run_id)
            stream.open_plays(run_id)
        return stream.set_aside()


def _open_stream(settings: Settings, url: str) -> RedisStepStream:
    redis = settings.redis
    return RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="server", socket_timeout_secs=redis.socket_timeout_secs
    )


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
    for said in info.producers.values():
        counters.update({name: int(value) for name, value in said.items() if name.startswith("n_")})
    state, told_by = _state(info, silent_secs, settings.ingest)
    return RunStatus(
        run_id=run_id,
        state=state,
        told_by=told_by,
        silent_secs=silent_secs,
        n_open=stream.count_open_plays(run_id),
        n_undecided=min(len(undecided), _COUNTED_UNDECIDED),
        more_undecided=len(undecided) > _COUNTED_UNDECIDED,
        producers=info.producers,
        counters=dict(counters),
    )


def _state(info: RunInfo, silent_secs: float, ingest: IngestSettings) -> tuple[State, TellsState]:
    """What workers act on, while they look; else what the clock says."""
    if info.producers and all(has_closed(info, name) for name in info.producers):
        return "closed", "trainers"
    fresh_secs = max(ingest.abandoned_after_secs, _FRESH_LOOKS * ingest.sweep_secs)
    if info.looked_secs_ago is not None and info.looked_secs_ago <= fresh_secs:
        return "silent" if trainers_are_gone(info) else "running", "workers"
    return "silent" if silent_secs > ingest.abandoned_after_secs else "running", "clock"
