"""What a vector environment of Stable-Baselines3 tells of its lanes: its name, its resets, and what its episodes returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium.envs.registration import EnvSpec
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from recorder.wrappers.autoseed import LastReset, ResetWatch, tell_of_autoseed, watch_all
from recorder.wrappers.description import name_in
from recorder.wrappers.reproduction import is_reenacted

__all__ = ["are_reenacted", "counted_return", "lanes_here", "origin", "watch_resets"]


def counted_return(counted: Mapping[str, Any]) -> dict[str, float]:
    """What a ``Monitor`` counted of an episode that has ended."""
    return {"total_reward": float(counted["r"])} if "r" in counted else {}


def watch_resets(env: VecEnv) -> ResetWatch:
    """Of what the lanes are reset with."""
    inner = env.unwrapped
    if isinstance(inner, DummyVecEnv):
        return watch_all(inner.envs)
    if isinstance(inner, SubprocVecEnv) and tell_of_autoseed(inner.env_method("__str__")):

        def last_resets(places: Sequence[int]) -> Sequence[LastReset]:
            return inner.get_attr("last_reset", indices=places)

        return ResetWatch(last_resets)
    return ResetWatch(None)


def lanes_here(env: VecEnv) -> Sequence[Any] | None:
    """The environments of the lanes; None if they are in other processes."""
    return env.unwrapped.envs if isinstance(env.unwrapped, DummyVecEnv) else None


def are_reenacted(env: VecEnv) -> bool:
    """Whether any episode of the environments can be played again from its seed."""
    return isinstance(env.unwrapped, DummyVecEnv) and is_reenacted(env.unwrapped.envs[0])


def origin(env: VecEnv) -> tuple[EnvSpec | None, str]:
    """The spec of the environments, where it can be had, and the id or class that is all there is to tell without it.

    Another process is asked for a text alone: one that is asked for a spec dies of it when a function is among the
    arguments of a wrapper, because that can't be sent.
    """
    inner = env.unwrapped
    try:
        if isinstance(inner, DummyVecEnv):
            return inner.envs[0].spec, type(inner.envs[0].unwrapped).__name__
        if isinstance(inner, SubprocVecEnv):
            (text,) = inner.env_method("__str__", indices=0)
            return None, name_in(text)
    except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked: training goes on without a name
        pass
    return None, type(inner).__name__
