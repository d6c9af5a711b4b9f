"""Environments that say in each observation which lane, episode, step and action it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces

if TYPE_CHECKING:
    from recorder.capture import EpisodeRecorder
    from tests.capture.recorded import Ended

__all__ = ["N_ACTIONS", "CountingEnv", "StatefulEnv", "episode_length", "recorded_by_lane"]

N_ACTIONS = 50


def episode_length(lane: int, episode: int) -> int:
    """How many steps the episode of a lane takes; both from 0."""
    return 1 + (lane + 2 * episode) % 4


class CountingEnv(gymnasium.Env[Any, Any]):
    """Observations are ``[lane, episode, step, action before]``, and a step's reward is its number.

    Every second episode ends as ``terminated``, the others as ``truncated``. After step ``n`` the actions ``n`` to
    ``N_ACTIONS`` are allowed.
    """

    observation_space = spaces.Box(-1, 1000, (4,), np.float32)
    action_space = spaces.Discrete(N_ACTIONS)

    def __init__(self, lane: int = 0) -> None:
        self._lane = lane
        self._episode = -1
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._episode += 1
        self._step = 0
        return self._observation(-1), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        is_over = self._step == episode_length(self._lane, self._episode)
        is_even = self._episode % 2 == 0
        return self._observation(action), float(self._step), is_over and is_even, is_over and not is_even, self._info()

    def _observation(self, action: int) -> Any:
        return np.array([self._lane, self._episode, self._step, action], np.float32)

    def _info(self) -> dict[str, Any]:
        return {"action_mask": np.arange(N_ACTIONS) >= self._step, "episode_of_lane": self._episode}


class StatefulEnv(CountingEnv):
    """Its state is the beginning of its observation."""

    def get_state(self) -> Any:
        return np.array([self._lane, self._episode, self._step])

    def set_state(self, state: Any) -> None:
        self._lane, self._episode, self._step = np.asarray(state).tolist()


def recorded_by_lane(recorder: EpisodeRecorder, *, n_lanes: int) -> list[list[Ended]]:
    """Close a recorder; the episodes of each lane in the order of their ids."""
    from tests.capture.recorded import close_and_read  # lazy: a trainer of an older Python has no worker

    episodes = close_and_read(recorder)
    by_lane: list[list[Ended]] = [[] for _ in range(n_lanes)]
    for episode_id in sorted(episodes):
        by_lane[episodes[episode_id].metadata.lane].append(episodes[episode_id])
    return by_lane
