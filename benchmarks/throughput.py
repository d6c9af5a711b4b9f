"""Steps a second from the first call until every episode is decided, written, synced and in the catalog, none lost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any, Literal

import numpy as np

from benchmarks.designs import Drive, drive_baseline, drive_recorder, open_recorder
from benchmarks.stack import KEEP_ALL, Stack, running_stack
from benchmarks.steps import N_STEPS, batch_calls, episode_arrays, step_values
from recorder import EpisodeRecorder

__all__ = ["measure_batch_steps_per_s", "measure_flat_out", "measure_rollout_steps_per_s", "measure_steps_per_s"]

N_LANES = 64
_ROLLOUT_STEPS = 128
_ROLLOUT_EPISODE_STEPS = 4 * _ROLLOUT_STEPS


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
        "baseline_steps_per_s": median(drive.steps_per_sec for drive in baselines),
    }


def measure_batch_steps_per_s(*, quick: bool) -> dict[str, float]:
    """64 lanes by ``record_batch``. The baseline design has no such call: its figure is the one by ``record_step``."""
    n_repeats, n_rounds, n_baseline_episodes = (1, 1, 2) if quick else (3, 64, 100)
    values, calls = step_values(), batch_calls(n_lanes=N_LANES)
    ours, baselines = [], []
    with running_stack(KEEP_ALL) as stack:
        for _ in range(n_repeats):
            ours.append(_whole(_drive_batches(stack, calls, n_rounds, on_full="block")))
            baselines.append(_whole(drive_baseline(values, n_baseline_episodes, on_full="block")))
    return {
        "batch_steps_per_s": median(drive.steps_per_sec for drive in ours),
        "record_batch_us": median(1e6 * drive.call_secs * N_LANES / drive.n_steps for drive in ours),
        "baseline_batch_steps_per_s": median(drive.steps_per_sec for drive in baselines),
    }


def measure_flat_out(*, quick: bool) -> dict[str, float]:
    """``flat_out_lost_steps``: of 768,000 steps by ``record_batch``, 64 lanes, default settings."""
    with running_stack(KEEP_ALL) as stack:
        drive = _drive_batches(stack, batch_calls(n_lanes=N_LANES), 1 if quick else 24, on_full="drop")
    return {"flat_out_lost_steps": drive.n_lost_steps, "flat_out_call_us": N_LANES * drive.call_us}


def measure_rollout_steps_per_s(*, quick: bool) -> dict[str, float]:
    """The same by ``record_rollout``, arrays ``[128, 64]``; episodes of four rollouts each."""
    n_repeats, n_rounds = (1, 1) if quick else (3, 64)
    arrays = episode_arrays(_ROLLOUT_EPISODE_STEPS, N_LANES)
    calls = [
        {
            "positions": arrays.position[rows],
            "meters": arrays.meters[rows],
            "actions": arrays.action[rows],
            "rewards": arrays.reward[rows],
            "intrinsic_rewards": arrays.intrinsic_reward[rows],
            "terminated": arrays.done[rows],
            "q_values": arrays.q_values[rows],
            "time_of_day": arrays.time_of_day[rows],
            "interaction_progress": arrays.interaction_progress[rows],
            "action_masks": arrays.action_masks[rows],
        }
        for rows in (slice(first, first + _ROLLOUT_STEPS) for first in range(0, _ROLLOUT_EPISODE_STEPS, _ROLLOUT_STEPS))
    ]
    with running_stack(KEEP_ALL) as stack:
        drives = [_whole(_drive_rollouts(stack, calls, n_rounds)) for _ in range(n_repeats)]
    n_calls = n_rounds * len(calls)
    return {
        "rollout_steps_per_s": median(drive.steps_per_sec for drive in drives),
        "record_rollout_us": median(1e6 * drive.call_secs / n_calls for drive in drives),
    }


def _drive_rollouts(stack: Stack, calls: Sequence[dict[str, Any]], n_rounds: int) -> Drive:
    with open_recorder(stack, on_full="block") as recorder:
        began = time.perf_counter()
        for call in [*calls] * n_rounds:
            recorder.record_rollout(**call)
        call_secs = time.perf_counter() - began
        return _finished(stack, recorder, began, call_secs, n_rounds * N_LANES, _ROLLOUT_EPISODE_STEPS)


def _finished(
    stack: Stack, recorder: EpisodeRecorder, began: float, call_secs: float, n_episodes: int, n_whole_steps: int
) -> Drive:
    """Wait until all episodes are in files, and close."""
    stack.wait_written(recorder.run_id, n_episodes)
    total_secs = time.perf_counter() - began
    n_kept, n_whole = stack.count_kept(recorder.run_id, n_whole_steps)
    recorder.close()
    stack.wait_ended(recorder.run_id)
    n_steps = n_episodes * n_whole_steps
    return Drive(call_secs, total_secs, n_steps, n_steps - n_kept, n_episodes - n_whole)


def _drive_batches(
    stack: Stack, calls: Sequence[dict[str, Any]], n_rounds: int, *, on_full: Literal["drop", "block"]
) -> Drive:
    """``n_rounds`` times ``N_LANES`` episodes that begin and end together."""
    with open_recorder(stack, on_full=on_full) as recorder:
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
        return _finished(stack, recorder, began, call_secs, n_rounds * N_LANES, N_STEPS)


def _whole(drive: Drive) -> Drive:
    if drive.n_lost_steps:
        raise RuntimeError(
            f"{drive.n_lost_steps} of {drive.n_steps} steps are lost: the figure would not be what it says"
        )
    return drive
