"""What an environment is, in words that JSON holds."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

__all__ = ["describe_environment", "environment_id"]

AnyEnv = gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]


def describe_environment(env: AnyEnv) -> dict[str, Any]:
    """What is needed to make an environment again, for ``EpisodeRecorder(config=…)``.

    Returns:
        ``env_id``, ``gymnasium`` (its version), the spaces as text, and ``env_spec`` as ``EnvSpec.to_json`` writes it; that is
        left out where the environment has none, or one with parts that JSON can't hold.
    """
    spaces = {
        name: str(getattr(env, name))
        for name in ("observation_space", "action_space", "single_observation_space", "single_action_space")
        if hasattr(env, name)
    }
    description = {"env_id": environment_id(env), "gymnasium": gymnasium.__version__, **spaces}
    if env.spec is not None:
        try:
            description["env_spec"] = json.loads(env.spec.to_json())
        except (TypeError, ValueError):  # a function among its arguments
            pass
    return description


def environment_id(env: AnyEnv) -> str:
    """The id that the environment was made by, or the name of its class."""
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
