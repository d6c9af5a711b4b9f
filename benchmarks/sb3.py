"""What the callback of Stable-Baselines3 takes of each step of a model that learns."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.stack import KEEP_ALL, StackError, running_stack
from recorder import EpisodeRecorder
from recorder.wrappers.sb3 import RecorderCallback

__all__ = ["measure_sb3_callback"]

_WARM_UP_CALLS = 300
"""Until then actions are random, and the recorder's quick ways are being made."""


class _Timed(RecorderCallback):
    """Notes how long each call takes."""

    secs: list[float]

    def _on_step(self) -> bool:
        began = time.perf_counter()
        goes_on = super()._on_step()
        self.secs.append(time.perf_counter() - began)
        return goes_on


def measure_sb3_callback(*, quick: bool) -> dict[str, float]:
    """``sb3_callback_us``: the median call of the slowest of four ways, which have a figure each.

    A ``DQN`` learns CartPole-v1 in 1 and in 8 lanes, and its Q-values are recorded or not.
    """
    n_repeats, n_calls = (1, 500) if quick else (5, 4_000)
    torch.set_num_threads(1)
    found: dict[str, list[float]] = {}
    with running_stack(KEEP_ALL) as stack:
        for repeat in range(n_repeats):
            for n_lanes in (1, 8):
                for q_values in (False, True):
                    key = f"sb3_callback_{n_lanes}{'_q' if q_values else ''}_us"
                    run_id = f"bench-{key}-{repeat}"
                    found.setdefault(key, []).append(_call_us(stack.url, run_id, n_lanes, n_calls, q_values=q_values))
    figures = {key: median(values) for key, values in found.items()}
    return {"sb3_callback_us": max(figures.values()), **figures}


def _call_us(url: str, run_id: str, n_lanes: int, n_calls: int, *, q_values: bool) -> float:
    arguments: dict[str, Any] = {"learning_starts": 100, "train_freq": 4, "exploration_fraction": 0.05}
    with EpisodeRecorder(url, run_id=run_id) as recorder:
        callback = _Timed(recorder, q_values=q_values)
        callback.secs = []
        env = make_vec_env("CartPole-v1", n_envs=n_lanes, seed=1)
        DQN("MlpPolicy", env, device="cpu", seed=1, **arguments).learn(n_calls * n_lanes, callback=callback)
        env.close()
    if recorder.stats().n_missing_steps:
        raise StackError(f"steps were lost: {recorder.stats()}")
    return 1e6 * median(callback.secs[_WARM_UP_CALLS:])
