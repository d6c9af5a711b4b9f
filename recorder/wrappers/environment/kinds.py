"""Which wrapper an environment is for: each refuses the others' at once, and names what to use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from recorder.errors import UsageError

__all__ = ["FirstLook", "chain_of", "check_single", "check_vector", "instead_of_single", "instead_of_vector"]

_SEVERAL_AGENTS = (
    "it has several agents, whose rewards and flags are maps: wrap those of PettingZoo with "
    "recorder.wrappers.pettingzoo.RecordEpisode, and record others with EpisodeRecorder.record_agents, as docs/agents.md shows"
)
_VECTOR = "it steps many environments at once: wrap it with recorder.wrappers.vector.RecordEpisode"
_SINGLE = "it is one environment: wrap it with recorder.wrappers.RecordEpisode"
_SB3 = "it is a vector of Stable-Baselines3: give recorder.wrappers.sb3.RecorderCallback to learn()"

_NOT_ONE_REWARD = (
    "its reward is {}, expected {}: where each objective has a reward, wrap it with one that makes one number of them, as "
    "LinearReward of MO-Gymnasium does"
)

_SEVERAL_AGENTS_HAVE = ("possible_agents", "agent_iter", "get_agent_ids")
"""What PettingZoo's environments and RLlib's of several agents have, and no environment of one."""


class FirstLook:
    """At what the first step of an environment shows: one of another kind is refused, once.

    Args:
        instead_of: ``instead_of_single`` or ``instead_of_vector``.
    """

    def __init__(self, instead_of: Callable[..., str | None]) -> None:
        self._instead_of = instead_of
        self._is_refused = False
        self.is_due = True
        """Until a step has shown that the environment can be recorded."""

    def passes(self, *shown: Any) -> bool:
        """Whether it can.

        Raises:
            UsageError: it can't; from the first such step.
        """
        if self._is_refused:
            return False
        if (instead := self._instead_of(*shown)) is not None:
            self._is_refused = True
            raise UsageError(f"nothing of this environment is recorded: {instead}")
        self.is_due = False
        return True


def check_single(env: object) -> None:
    """An environment for the single wrapper.

    Raises:
        UsageError: it is of another kind; the message names the wrapper for it.
    """
    if _has_several_agents(env):
        raise _refused(env, _SEVERAL_AGENTS)
    if isinstance(env, VectorEnv):
        raise _refused(env, _VECTOR)
    if not isinstance(env, gymnasium.Env):
        raise _not_gymnasium(env)


def check_vector(env: object) -> None:
    """The same for the wrapper of vector environments."""
    if _has_several_agents(env):
        raise _refused(env, _SEVERAL_AGENTS)
    if isinstance(env, VectorEnv):  # those of envpool are of both kinds
        return
    raise _refused(env, _SINGLE) if isinstance(env, gymnasium.Env) else _not_gymnasium(env)


def chain_of(env: Any) -> list[Any]:
    """An environment and all those below it."""
    chain = [env]
    while isinstance(chain[-1], gymnasium.Wrapper):
        chain.append(chain[-1].env)
    return chain


def _has_several_agents(env: object) -> bool:
    """Whether an environment, or the innermost one in its wrappers, is one of several agents by what it has."""
    inner = getattr(env, "unwrapped", env)
    return any(_has(it, name) for it in (env, inner) for name in _SEVERAL_AGENTS_HAVE)


def _has(env: object, name: str) -> bool:
    try:
        return hasattr(env, name)
    except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked
        return False


def _not_gymnasium(env: object) -> UsageError:
    # Its class is enough: that library need not be installed, and is not imported here.
    if any(it.__module__.startswith("stable_baselines3.") for it in type(env).__mro__):
        return _refused(env, _SB3)
    return _refused(
        env, "it is no environment of Gymnasium: make one with gymnasium.make, or derive it from gymnasium.Env"
    )


def _refused(env: object, why: str) -> UsageError:
    return UsageError(f"{type(getattr(env, 'unwrapped', env)).__name__} can't be recorded here: {why}")


def instead_of_single(reward: Any, terminated: Any, truncated: Any) -> str | None:
    """What to use instead when a step returns rewards and flags of several agents or environments; None for those of one."""
    if any(isinstance(value, Mapping) for value in (reward, terminated, truncated)):
        return _SEVERAL_AGENTS
    if any(_n_values(value) > 1 for value in (terminated, truncated)):
        return _VECTOR
    return None if _n_values(reward) == 1 else _NOT_ONE_REWARD.format(_shown(reward), "one number")


def instead_of_vector(rewards: Any, n_lanes: int) -> str | None:
    """The same for a call of a vector environment, which returns a reward for each lane."""
    if isinstance(rewards, Mapping):
        return _SEVERAL_AGENTS
    return None if _n_values(rewards) == n_lanes else _NOT_ONE_REWARD.format(_shown(rewards), f"{n_lanes} numbers")


def _n_values(value: Any) -> int:
    """Numbers in a value, of whatever library; 0 where it is none, -1 in lists of different lengths."""
    if value is None or isinstance(value, str | bytes):
        return 0
    shape = getattr(value, "shape", None)
    if shape is not None:
        return math.prod(shape)
    try:
        return int(np.size(value))
    except ValueError:
        return -1


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}{'' if shape is None else list(shape)} {' '.join(repr(value).split()):.60}"
