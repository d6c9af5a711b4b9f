"""Both designs driven the same way, so that a figure of one can be set beside the other's: so many episodes of the same
steps, by ``record_step``, to the end."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.baseline import BaselineRecorder, BaselineWriter, metadata_of, query_count
from benchmarks.stack import Stack
from benchmarks.steps import GRID_SIZE, LAYOUT, METER_NAMES, StepValues, record_steps
from recorder import EpisodeRecorder

__all__ = ["Drive", "drive_baseline", "drive_recorder", "open_recorder"]


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of it.

    Args:
        call_secs: time inside the loops over ``record_step``.
        total_secs: from the first call until the last episode was on disk and in the index.
        n_steps: steps handed over.
        n_lost_steps: of these, how many no file holds.
        n_lost_episodes: episodes of which at least one step is lost.
    """

    call_secs: float
    total_secs: float
    n_steps: int
    n_lost_steps: int
    n_lost_episodes: int

    @property
    def call_us(self) -> float:
        """Mean of one call, in microseconds."""
        return 1e6 * self.call_secs / self.n_steps

    @property
    def steps_per_sec(self) -> float:
        """Steps that reached the disk, a second."""
        return (self.n_steps - self.n_lost_steps) / self.total_secs


def open_recorder(stack: Stack, *, on_full: Literal["drop", "block"] = "drop") -> EpisodeRecorder:
    """A recorder with default settings but ``on_full``, for a run of its own."""
    return EpisodeRecorder(
        stack.url,
        run_id=f"bench-{uuid.uuid4().hex[:8]}",
        on_full=on_full,
        meter_names=METER_NAMES,
        grid_size=GRID_SIZE,
        affordance_layout=LAYOUT,
    )


def drive_recorder(
    stack: Stack, values: Sequence[StepValues], n_episodes: int, *, on_full: Literal["drop", "block"] = "drop"
) -> Drive:
    """Record flat out, through the server and the worker, which must keep every episode."""
    with open_recorder(stack, on_full=on_full) as recorder:
        call_secs = 0.0
        began = time.perf_counter()
        for episode_id in range(n_episodes):
            entered = time.perf_counter()
            record_steps(recorder.record_step, episode_id, values)
            call_secs += time.perf_counter() - entered
            recorder.finish_episode(episode_id)
        stack.wait_written(recorder.run_id, n_episodes)
        total_secs = time.perf_counter() - began
        n_kept, n_whole = stack.count_kept(recorder.run_id, len(values))
        recorder.close()
        stack.wait_ended(recorder.run_id)
    n_steps = n_episodes * len(values)
    return Drive(call_secs, total_secs, n_steps, n_steps - n_kept, n_episodes - n_whole)


def drive_baseline(
    values: Sequence[StepValues], n_episodes: int, *, on_full: Literal["drop", "block"] = "drop"
) -> Drive:
    """The same by the baseline design, which keeps every episode."""
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        recorder = BaselineRecorder(on_full=on_full)
        database = Path(name, "index.db")
        call_secs = 0.0
        with BaselineWriter(recorder, database, Path(name, "recordings")) as writer:
            began = time.perf_counter()
            for episode_id in range(n_episodes):
                entered = time.perf_counter()
                record_steps(recorder.record_step, episode_id, values)
                call_secs += time.perf_counter() - entered
                recorder.finish_episode(episode_id, metadata_of(episode_id, len(values), LAYOUT))
            writer.stop()
            total_secs = time.perf_counter() - began
        if query_count(database) != n_episodes:
            raise RuntimeError(f"the baseline design indexed {query_count(database)} of {n_episodes} episodes")
    return Drive(call_secs, total_secs, n_episodes * len(values), recorder.n_lost.total(), len(recorder.n_lost))
