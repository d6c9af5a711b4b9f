"""What an environment is, in words that JSON holds. Whatever an environment raises when it is asked, nothing here raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any, TypeVar

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from recorder.step_stream import pack_body
from recorder.wrappers.environment.gymnasium_versions import AnyVectorWrapper
from recorder.wrappers.environment.names import action_names_of, observation_names_of

__all__ = [
    "changing_wrappers",
    "describe_environment",
    "description_of",
    "name_in",
    "printed",
    "told_by_one",
    "wrapper_names",
]

T = TypeVar("T")

_OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
"""Arguments of ``make_vec`` that its spec has among those of the environment."""

_SPACES = ("observation_space", "action_space", "single_observation_space", "single_action_space")

_CHANGES_NOTHING = frozenset(
    (
        "AutoSeed",
        "Autoreset",
        "Monitor",
        "OrderEnforcing",
        "PassiveEnvChecker",
        "RecordEpisode",
        "RecordEpisodeStatistics",
        "RecordVideo",
        "TimeLimit",
        "VecCheckNan",
        "VecMonitor",
    )
)
"""Wrappers with which an environment earns and shows what it does without; the time limit stands in the spec."""


def describe_environment(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """What is needed to make an environment again, for ``EpisodeRecorder(config=…)``.

    Returns:
        ``env_id`` (that of the spec, or the name of the class; where a vector environment has none, of the first one in it),
        ``gymnasium`` (its version), the spaces as text, ``wrappers`` (names of classes, the outermost first), ``action_names``
        and ``observation_names`` where the environment names them, and ``env_spec`` as ``EnvSpec.to_json`` writes it, of one
        environment of a vector; that is left out where the environment has none, or one with parts that JSON can't hold.
    """
    spaces = {}
    for name in _SPACES:
        if (space := _asked(partial(getattr, env, name), None)) is not None:
            spaces[name] = space
    one, text = _asked(partial(_one_of, env), (None, ""))
    spec = _asked(partial(getattr, env, "spec"), None) or _asked(partial(getattr, one, "spec"), None)
    class_name = type(_asked(partial(getattr, env, "unwrapped"), env)).__name__
    if spec is None:
        class_name = name_in(text) if text else class_name
    return {
        **description_of(spec, class_name, spaces),
        **told_by_one(one, [*_vector_wrappers(env), *wrapper_names(text)]),
    }


def told_by_one(one: Any, wrappers: Sequence[str]) -> dict[str, Any]:
    """What an environment, one of a vector for example, tells of itself, and what stands around it.

    Args:
        one: None where it is in another process.
        wrappers: names of the classes around it, the outermost first.
    """
    told = {
        "wrappers": list(wrappers),
        "action_names": _asked(partial(action_names_of, one), []),
        "observation_names": _asked(partial(observation_names_of, one), []),
    }
    return {name: value for name, value in told.items() if value}


def description_of(spec: EnvSpec | None, class_name: str, spaces: Mapping[str, Space[Any]]) -> dict[str, Any]:
    """The same from its parts."""
    env_id = _asked(partial(getattr, spec, "id"), None) if spec is not None else None
    description = {
        "env_id": env_id if isinstance(env_id, str) else class_name,
        "gymnasium": gymnasium.__version__,
        **{name: text for name, space in spaces.items() if (text := _asked(partial(str, space), ""))},
    }
    if isinstance(spec, EnvSpec) and (held := _asked(partial(_held_spec, spec), None)) is not None:
        description["env_spec"] = held
    return description


def name_in(text: str) -> str:
    """The id of an environment, or its class where it has none, at the heart of what it prints with its wrappers.

    Source: Gymnasium, ``Env.__str__`` and ``Wrapper.__str__``: ``<TimeLimit<CartPoleEnv<CartPole-v1>>>``.
    """
    return text.strip("<>").split("<")[-1].removesuffix(" instance")


def wrapper_names(text: str) -> list[str]:
    """The classes of the wrappers in what an environment prints, the outermost first."""
    parts = text.strip("<>").split("<")
    return [name for name in parts[: -1 if parts[-1].endswith(" instance") else -2] if name.isidentifier()]


def changing_wrappers(config: Mapping[str, Any]) -> list[str]:
    """The wrappers of a described environment that may change what it earns, shows or takes; nothing makes them again."""
    names = config.get("wrappers")
    if not isinstance(names, Sequence) or isinstance(names, str):
        return []
    return [name for name in map(str, names) if name not in _CHANGES_NOTHING]


def _one_of(env: Any) -> tuple[Any, str]:
    """One environment of a vector, or None where it is in another process; else the environment itself, which may be a vector
    without others in it; and what it prints."""
    inner = env.unwrapped
    if isinstance(inner, SyncVectorEnv):
        return inner.envs[0], printed(inner.envs[0])
    if isinstance(inner, AsyncVectorEnv):
        return None, inner.call("__str__")[0]  # a spec may hold objects that can't be sent
    return env, "" if isinstance(inner, VectorEnv) else printed(env)


def printed(env: Any) -> str:
    """What Gymnasium prints of an environment, whatever its classes do."""
    chain = ""
    while isinstance(env, gymnasium.Wrapper):
        chain += f"<{type(env).__name__}"
        env = env.env
    return f"{chain}<{type(env).__name__} instance>"


def _vector_wrappers(env: Any) -> list[str]:
    """The classes of the wrappers around a vector environment, the outermost first."""
    names = []
    while isinstance(env, AnyVectorWrapper):
        names.append(type(env).__name__)
        env = env.env
    return names


def _held_spec(spec: EnvSpec) -> Any:
    """The spec of one environment of a vector, as a map of JSON."""
    lane_spec = copy(spec)
    lane_spec.kwargs = {name: value for name, value in spec.kwargs.items() if name not in _OF_VECTORS}
    lane_spec.entry_point = _named(spec.entry_point)
    lane_spec.vector_entry_point = _named(spec.vector_entry_point)
    return _held_exactly(lane_spec.to_json())


def _held_exactly(spec: str) -> Any:
    """A spec in JSON as a map; as text where it has numbers beyond 64 bits, a seed perhaps, which no map of ours holds."""
    read = json.loads(spec)
    try:
        pack_body(read)
    except (OverflowError, ValueError):
        return spec
    return read


def _named(entry_point: Any) -> str | None:
    """What is called to make an environment, by its name, as ``EnvSpec`` has it."""
    return f"{entry_point.__module__}:{entry_point.__qualname__}" if callable(entry_point) else entry_point


def _asked(question: Callable[[], T], otherwise: Any) -> T:
    """What an environment answers; ``otherwise`` when it raises, whatever that is."""
    try:
        return question()
    except Exception:  # noqa: BLE001 - training goes on without a name
        instead: T = otherwise
        return instead
