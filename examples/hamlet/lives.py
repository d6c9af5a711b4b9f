"""Which episode each lane is playing: its id, its length so far, its stage. Kept on the host."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from examples.hamlet.curriculum import Stage

__all__ = ["EndedLife", "Lives"]


@dataclass(frozen=True, slots=True)
class EndedLife:
    """An episode that is over."""

    lane: int
    episode_id: int
    n_steps: int
    stage: Stage


class Lives:
    """The open episodes of all lanes.

    ``episode_ids`` int64[n_lanes] count up over all lanes as episodes begin: an id belongs to one episode of the run.
    ``steps`` int64[n_lanes] is the number of the step being played, from 0. ``intrinsic_weight`` float32[n_lanes] is
    that of the stage which the lane's episode is played in, on the agent's device.
    """

    def __init__(self, n_lanes: int, stage: Stage, *, device: str) -> None:
        self.lanes = np.arange(n_lanes)
        self.episode_ids = np.arange(n_lanes)
        self.steps = np.zeros(n_lanes, dtype=np.int64)
        self.intrinsic_weight = torch.full((n_lanes,), stage.intrinsic_weight, device=device)
        self._stages = [stage] * n_lanes
        self._next_episode_id = n_lanes

    def end(self, lane: int) -> EndedLife:
        """The episode that just ended in ``lane``."""
        return EndedLife(lane, int(self.episode_ids[lane]), int(self.steps[lane]), self._stages[lane])

    def begin(self, lane: int, stage: Stage) -> None:
        """Open the next episode in ``lane``."""
        self.episode_ids[lane] = self._next_episode_id
        self._next_episode_id += 1
        self.steps[lane] = 0
        self.intrinsic_weight[lane] = stage.intrinsic_weight
        self._stages[lane] = stage
