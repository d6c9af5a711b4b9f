"""What a vector environment of Stable-Baselines3 tells of its lanes: its name, its resets, and what its episodes returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecEnvWrapper

from recorder.wrappers.environment.autoseed import LastReset, ResetWatch, tell_of_autoseed, watch_all
from recorder.wrappers.environment.description import description_of, name_in, printed, told_by_one, wrapper_names
from recorder.wrappers.reproduction import is_reenacted

__all__ = ["are_reenacted", "counted_return", "describe_lanes", "lanes_here", "watch_resets"]


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


def describe_lanes(env: VecEnv) -> dict[str, Any]:
    """What the environments are, as ``describe_environment`` says it; of those in other processes an id or a class, and wrappers.

    Another process is asked for a text alone: one that is asked for a spec dies of it when a function is among the
    arguments of a wrapper, because that can't be sent.
    """
    inner = env.unwrapped
    spec, class_name, one, text = None, type(inner).__name__, None, ""
    try:
        if isinstance(inner, DummyVecEnv):
            one = inner.envs[0]
            spec, class_name, text = one.spec, type(one.unwrapped).__name__, printed(one)
        elif isinstance(inner, SubprocVecEnv):
            (text,) = inner.env_method("__str__", indices=0)
            class_name = name_in(text)
    except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked: training goes on without a name
        pass
    spaces = {"single_observation_space": env.observation_space, "single_action_space": env.action_space}
    around = [*_vector_wrappers(env), *wrapper_names(text)]
    return {**description_of(spec, class_name, spaces), **told_by_one(one, around)}


def _vector_wrappers(env: VecEnv) -> list[str]:
    """The classes of the wrappers around a vector environment, the outermost first."""
    names = []
    while isinstance(env, VecEnvWrapper):
        names.append(type(env).__name__)
        env = env.venv
    return names
