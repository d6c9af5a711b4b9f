"""What recording costs the trainer's thread a step, and what is lost when it records flat out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.baseline import BaselineRecorder
from benchmarks.designs import drive_baseline, drive_recorder
from benchmarks.stack import KEEP_ALL, running_stack
from benchmarks.step_floor import record_step_floor
from benchmarks.steps import StepValues, record_steps, step_values
from recorder import EpisodeRecorder, PublisherLimits

__all__ = ["measure_lost_steps", "measure_record_step"]

_SETTLE_SECS = 0.01
"""What the thread that reads has left to do with a burst once it has read it."""

_BURST_STEPS = 200
"""Fewer than wake the background thread, so that a burst is the call alone."""


def measure_record_step(*, quick: bool) -> dict[str, float]:
    """``record_step_us`` flat out with everything running, ``record_step_alone_us`` with nothing else to do."""
    n_repeats, n_episodes, n_baseline_episodes = (1, 8, 2) if quick else (5, 300, 40)
    values = step_values()
    ours, baselines = [], []
    with running_stack(KEEP_ALL) as stack:
        for _ in range(n_repeats):
            ours.append(drive_recorder(stack, values, n_episodes))
            baselines.append(drive_baseline(values, n_baseline_episodes))
    alone, baseline_alone, floor = _alone(values[:_BURST_STEPS], n_bursts=5 if quick else 200)
    return {
        "record_step_us": median(drive.call_us for drive in ours),
        "baseline_record_step_us": median(drive.call_us for drive in baselines),
        "record_step_alone_us": alone,
        "baseline_record_step_alone_us": baseline_alone,
        "record_step_floor_us": floor,
    }


def measure_lost_steps(*, quick: bool) -> dict[str, float]:
    """Steps lost flat out with default settings, and the episodes that lost some."""
    n_episodes = 8 if quick else 400
    values = step_values()
    with running_stack(KEEP_ALL) as stack:
        ours = drive_recorder(stack, values, n_episodes)
    theirs = drive_baseline(values, n_episodes)
    return {
        "lost_steps": ours.n_lost_steps,
        "lost_episodes": ours.n_lost_episodes,
        "baseline_lost_steps": theirs.n_lost_steps,
        "baseline_lost_steps_pct": 100 * theirs.n_lost_steps / theirs.n_steps,
        "baseline_lost_episodes_pct": 100 * theirs.n_lost_episodes / n_episodes,
    }


def _alone(values: Sequence[StepValues], n_bursts: int) -> tuple[float, float, float]:
    """Median microseconds of a step over bursts: ours with the background thread asleep, the baseline's with no writer, and the
    floor's. They take turns, because this machine is slower at some times than at others.

    Before each burst comes one that is not counted: after the wait for that thread the machine is slow for a while, which a
    trainer that records again and again does not see.
    """
    baseline = BaselineRecorder()
    with EpisodeRecorder(run_id="bench-alone", limits=PublisherLimits(flush_interval_secs=60.0)) as recorder:
        designs: tuple[Callable[..., None], ...] = (recorder.record_step, baseline.record_step, record_step_floor)
        bursts: tuple[list[float], ...] = ([], [], [])
        for burst in range(n_bursts):
            for record_step, found in zip(designs, bursts, strict=True):
                record_steps(record_step, 2 * burst, values)
                began = time.perf_counter()
                record_steps(record_step, 2 * burst + 1, values)
                found.append((time.perf_counter() - began) / len(values))
            baseline.queue.queue.clear()
            recorder.abort(2 * burst, "benchmark")
            recorder.abort(2 * burst + 1, "benchmark")
            while recorder.stats().n_bytes_waiting:
                time.sleep(0.0005)
            time.sleep(_SETTLE_SECS)
    ours, theirs, floor = (1e6 * median(found) for found in bursts)
    return ours, theirs, floor
