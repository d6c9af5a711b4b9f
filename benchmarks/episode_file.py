"""How large the file of the 500-step episode is, and how long it takes from the file to usable columns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import baseline
from benchmarks.baseline import BaselineRecorder, BaselineWriter, metadata_of
from benchmarks.load_floor import bare_reader
from benchmarks.stack import KEEP_ALL
from benchmarks.steps import GRID_SIZE, LAYOUT, METER_NAMES, N_STEPS, StepValues, record_steps, step_values
from recorder import EpisodeRecorder, open_episode
from worker.recording_writer import RecordingWriter

__all__ = ["measure_file"]


def measure_file(*, quick: bool) -> dict[str, float]:
    """``file_bytes`` and ``load_ms``: the same steps recorded by both designs, then read again and again in turn.

    ``load_floor_ms``: the calls that no reader in Python can do without, in the same turns.
    """
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        ours, theirs = _record(folder / "ours"), _record_by_baseline(folder / "baseline")
        if len(open_episode(ours).columns()["meters"]) != N_STEPS:
            raise RuntimeError("the recording is not whole")
        floor = bare_reader(ours)
        load_secs, baseline_load_secs, floor_secs = [], [], []
        for _ in range(5 if quick else 500):
            load_secs.append(_secs_of(lambda: open_episode(ours).columns()))
            baseline_load_secs.append(_secs_of(lambda: baseline.load_episode(theirs)))
            floor_secs.append(_secs_of(floor))
            baseline.load_episode(theirs)  # so that both begin with the same caches
        return {
            "file_bytes": ours.stat().st_size,
            "baseline_file_bytes": theirs.stat().st_size,
            "load_ms": 1e3 * median(load_secs),
            "baseline_load_ms": 1e3 * median(baseline_load_secs),
            "load_floor_ms": 1e3 * median(floor_secs),
        }


def _record(folder: Path) -> Path:
    folder.mkdir()
    recorder = EpisodeRecorder(run_id="bench", meter_names=METER_NAMES, grid_size=GRID_SIZE, affordance_layout=LAYOUT)
    with RecordingWriter(recorder, folder / "catalog.db", folder, criteria=KEEP_ALL):
        record_steps(recorder.record_step, 500, _with_float32(step_values()))
        recorder.finish_episode(500, {"affordance_visits": dict.fromkeys(LAYOUT, 3)})
    (path,) = folder.glob("*/episode_*")
    return path


def _with_float32(values: Iterable[StepValues]) -> list[StepValues]:
    """Rewards and progress as the float32 that they are in the environment; Python's floats would make them float64."""
    return [
        value._replace(
            reward=np.float32(value.reward),
            intrinsic_reward=np.float32(value.intrinsic_reward),
            interaction_progress=np.float32(value.interaction_progress),
        )
        for value in values
    ]


def _record_by_baseline(folder: Path) -> Path:
    recorder = BaselineRecorder(on_full="block")
    with BaselineWriter(recorder, folder.with_suffix(".db"), folder):
        record_steps(recorder.record_step, 500, step_values())
        recorder.finish_episode(500, metadata_of(500, N_STEPS, LAYOUT))
    (path,) = folder.glob("episode_*")
    return path


def _secs_of(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
