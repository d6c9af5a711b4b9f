"""What a vector environment of Stable-Baselines3 tells of its lanes: its name, its resets, and how episodes ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium.envs.registration import EnvSpec
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from recorder.wrappers.autoseed import LastReset, ResetWatch, tell_of_autoseed, watch_all
from recorder.wrappers.description import name_in

__all__ = ["counted_return", "late_among", "origin", "watch_resets"]


def late_among(ended: Sequence[int], infos: Sequence[Any]) -> list[int]:
    """The places whose episodes were truncated, of those that have ended."""
    return [place for place in ended if infos[place].get("TimeLimit.truncated", False)]


def counted_return(info: Mapping[str, Any]) -> dict[str, float]:
    """What a ``Monitor`` counted of an episode that has ended."""
    counted = info.get("episode")
    return {"total_reward": float(counted["r"])} if counted and "r" in counted else {}


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
