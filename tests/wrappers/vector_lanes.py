"""Vector environments of lanes that count, in one process or several, and random play in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from recorder.wrappers.vector import RecordEpisode
from tests.wrappers.counting_env import CountingEnv

N_LANES = 5
N_CALLS = 40

Make = Callable[[list[Callable[[], gymnasium.Env[Any, Any]]], AutoresetMode], VectorEnv[Any, Any, Any]]


def sync_env(makers: list[Callable[[], gymnasium.Env[Any, Any]]], mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv(makers, autoreset_mode=mode)


def async_env(makers: list[Callable[[], gymnasium.Env[Any, Any]]], mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return AsyncVectorEnv(
        makers, autoreset_mode=mode, context="forkserver"
    )  # a fork would take other threads' locks along


vectorizers = pytest.mark.parametrize("vectorize", [sync_env, async_env])


def counting_lanes(n_lanes: int = N_LANES) -> list[Callable[[], gymnasium.Env[Any, Any]]]:
    return [partial(CountingEnv, lane) for lane in range(n_lanes)]


def play(envs: RecordEpisode[Any, Any, Any], mode: AutoresetMode, *, n_calls: int = N_CALLS, seed: int = 3) -> None:
    """Random actions; lanes whose episodes are over are reset where they don't do that themselves."""
    envs.action_space.seed(seed)
    envs.reset(seed=seed)
    for _ in range(n_calls):
        _, _, terminations, truncations, _ = envs.step(envs.action_space.sample())
        over = terminations | truncations
        if mode is AutoresetMode.DISABLED and over.any():
            envs.reset(options={"reset_mask": over})
