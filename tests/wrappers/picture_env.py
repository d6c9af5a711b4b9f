"""An environment that one sees: its pictures say which episode and step they are of."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["EPISODE_STEPS", "PictureEnv", "VectorLikeEnv", "picture"]

_THE_PICTURE = object()

EPISODE_STEPS = 5
SIDE = 24
_BACKGROUND = np.random.default_rng(5).integers(0, 200, (SIDE, SIDE, 3), np.uint8)


def picture(episode: int, step: int) -> NDArray[np.uint8]:
    """``uint8[24, 24, 3]``."""
    found = _BACKGROUND.copy()
    found[0, :, 0], found[1, :, 0] = 201 + episode, 201 + step
    return found


class VectorLikeEnv(gymnasium.Env[Any, Any]):
    """Observations are ``[episode, step]``; ``render`` gives the picture.

    Args:
        render_mode: as Gymnasium has it.
        rendered: what ``render`` gives instead, when given.
    """

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium declares it
    observation_space: spaces.Space[Any] = spaces.Box(-1, 100, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None, rendered: Any = _THE_PICTURE) -> None:
        self.render_mode = render_mode
        self.rendered = rendered
        self.n_renders = 0
        self._episode, self._step = -1, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._episode, self._step = self._episode + 1, 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return self._observation(), 1.0, self._step == EPISODE_STEPS, False, {}

    def render(self) -> Any:
        self.n_renders += 1
        return picture(self._episode, self._step) if self.rendered is _THE_PICTURE else self.rendered

    def _observation(self) -> Any:
        return np.array([self._episode, self._step], np.float32)


class PictureEnv(VectorLikeEnv):
    """The same, whose observation is the picture."""

    observation_space = spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)

    def _observation(self) -> Any:
        return picture(self._episode, self._step)
