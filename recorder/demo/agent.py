"""Tabular Q-learning for all lanes at once.

Source: Watkins and Dayan, "Q-learning", Machine Learning 8, 1992. The novelty reward counts visits: Bellemare et al.,
"Unifying Count-Based Exploration and Intrinsic Motivation", 2016 (arXiv:1606.01868).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TableAgent"]

Array = npt.NDArray[Any]

LEARNING_RATE = 0.2
DISCOUNT = 0.95
EPSILON_START = 1.0
EPSILON_END = 0.03
EPSILON_STEPS = 3000
"""Vector steps over which epsilon decreases."""


class TableAgent:
    """Chooses the actions of all lanes, and learns from the results.

    Args:
        n_states: number of states.
        n_actions: number of actions.
        seed: seed of exploration.
    """

    def __init__(self, n_states: int, n_actions: int, *, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._q_values = np.zeros((n_states, n_actions), dtype=np.float32)
        self._n_visits = np.zeros(n_states, dtype=np.int64)
        self._n_steps = 0

    @property
    def epsilon(self) -> float:
        """Probability of a random action in the next ``act``."""
        share = min(1.0, self._n_steps / EPSILON_STEPS)
        return EPSILON_START + share * (EPSILON_END - EPSILON_START)

    def act(self, states: Array, masks: Array) -> tuple[Array, Array]:
        """Choose allowed actions: ``(actions int64[n_lanes], q_values float32[n_lanes, n_actions])``."""
        q_values = self._q_values[states]
        greedy = np.where(masks, q_values, -np.inf).argmax(1)
        arbitrary = np.where(masks, self._random.random(masks.shape), -1.0).argmax(1)
        explores = self._random.random(len(states)) < self.epsilon
        self._n_steps += 1
        return np.where(explores, arbitrary, greedy), q_values

    def novelty(self, states: Array) -> Array:
        """Count a visit of each state, and return float32[n_lanes]: 1 for a new state, less with each visit."""
        np.add.at(self._n_visits, states, 1)
        return (1 / np.sqrt(self._n_visits[states])).astype(np.float32)

    def learn(
        self, states: Array, actions: Array, rewards: Array, next_states: Array, next_masks: Array, terminated: Array
    ) -> None:
        """Move the value of each action towards its reward and the best following value."""
        future = np.where(next_masks, self._q_values[next_states], -np.inf).max(1)
        error = rewards + DISCOUNT * np.where(terminated, 0, future) - self._q_values[states, actions]
        np.add.at(self._q_values, (states, actions), LEARNING_RATE * error)
