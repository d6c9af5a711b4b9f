"""What an environment is, in words that JSON holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from gymnasium.vector import VectorEnv

__all__ = ["describe_environment", "description_of"]

_SPACES = ("observation_space", "action_space", "single_observation_space", "single_action_space")


def describe_environment(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """What is needed to make an environment again, for ``EpisodeRecorder(config=…)``.

    Returns:
        ``env_id`` (that of the spec, or the name of the class), ``gymnasium`` (its version), the spaces as text, and
        ``env_spec`` as ``EnvSpec.to_json`` writes it; that is left out where the environment has none, or one with parts that
        JSON can't hold.
    """
    spaces = {name: getattr(env, name) for name in _SPACES if hasattr(env, name)}
    return description_of(env.spec, type(env.unwrapped).__name__, spaces)


def description_of(spec: EnvSpec | None, class_name: str, spaces: Mapping[str, Space[Any]]) -> dict[str, Any]:
    """The same from its parts."""
    description = {
        "env_id": class_name if spec is None else spec.id,
        "gymnasium": gymnasium.__version__,
        **{name: str(space) for name, space in spaces.items()},
    }
    if spec is not None:
        try:
            description["env_spec"] = json.loads(spec.to_json())
        except (TypeError, ValueError):  # a function among its arguments
            pass
    return description
