"""Pictures of Atari games: what recording them adds to a loop of 8 lanes, and what they take in the files."""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import ale_py
import gymnasium
import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import SyncVectorEnv, VectorEnv
from gymnasium.wrappers import RecordVideo

from benchmarks.stack import KEEP_ALL, Stack, running_stack
from recorder import EpisodeRecorder
from recorder.wrappers.vector import RecordEpisode

__all__ = ["GAME", "measure_atari"]

GAME = "ALE/Breakout-v5"
_N_LANES = 8


def measure_atari(*, quick: bool) -> dict[str, float]:
    """``atari_overhead_pct``: time that recording 8 lanes of 210x160x3 adds to a loop of random actions; the bytes of a step in
    the files, in colour and as grey stacks of four. Where moviepy is installed, ``record_video_overhead_pct``: what Gymnasium's
    ``RecordVideo`` of all episodes adds."""
    n_pairs, n_calls = (1, 60) if quick else (7, 400)
    gymnasium.register_envs(ale_py)
    added, cpu_added, bare_secs, stats, filmed = [], [], [], [], []
    can_film = find_spec("moviepy") is not None
    with running_stack(KEEP_ALL) as stack:
        for pair in range(n_pairs):
            bare = _secs(_colour(), n_calls)
            with EpisodeRecorder(stack.url, run_id=f"bench-atari-{pair}") as recorder:
                recorded = _secs(RecordEpisode(_colour(), recorder), n_calls)
            if can_film:
                with TemporaryDirectory(prefix="hamlet-bench-") as folder:
                    filmed.append(100 * (_secs(_filmed(folder), n_calls)[0] - bare[0]) / bare[0])
            bare_secs.append(bare[0])
            added.append(100 * (recorded[0] - bare[0]) / bare[0])
            cpu_added.append(100 * (recorded[1] - bare[1]) / bare[1])
            stats.append(recorder.stats())
        with EpisodeRecorder(stack.url, run_id="bench-atari-grey") as recorder:
            _secs(RecordEpisode(AtariVectorEnv("breakout", num_envs=_N_LANES, frameskip=4), recorder), n_calls)
        runs = [f"bench-atari-{pair}" for pair in range(n_pairs)]
        colour_bytes = _bytes_per_step(stack, runs)
        grey_bytes = _bytes_per_step(stack, ["bench-atari-grey"])
    n_missing = sum(one.n_dropped_values + one.n_dropped_pictures for one in stats)
    return {
        "atari_overhead_pct": median(added),
        "atari_cpu_overhead_pct": median(cpu_added),
        "atari_bare_call_ms": 1000 * median(bare_secs) / n_calls,
        "atari_missing_pct": 100 * n_missing / (n_pairs * n_calls * _N_LANES),
        "atari_bytes_per_step": colour_bytes,
        "atari_grey_bytes_per_step": grey_bytes,
        **({"record_video_overhead_pct": median(filmed)} if filmed else {}),
    }


def _colour() -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv([lambda: gymnasium.make(GAME)] * _N_LANES)


def _filmed(folder: str) -> VectorEnv[Any, Any, Any]:
    """The same lanes, each in Gymnasium's ``RecordVideo``, which has to decide before an episode begins: it films all."""

    def make(lane: int) -> gymnasium.Env[Any, Any]:
        env = gymnasium.make(GAME, render_mode="rgb_array")
        return RecordVideo(env, folder, name_prefix=f"lane-{lane}", episode_trigger=lambda _: True, disable_logger=True)

    return SyncVectorEnv([partial(make, lane) for lane in range(_N_LANES)])


def _secs(envs: VectorEnv[Any, Any, Any], n_calls: int) -> tuple[float, float]:
    """Seconds of so many calls, and of this process on a processor."""
    actions = np.random.default_rng(1).integers(0, 4, (n_calls + 1, _N_LANES))
    envs.reset(seed=1)
    envs.step(actions[-1])
    began, began_cpu = time.perf_counter(), time.process_time()
    for number in range(n_calls):
        envs.step(actions[number])
    found = time.perf_counter() - began, time.process_time() - began_cpu
    envs.close()
    return found


def _bytes_per_step(stack: Stack, runs: list[str]) -> float:
    rows = []
    for run_id in runs:
        stack.wait_ended(run_id)
        rows += stack.catalog.query_recordings(run=run_id, limit=10_000)
    n_bytes, n_steps = (sum(int(row[name]) for row in rows) for name in ("compressed_size_bytes", "n_steps"))
    return n_bytes / n_steps
