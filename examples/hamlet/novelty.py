"""Intrinsic reward for the unfamiliar: random network distillation.

Source: Burda, Edwards, Storkey, Klimov, "Exploration by Random Network Distillation", 2018 (arXiv:1810.12894).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["RandomNetworkDistillation"]

N_HIDDEN = 32
N_FEATURES = 16
LEARNING_RATE = 1e-3
STATISTICS_MOMENTUM = 0.01
"""Weight of the latest step in the running mean of the error."""
MAX_REWARD = 5.0


class RandomNetworkDistillation:
    """A network learns to predict a fixed random one: where it fails, the agent has rarely been.

    Args:
        n_observations: width of an observation.
        device: where the networks live.
    """

    def __init__(self, n_observations: int, *, device: str = "cpu") -> None:
        self._target = _network(n_observations).to(device).requires_grad_(False)
        self._predictor = _network(n_observations).to(device)
        self._optimizer = torch.optim.Adam(self._predictor.parameters(), lr=LEARNING_RATE, fused=True)
        self._mean_error = torch.ones((), device=device)

    def reward(self, observation: Tensor) -> Tensor:
        """float32[n_lanes]: the prediction's error over its running mean; learns from ``observation`` in passing."""
        error = (self._predictor(observation) - self._target(observation)).square().mean(1)
        self._optimizer.zero_grad()
        error.mean().backward()
        self._optimizer.step()
        error = error.detach()
        self._mean_error.lerp_(error.mean(), STATISTICS_MOMENTUM)
        return (error / self._mean_error).clamp_(max=MAX_REWARD)


def _network(n_observations: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_observations, N_HIDDEN), nn.ReLU(), nn.Linear(N_HIDDEN, N_FEATURES))
