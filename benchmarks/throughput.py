"""Steps a second from the first call until every episode is decided, written, synced and in the catalog, none lost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.designs import Drive, drive_baseline, drive_recorder, open_recorder
from benchmarks.stack import KEEP_ALL, Stack, running_stack
from benchmarks.steps import N_STEPS, batch_calls, step_values

__all__ = ["measure_batch_steps_per_s", "measure_steps_per_s"]

N_LANES = 64


def measure_steps_per_s(*, quick: bool) -> dict[str, float]:
    """One producer by ``record_step``; a full queue makes it wait, so that nothing is lost."""
    n_repeats, n_episodes, n_baseline_episodes = (1, 8, 2) if quick else (3, 2000, 100)
    values = step_values()
    ours, baselines = [], []
    with running_stack(KEEP_ALL) as stack:
        for _ in range(n_repeats):
            ours.append(_whole(drive_recorder(stack, values, n_episodes, on_full="block")))
            baselines.append(_whole(drive_baseline(values, n_baseline_episodes, on_full="block")))
    return {
        "steps_per_s": median(drive.steps_per_sec for drive in ours),
        "seed_steps_per_s": median(drive.steps_per_sec for drive in baselines),
    }


def measure_batch_steps_per_s(*, quick: bool) -> dict[str, float]:
    """64 lanes by ``record_batch``. The baseline design has no such call: its figure is the one by ``record_step``."""
    n_repeats, n_rounds, n_baseline_episodes = (1, 1, 2) if quick else (3, 64, 100)
    values, calls = step_values(), batch_calls(n_lanes=N_LANES)
    ours, baselines = [], []
    with running_stack(KEEP_ALL) as stack:
        for _ in range(n_repeats):
            ours.append(_whole(_drive_batches(stack, calls, n_rounds)))
            baselines.append(_whole(drive_baseline(values, n_baseline_episodes, on_full="block")))
    return {
        "batch_steps_per_s": median(drive.steps_per_sec for drive in ours),
        "record_batch_us": median(1e6 * drive.call_secs * N_LANES / drive.n_steps for drive in ours),
        "seed_batch_steps_per_s": median(drive.steps_per_sec for drive in baselines),
    }


def _drive_batches(stack: Stack, calls: Sequence[dict[str, Any]], n_rounds: int) -> Drive:
    """``n_rounds`` times ``N_LANES`` episodes that begin and end together."""
    n_episodes, n_steps = n_rounds * N_LANES, n_rounds * N_LANES * N_STEPS
    with open_recorder(stack, on_full="block") as recorder:
        call_secs = 0.0
        began = time.perf_counter()
        for n_round in range(n_rounds):
            ids = np.arange(n_round * N_LANES, (n_round + 1) * N_LANES)
            entered = time.perf_counter()
            for call in calls:
                recorder.record_batch(ids, **call)
            call_secs += time.perf_counter() - entered
            for episode_id in ids.tolist():
                recorder.finish_episode(episode_id)
        stack.wait_written(recorder.run_id, n_episodes)
        total_secs = time.perf_counter() - began
        n_kept, n_whole = stack.count_kept(recorder.run_id, N_STEPS)
        recorder.close()
        stack.wait_ended(recorder.run_id)
    return Drive(call_secs, total_secs, n_steps, n_steps - n_kept, n_episodes - n_whole)


def _whole(drive: Drive) -> Drive:
    if drive.n_lost_steps:
        raise RuntimeError(
            f"{drive.n_lost_steps} of {drive.n_steps} steps are lost: the figure would not be what it says"
        )
    return drive
