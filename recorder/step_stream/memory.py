"""The step stream within one process, for recording without Redis and for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from recorder.step_stream.base import StepStream
from recorder.step_stream.ends import unpack_body
from recorder.step_stream.entries import FIRST_CURSOR, HEADER, FinishedEntry, Flush, OpenPlay, Play, StreamEntry
from recorder.step_stream.run_info import KnownRun, MissedHeartbeats, Refused, RunInfo, ServerMemory
from recorder.step_stream.tally import Tally, last_two

__all__ = ["MemoryStepStream"]

_LAST_SEQUENCE = 2**64 - 1


class _Run:
    """Data of one run."""

    def __init__(self) -> None:
        self.heartbeat = 0.0
        self.info: dict[str, Any] = {}
        self.producers: dict[str, Mapping[str, Any]] = {}
        self.missed_heartbeats: dict[str, MissedHeartbeats] = {}
        self.checked_at = 0.0
        """Time of the last check, by the monotonic clock."""
        self.open: dict[Play, float] = {}
        self.episodes: dict[int, dict[tuple[int, int], StreamEntry]] = {}
        self.last_places: dict[int, tuple[int, int]] = {}
        """Highest place of each stream, dropped entries included; lower places are refused."""
        self.finished: dict[int, Mapping[str, Any]] = {}
        self.tallies: dict[str, dict[int, Tally]] = {}
        """By sender and slot."""
        self.refused: dict[str, Refused] = {}
        self.known: KnownRun | None = None
        self.last_finished = 0
        """Place of the last end: microseconds since 1970, made unique."""


class MemoryStepStream(StepStream):
    """Thread-safe; ends with its process.

    Args:
        max_bytes: limit that ``server_memory`` reports, so that a recorder whose writer has stopped does not grow
            without bound.
    """

    is_remote = False

    def __init__(self, *, max_bytes: int = 512 * 2**20) -> None:
        self._lock = threading.Lock()
        self._has_end = threading.Condition(self._lock)
        self._runs: dict[str, _Run] = {}
        self._locks: dict[str, float] = {}
        self._bookmarks: dict[str, str] = {}
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._is_read = False

    @property
    def is_read(self) -> bool:
        return self._is_read

    def expect_reader(self) -> None:
        self._is_read = True

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        gone: dict[Play, None] = {}
        with self._lock:
            run = self._runs.setdefault(run_id, _Run())
            for entry in flush.entries:
                play = entry.play
                stream = run.episodes.get(play.episode_id)
                if stream is None:
                    if entry.kind != HEADER:
                        gone[play] = None
                        continue
                    stream = run.episodes[play.episode_id] = {}
                place = (play.play_id, entry.sequence)
                if place > run.last_places.get(play.episode_id, (0, 0)):
                    run.last_places[play.episode_id] = place
                    stream[place] = StreamEntry(*place, entry.kind, entry.data)
                    self._used_bytes += len(entry.data)
            for body in flush.finished:
                # As in Redis, places follow the clock, so cursors of an earlier process are smaller.
                run.last_finished = max(run.last_finished + 1, time.time_ns() // 1000)
                run.finished[run.last_finished] = unpack_body(body)
                self._has_end.notify_all()
            run.open.update(flush.active)
            for play in flush.closed:
                run.open.pop(play, None)
            if flush.tally is not None:
                kept = run.tallies.setdefault(flush.tally.producer_id, {})
                before = last_two(flush.tally.producer_id, kept.values())
                flush.tally = kept[flush.tally.slot] = flush.tally.after(before)
            self._drop(run, flush.dropped)
        return list(gone)

    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        with self._lock:
            run = self._runs.setdefault(run_id, _Run())
            run.heartbeat = now
            run.producers[producer_id] = {**state, "heartbeat": now}
            run.info.update(info or {})

    def server_memory(self) -> ServerMemory:
        return ServerMemory(self._used_bytes, self._max_bytes, "memory")

    def look_after(self, run_id: str, producer_id: str, plays: Sequence[Play]) -> tuple[int | None, list[bool]]:
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            kept = run.tallies.get(producer_id, {})
            n_sent = last_two(producer_id, kept.values()).n_sent
            return n_sent, [play.episode_id in run.episodes for play in plays]

    def tally(self, run_id: str, producer_id: str) -> Tally | None:
        with self._lock:
            kept = (self._runs.get(run_id) or _Run()).tallies.get(producer_id, {})
            return last_two(producer_id, kept.values())

    def known_run(self, run_id: str) -> KnownRun | None:
        with self._lock:
            return (self._runs.get(run_id) or _Run()).known

    def report_known_run(self, run_id: str, known: KnownRun) -> None:
        with self._lock:
            self._runs.setdefault(run_id, _Run()).known = known

    def refused(self, run_id: str, producer_id: str) -> Refused:
        with self._lock:
            return (self._runs.get(run_id) or _Run()).refused.get(producer_id, Refused())

    def report_refused(self, run_id: str, refused: Mapping[str, Refused]) -> None:
        with self._lock:
            reported = self._runs.setdefault(run_id, _Run()).refused
            for producer_id, it in refused.items():
                before = reported.get(producer_id, Refused())
                reported[producer_id] = Refused(before.n_episodes + it.n_episodes, before.n_steps + it.n_steps, it.why)

    def runs(self) -> list[tuple[str, float]]:
        with self._lock:
            found = [(run_id, run.heartbeat) for run_id, run in self._runs.items() if run.heartbeat]
        return sorted(found, key=lambda pair: -pair[1])

    def run_info(self, run_id: str) -> RunInfo:
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            checked_secs_ago = time.monotonic() - run.checked_at if run.missed_heartbeats else None
            producers, missed_heartbeats = dict(run.producers), dict(run.missed_heartbeats)
            return RunInfo(run_id, run.heartbeat, dict(run.info), producers, missed_heartbeats, checked_secs_ago)

    def note_missed_heartbeats(self, run_id: str, missed_heartbeats: Mapping[str, MissedHeartbeats]) -> None:
        with self._lock:
            run = self._runs.setdefault(run_id, _Run())
            run.missed_heartbeats, run.checked_at = dict(missed_heartbeats), time.monotonic()

    def read_finished(self, run_id: str, *, after: str, limit: int) -> list[FinishedEntry]:
        self._is_read = True
        first = int(after.partition("-")[0]) + 1
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            numbers = islice((n for n in run.finished if n >= first), limit)
            return [FinishedEntry(f"{n}-0", run.finished[n]) for n in numbers]

    def runs_with_ends(self) -> list[str]:
        return [run_id for run_id, _ in self.runs() if self.read_finished(run_id, after=FIRST_CURSOR, limit=1)]

    def wait_for_end(self, *, secs: float) -> bool:
        with self._has_end:
            return self._has_end.wait_for(lambda: any(run.finished for run in self._runs.values()), secs)

    def trim_finished(self, run_id: str, *, through: str) -> None:
        last = int(through.partition("-")[0])
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            for number in [n for n in run.finished if n <= last]:
                del run.finished[number]

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            return [
                [entry for place, entry in run.episodes.get(play.episode_id, {}).items() if place[0] == play.play_id]
                for play in plays
            ]

    def read_headers(self, run_id: str, plays: Sequence[Play]) -> list[StreamEntry | None]:
        return [entries[0] if entries else None for entries in self.read_plays(run_id, plays)]

    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        with self._lock:
            run = self._runs.get(run_id)
            if run is not None:
                self._drop(run, plays)

    def _drop(self, run: _Run, plays: Sequence[Play]) -> None:
        for play in plays:
            self._forget(run, play, _LAST_SEQUENCE)
            run.open.pop(play, None)

    def _forget(self, run: _Run, play: Play, through: int) -> None:
        stream = run.episodes.get(play.episode_id, {})
        for place in [place for place in stream if place[0] == play.play_id and place[1] <= through]:
            self._used_bytes -= len(stream.pop(place).data)
        if not stream:
            run.episodes.pop(play.episode_id, None)
            run.last_places.pop(play.episode_id, None)

    def trim_play(self, run_id: str, play: Play, *, through: int) -> None:
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            self._forget(run, play, through)

    def open_plays(self, run_id: str, *, limit: int | None = None) -> list[OpenPlay]:
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            found = [OpenPlay(play, at) for play, at in run.open.items()]
        return found if limit is None else sorted(found, key=attrgetter("last_active"), reverse=True)[:limit]

    def is_open(self, run_id: str, play: Play) -> bool:
        with self._lock:
            run = self._runs.get(run_id)
            return run is not None and play in run.open

    def count_open_plays(self, run_id: str) -> int:
        return len(self.open_plays(run_id))

    def scan_episodes(self, cursor: int, *, run_id: str | None = None) -> tuple[int, dict[str, list[Play]]]:  # noqa: ARG002 - one page
        with self._lock:
            return 0, {
                name: [Play(episode_id, next(iter(stream))[0]) for episode_id, stream in run.episodes.items() if stream]
                for name, run in self._runs.items()
                if run_id in (None, name) and run.episodes
            }

    def bookmark(self, name: str) -> str | None:
        return self._bookmarks.get(name)

    def set_bookmark(self, name: str, place: str | None) -> None:
        if place is None:
            self._bookmarks.pop(name, None)
        else:
            self._bookmarks[name] = place

    def forget_run(self, run_id: str) -> None:
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is not None and (run.episodes or run.known):
                # As in Redis, unwritten episodes stay.
                self._runs[run_id] = left = _Run()
                left.episodes, left.last_places, left.known = run.episodes, run.last_places, run.known

    def try_lock(self, name: str, *, secs: float) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._locks.get(name, 0.0) > now:
                self._locks[name] = min(self._locks[name], now + secs)
                return False
            self._locks[name] = now + secs
            return True

    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        play_id, _, sequence = after.partition("-")
        start = (int(play_id), int(sequence or 0))
        with self._lock:
            run = self._runs.get(run_id) or _Run()
            stream = run.episodes.get(episode_id, {})
            return list(islice((entry for place, entry in stream.items() if place > start), limit))

    def close(self) -> None:
        pass
