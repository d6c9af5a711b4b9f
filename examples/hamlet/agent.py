"""The learner: a double deep Q-network with masked, epsilon-greedy actions, all lanes in one forward pass.

Source: Mnih et al., "Human-level control through deep reinforcement learning", 2015; van Hasselt, Guez, Silver,
"Deep Reinforcement Learning with Double Q-learning", 2015 (arXiv:1509.06461).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.hamlet.transition_memory import TransitionMemory, Transitions

__all__ = ["DQNAgent"]

N_HIDDEN = 64
LEARNING_RATE = 1e-3
DISCOUNT = 0.97
BATCH_SIZE = 128
MEMORY_CAPACITY = 50_000
STEPS_PER_UPDATE = 8
"""Environment steps, all lanes together, to one update. The paper has 4; here a step costs less than an update."""
MIN_TRANSITIONS = 1_000
"""Transitions to wait for before the first update."""
TARGET_RATE = 0.01
"""Share of the network that flows into the target network at each update."""
MAX_GRADIENT = 10.0

EPSILON_START = 1.0
EPSILON_END = 0.04
EPSILON_STEPS = 400
"""Vector steps over which epsilon falls."""


class DQNAgent:
    """Chooses the actions of all lanes, and learns from what came of them.

    Args:
        n_observations: width of an observation.
        n_actions: number of discrete actions.
        seed: of exploration and of the draws from the memory; the weights follow torch's global seed.
        device: where the networks and the memory live.
    """

    def __init__(self, n_observations: int, n_actions: int, *, seed: int = 0, device: str = "cpu") -> None:
        self._random = torch.Generator(device).manual_seed(seed)
        self._network = _network(n_observations, n_actions).to(device)
        self._target = _network(n_observations, n_actions).to(device).requires_grad_(False)
        self._target.load_state_dict(self._network.state_dict())
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=LEARNING_RATE, fused=True)
        self._memory = TransitionMemory(MEMORY_CAPACITY, generator=self._random)
        self._n_steps = 0

    @property
    def epsilon(self) -> float:
        """Chance of a random action in the next ``act``."""
        share = min(1.0, self._n_steps / EPSILON_STEPS)
        return EPSILON_START + share * (EPSILON_END - EPSILON_START)

    def act(self, observation: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """``(actions int64[n_lanes], q_values float32[n_lanes, n_actions])``; only allowed actions are chosen."""
        with torch.no_grad():
            q_values = self._network(observation)
        greedy = q_values.masked_fill(~masks, -torch.inf).argmax(1)
        lots = torch.rand(masks.shape, generator=self._random, device=masks.device)
        arbitrary = lots.masked_fill_(~masks, -1.0).argmax(1)
        explores = torch.rand(len(masks), generator=self._random, device=masks.device) < self.epsilon
        self._n_steps += 1
        return torch.where(explores, arbitrary, greedy), q_values

    def learn(self, transitions: Transitions) -> None:
        """Remember what just happened, and learn from what is remembered: one batch for every eight transitions."""
        self._memory.add(transitions)
        if len(self._memory) < MIN_TRANSITIONS:
            return
        for _ in range(max(1, len(transitions.action) // STEPS_PER_UPDATE)):
            self._update()

    def _update(self) -> None:
        batch = self._memory.draw(BATCH_SIZE)
        with torch.no_grad():
            best = self._network(batch.next_observation).masked_fill_(~batch.next_masks, -torch.inf).argmax(1, True)
            future = self._target(batch.next_observation).gather(1, best).squeeze(1)
            goal = batch.reward + DISCOUNT * future * ~batch.terminated
        estimate = self._network(batch.observation).gather(1, batch.action.unsqueeze(1)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(estimate, goal)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), MAX_GRADIENT)
        self._optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self._target.parameters(), self._network.parameters(), strict=True):
                slow.lerp_(fast, TARGET_RATE)


def _network(n_observations: int, n_actions: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_observations, N_HIDDEN),
        nn.ReLU(),
        nn.Linear(N_HIDDEN, N_HIDDEN),
        nn.ReLU(),
        nn.Linear(N_HIDDEN, n_actions),
    )
