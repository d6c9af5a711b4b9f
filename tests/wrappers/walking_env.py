"""An environment with random numbers, parts, and a picture; importing this module registers it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

__all__ = ["ENV_ID", "PICTURE", "WINDY_ID", "WalkingEnv"]

ENV_ID = "RecorderTests/Walking-v0"
WINDY_ID = "RecorderTests/Windy-v0"
"""The same world with a stronger wind."""
PICTURE = (60, 81)
"""Height and width."""


class WalkingEnv(gymnasium.Env[Any, Any]):
    """A walk of so many steps, pushed about by chance.

    Args:
        n_steps: until it is over.
        wind: how strong the pushes are.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 12}  # noqa: RUF012 - as Gymnasium declares it
    observation_space = spaces.Dict({"place": spaces.Box(-1e3, 1e3, (2,), np.float64), "count": spaces.Discrete(1000)})
    action_space = spaces.Dict({"turn": spaces.Discrete(3, start=-1), "thrust": spaces.Box(-1, 1, (2,), np.float32)})

    def __init__(self, n_steps: int = 20, wind: float = 1.0, render_mode: str | None = None) -> None:
        self._n_steps = n_steps
        self._wind = wind
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._count = 0
        self._place = self.np_random.normal(size=2)
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self._count += 1
        self._place = self._place + action["thrust"] * action["turn"] + self._wind * self.np_random.normal(size=2)
        return self._observation(), float(self._place[0]), self._count == self._n_steps, False, {}

    def render(self) -> Any:
        """Its left part is as bright as its steps are many; the rest is red."""
        picture = np.zeros((*PICTURE, 3), np.uint8)
        picture[:, :40] = 10 * self._count
        picture[:, 40:, 0] = 200
        return picture

    def get_state(self) -> Any:
        """Where it is, and when."""
        return {"place": self._place.copy(), "count": np.int64(self._count)}

    def set_state(self, state: Any) -> None:
        """Be there."""
        self._place, self._count = np.asarray(state["place"]), int(state["count"])

    def _observation(self) -> dict[str, Any]:
        return {"place": self._place.copy(), "count": self._count}


gymnasium.register(ENV_ID, WalkingEnv, max_episode_steps=50)
gymnasium.register(WINDY_ID, WalkingEnv, kwargs={"wind": 2.0})
