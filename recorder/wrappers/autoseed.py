"""A seed for every episode, so that any of them can be played again alone."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

__all__ = ["RESET_SEED", "AutoSeed"]

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")

RESET_SEED = "reset_seed"
"""Where in the ``info`` of ``reset`` the seed stands."""

_OPTION = "recorder_autoseed"
_MAX_SEED = 2**31


class AutoSeed(gymnasium.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs, Generic[ObsType, ActType]):
    """Gives every ``reset`` without a seed a new one, and tells it as ``info["reset_seed"]``.

    An environment that is reset without a seed goes on with the random numbers that the episode before left, and a vector
    environment resets its lanes so: only their first episodes have a seed. Below ``RecordEpisode`` this wrapper gives
    every episode one, which stands in its metadata. Seeds that are drawn follow from the last one that was given.

    Example::

        env = RecordEpisode(AutoSeed(gymnasium.make("CartPole-v1")), recorder)
        envs = gymnasium.make_vec("CartPole-v1", num_envs=8, wrappers=(AutoSeed,))

    ``reset(options={"recorder_autoseed": False})`` goes on with the environment's own random numbers.
    """

    def __init__(self, env: gymnasium.Env[ObsType, ActType]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)
        self._seeds = np.random.default_rng()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment with a seed, drawn when none is given."""
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        elif options is None or options.get(_OPTION, True):
            seed = int(self._seeds.integers(_MAX_SEED))
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, info if seed is None else {**info, RESET_SEED: seed}
