"""What an environment is, in words that JSON holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from recorder.step_stream import pack_body

__all__ = ["describe_environment", "description_of", "name_in"]

_OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
"""Arguments of ``make_vec`` that its spec has among those of the environment."""

_SPACES = ("observation_space", "action_space", "single_observation_space", "single_action_space")


def describe_environment(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """What is needed to make an environment again, for ``EpisodeRecorder(config=…)``.

    Returns:
        ``env_id`` (that of the spec, or the name of the class; where a vector environment has none, of the first one in it),
        ``gymnasium`` (its version), the spaces as text, and ``env_spec`` as ``EnvSpec.to_json`` writes it, of one environment of
        a vector; that is left out where the environment has none, or one with parts that JSON can't hold.
    """
    spaces = {name: getattr(env, name) for name in _SPACES if hasattr(env, name)}
    return description_of(*_origin(env), spaces)


def description_of(spec: EnvSpec | None, class_name: str, spaces: Mapping[str, Space[Any]]) -> dict[str, Any]:
    """The same from its parts."""
    description = {
        "env_id": class_name if spec is None else spec.id,
        "gymnasium": gymnasium.__version__,
        **{name: str(space) for name, space in spaces.items()},
    }
    if spec is not None:
        lane_spec = copy(spec)
        try:
            lane_spec.kwargs = {name: value for name, value in spec.kwargs.items() if name not in _OF_VECTORS}
            lane_spec.entry_point = _named(spec.entry_point)
            lane_spec.vector_entry_point = _named(spec.vector_entry_point)
            description["env_spec"] = _held_exactly(lane_spec.to_json())
        except Exception:  # noqa: BLE001 - a function among its arguments, or an object that can't be copied
            pass
    return description


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


def name_in(text: str) -> str:
    """The id of an environment, or its class where it has none, at the heart of what it prints with its wrappers.

    Source: Gymnasium, ``Env.__str__`` and ``Wrapper.__str__``: ``<TimeLimit<CartPoleEnv<CartPole-v1>>>``.
    """
    return text.strip("<>").split("<")[-1].removesuffix(" instance")


def _origin(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> tuple[EnvSpec | None, str]:
    """The spec, where there is one, and the name of the class."""
    inner = env.unwrapped
    if env.spec is None:
        try:
            if isinstance(inner, SyncVectorEnv):
                return inner.envs[0].spec, type(inner.envs[0].unwrapped).__name__
            if isinstance(inner, AsyncVectorEnv):
                return None, name_in(inner.call("__str__")[0])  # a spec may hold objects that can't be sent
        except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked
            pass
    return env.spec, type(inner).__name__
