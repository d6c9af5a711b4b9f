"""What a Gymnasium wrapper adds to a step of its environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import gymnasium
import numpy as np

from benchmarks.stack import KEEP_ALL, StackError, running_stack
from recorder import EpisodeRecorder
from recorder.wrappers import RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes

__all__ = ["measure_wrappers"]

_ENV_ID = "CartPole-v1"
_LANES = (1, 8, 64)


def measure_wrappers(*, quick: bool) -> dict[str, float]:
    """``wrapper_step_us`` for one environment, ``wrapper_call_us`` for a call that steps 64 lanes, and the same of 1 and 8."""
    n_pairs, n_steps, n_calls = (1, 500, 50) if quick else (9, 20_000, 2_000)
    singles: list[tuple[float, float]] = []
    vectors: dict[int, list[tuple[float, float]]] = {n_lanes: [] for n_lanes in _LANES}
    with running_stack(KEEP_ALL) as stack:
        for pair in range(n_pairs):
            with EpisodeRecorder(stack.url, run_id=f"bench-wrapper-{pair}") as recorder:
                bare, recorded = gymnasium.make(_ENV_ID), RecordEpisode(gymnasium.make(_ENV_ID), recorder)
                singles.append((_single_us(bare, n_steps), _single_us(recorded, n_steps)))
            _check(recorder)
            for n_lanes in _LANES:
                with EpisodeRecorder(stack.url, run_id=f"bench-wrappers-{n_lanes}-{pair}") as recorder:
                    bare_lanes, recorded_lanes = _vector(n_lanes), RecordEpisodes(_vector(n_lanes), recorder)
                    vectors[n_lanes].append((_vector_us(bare_lanes, n_calls), _vector_us(recorded_lanes, n_calls)))
                _check(recorder)
    added = {n_lanes: median(recorded - bare for bare, recorded in pairs) for n_lanes, pairs in vectors.items()}
    return {
        "wrapper_step_us": median(recorded - bare for bare, recorded in singles),
        "bare_step_us": median(bare for bare, _ in singles),
        "wrapper_call_1_us": added[1],
        "wrapper_call_8_us": added[8],
        "wrapper_call_us": added[64],
        "bare_call_us": median(bare for bare, _ in vectors[64]),
    }


def _check(recorder: EpisodeRecorder) -> None:
    if recorder.stats().n_missing_steps:
        raise StackError(f"steps were lost: {recorder.stats()}")


def _vector(n_lanes: int) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    return gymnasium.make_vec(_ENV_ID, num_envs=n_lanes, vectorization_mode="vector_entry_point")


def _single_us(env: gymnasium.Env[Any, Any], n_steps: int) -> float:
    """Mean time of a step, resets included."""

    def step(number: int) -> None:
        _, _, terminated, truncated, _ = env.step(number % 2)
        if terminated or truncated:
            env.reset()

    env.reset(seed=1)
    return _mean_us(step, n_steps)


def _vector_us(envs: gymnasium.vector.VectorEnv[Any, Any, Any], n_calls: int) -> float:
    """Mean time of a call."""
    envs.reset(seed=1)
    actions = np.zeros(envs.num_envs, np.int64), np.ones(envs.num_envs, np.int64)
    return _mean_us(lambda number: envs.step(actions[number % 2]), n_calls)


def _mean_us(act: Callable[[int], Any], n_times: int) -> float:
    began = time.perf_counter()
    for number in range(n_times):
        act(number)
    return 1e6 * (time.perf_counter() - began) / n_times
