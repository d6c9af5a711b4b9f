"""Workers without Celery: the functions of ingest on real streams, a real catalog and real files, with a clock to turn."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recorder.catalog import Catalog, EpisodeRow
from recorder.episode_file import Episode, open_episode
from recorder.step_stream import FIRST_CURSOR, Play, StepStream
from recorder.storage import LocalStorage, Storage
from worker.criteria import Criterion, build_criteria
from worker.ingest import IngestContext, IngestLimits, claim, evaluate_run, sweep, write_batches, write_episodes
from worker.ingest.missed_heartbeats import count_missed_heartbeats

RUN = "run-1"

KEEP_ALL = {"periodic": {"interval": 1}}
LOOK_BACK = {"stage_transitions": {"lookback": 3, "lookahead": 1}}

LIMITS = IngestLimits(abandoned_after_secs=30.0, lease_secs=60.0, compact_below_steps=0, thorough_sweep_secs=0.001)


class Rig:
    """A stream, a catalog and a folder, and as many workers on them as a test wants.

    Args:
        stream: shared by all.
        catalog: shared by all.
        folder: the recordings folder.
    """

    def __init__(self, stream: StepStream, catalog: Catalog, folder: Path) -> None:
        self.stream, self.catalog, self.folder = stream, catalog, folder
        self.late_secs = 0.0
        """How far the workers' clock is ahead: leases run out without waiting."""

    def worker(
        self,
        criteria: Mapping[str, Any] = KEEP_ALL,
        *,
        stream: StepStream | None = None,
        catalog: Catalog | None = None,
        storage: Storage | None = None,
        **limits: Any,
    ) -> IngestContext:
        """One worker process's context."""

        def make_criteria() -> Sequence[Criterion]:
            return build_criteria(criteria)

        return IngestContext(
            stream=stream or self.stream,
            catalog=catalog or self.catalog,
            storage=storage or LocalStorage(self.folder),
            make_criteria=make_criteria,
            limits=LIMITS.model_copy(update=limits),
            now_secs=lambda: time.time() + self.late_secs,
        )

    def row(self, episode_id: int) -> EpisodeRow:
        return self.catalog.get_episode(RUN, episode_id)

    def decisions(self) -> dict[int, tuple[str, tuple[str, ...]]]:
        rows = self.catalog.list_episodes(run=RUN, order="episode_id", limit=1000).episodes
        return {row.episode_id: (row.decision, row.reasons) for row in rows}

    def recorded_ids(self) -> list[int]:
        return [row["episode_id"] for row in self.catalog.query_recordings(run=RUN, order="episode_id")]

    def episode(self, episode_id: int) -> Episode:
        return open_episode(self.folder / self.catalog.get_recording(RUN, episode_id).file_path)

    def files(self) -> list[str]:
        """Everything below the folder but the catalog."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob("*/*"))

    def entries_of(self, episode_id: int, play_id: int) -> int:
        """How many entries of a play the stream holds."""
        return len(self.stream.read_plays(RUN, [Play(episode_id, play_id)])[0])

    def look_in_vain(self) -> None:
        """Look at the trainers' heartbeats so often that those who say nothing meanwhile are gone."""
        for _ in range(4):
            count_missed_heartbeats(self.worker(), self.stream.run_info(RUN))

    def n_unread(self) -> int:
        return len(self.stream.read_finished(RUN, after=FIRST_CURSOR, limit=1000))


def write_all(context: IngestContext) -> int:
    """Write what is kept; returns how many were written."""
    n_written = 0
    while rows := claim(context, RUN, limit=100):
        for ids in write_batches(rows, context.limits.write_batch_episodes):
            n_written += write_episodes(context, RUN, ids).n_written
    return n_written


def work(context: IngestContext) -> None:
    """What the tasks do in one round: evaluate, write, sweep, write what the sweep found."""
    evaluate_run(context, RUN)
    write_all(context)
    for run_id, rows in sweep(context).to_write.items():
        for ids in write_batches(rows, context.limits.write_batch_episodes):
            write_episodes(context, run_id, ids)
