"""A seed for every episode, so that any of them can be played again alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

__all__ = [
    "AutoSeed",
    "Beginning",
    "LastReset",
    "ResetWatch",
    "tell_of_autoseed",
    "watch_all",
    "watch_lanes",
    "watch_one",
]

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")

_OPTION = "recorder_autoseed"
_MAX_SEED = 2**31


class LastReset(NamedTuple):
    """What an environment was reset with last."""

    n_resets: int
    """So far: an episode that began without another one goes on within a game, as those of one life do."""
    seed: int | None
    """None when nobody knows."""


class Beginning(NamedTuple):
    """What an episode began with."""

    seed: int | None = None
    """None when nobody knows."""
    is_within_game: bool = False
    """Whether a wrapper began it without a reset of the environment, as ``EpisodicLife`` does for each life."""


class AutoSeed(gymnasium.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs, Generic[ObsType, ActType]):
    """Gives every ``reset`` without a seed a new one, and tells it as ``last_reset.seed``.

    An environment that is reset without a seed goes on with the random numbers that the episode before left, and a vector
    environment resets its lanes so: only their first episodes have a seed. Below ``RecordEpisode`` this wrapper gives
    every episode one, which stands in its metadata. Seeds that are drawn follow from the last one that was given. What the
    environment returns stays as it is, its ``info`` too: collectors that stack infos find the same keys in each.

    Example::

        env = RecordEpisode(AutoSeed(gymnasium.make("CartPole-v1")), recorder)
        envs = gymnasium.make_vec("CartPole-v1", num_envs=8, wrappers=(AutoSeed,))

    ``reset(options={"recorder_autoseed": False})`` goes on with the environment's own random numbers.
    """

    def __init__(self, env: gymnasium.Env[ObsType, ActType]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)
        self._seeds = np.random.default_rng()
        self.last_reset = LastReset(0, None)
        """What the environment was reset with last."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment with a seed, drawn when none is given."""
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        elif options is None or options.get(_OPTION, True):
            seed = int(self._seeds.integers(_MAX_SEED))
        self.last_reset = LastReset(self.last_reset.n_resets + 1, seed)
        return self.env.reset(seed=seed, options=options)


class ResetWatch:
    """Says what the episodes of some lanes began with; each lane's environment may have ``AutoSeed`` in its wrappers.

    Args:
        last_resets: given places, asks for what each was reset with last; None for a lane without ``AutoSeed``.
    """

    def __init__(self, last_resets: Callable[[Sequence[int]], Sequence[LastReset | None]] | None) -> None:
        self._last_resets = last_resets
        self.is_blind = last_resets is None
        """Whether it knows no more than the trainer says."""
        self._n_resets: dict[int, int] = {}

    def begun(self, places: Sequence[int], seeds: Sequence[int | None] | None = None) -> list[Beginning] | None:
        """Episodes begin at these places; None where nothing is known of any of them.

        Args:
            seeds: of each of them, that the trainer gave; None where nobody knows.
        """
        if self._last_resets is None:
            return None if seeds is None else [Beginning(seed) for seed in seeds]
        found = [Beginning(seed) for seed in seeds or [None] * len(places)]
        for index, (place, last) in enumerate(zip(places, self._last_resets(places), strict=True)):
            if last is not None:
                is_within = self._n_resets.get(place) == last.n_resets
                found[index] = Beginning(None if is_within else last.seed, is_within_game=is_within)
                self._n_resets[place] = last.n_resets
        return found


def watch_one(env: Any) -> ResetWatch:
    """Of one environment."""
    found = autoseed_of(env)
    return ResetWatch(None if found is None else _Lanes([found]))


def watch_lanes(env: VectorEnv[Any, Any, Any]) -> ResetWatch:
    """Of the lanes of a vector environment."""
    inner = env.unwrapped
    if isinstance(inner, SyncVectorEnv):
        return watch_all(inner.envs)
    # A lane in another process is asked for what it certainly has: it dies of any other question.
    if isinstance(inner, AsyncVectorEnv) and tell_of_autoseed(inner.call("__str__")):
        return ResetWatch(_RemoteLanes(inner))
    return ResetWatch(None)


def watch_all(envs: Sequence[Any]) -> ResetWatch:
    """Of environments in this process."""
    found = [autoseed_of(env) for env in envs]
    return ResetWatch(_Lanes(found) if any(found) else None)


def autoseed_of(env: Any) -> AutoSeed[Any, Any] | None:
    """The ``AutoSeed`` in the wrappers of an environment; None where there is none."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, AutoSeed):
            return env
        env = env.env
    return None


def tell_of_autoseed(texts: Sequence[str]) -> bool:
    """Whether environments, by what they print, all have ``AutoSeed`` in their wrappers."""
    return all(f"<{AutoSeed.__name__}<" in text for text in texts)


class _Lanes:
    """An object, because a copy of the environment tells of the copy."""

    def __init__(self, seeded: Sequence[AutoSeed[Any, Any] | None]) -> None:
        self._seeded = seeded

    def __call__(self, places: Sequence[int]) -> Sequence[LastReset | None]:
        found = [self._seeded[place] for place in places]
        return [None if env is None else env.last_reset for env in found]


class _RemoteLanes:
    def __init__(self, env: AsyncVectorEnv) -> None:
        self._env = env

    def __call__(self, places: Sequence[int]) -> Sequence[LastReset | None]:
        told = self._env.call("last_reset")
        return [told[place] for place in places]
