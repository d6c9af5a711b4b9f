"""What the actions and the numbers of an observation are called, as far as an environment says so."""

from __future__ import annotations

from enum import EnumMeta
from typing import Any

from gymnasium import spaces

__all__ = ["action_names_of", "observation_names_of", "team_action_names_of"]

_ACTIONS = {
    "AcrobotEnv": ("torque -1", "no torque", "torque +1"),
    "BlackjackEnv": ("stick", "hit"),
    **dict.fromkeys(("CartPoleEnv", "CartPoleVectorEnv"), ("push left", "push right")),
    "CliffWalkingEnv": ("up", "right", "down", "left"),
    "FrozenLakeEnv": ("left", "down", "right", "up"),
    "LunarLander": ("nothing", "left engine", "main engine", "right engine"),
    "MountainCarEnv": ("push left", "nothing", "push right"),
    "TaxiEnv": ("south", "north", "east", "west", "pick up", "drop off"),
}
"""Of Gymnasium's environments with a few actions, by class. Source: the page of each in its documentation."""

_PARTICLE_ACTIONS = ("nothing", "left", "right", "down", "up")
_TEAM_ACTIONS = {
    "cooperative_pong": ("nothing", "up", "down"),
    "knights_archers_zombies": ("forward", "backward", "turn left", "turn right", "attack", "nothing"),
    "rps": ("rock", "paper", "scissors"),
    **dict.fromkeys(
        ("collect_treasure", "simple", "simple_adversary", "simple_formation", "simple_line", "simple_push"),
        _PARTICLE_ACTIONS,
    ),
    **dict.fromkeys(("simple_speaker_listener", "simple_spread", "simple_tag", "simple_world_comm"), _PARTICLE_ACTIONS),
}
"""Of PettingZoo's and MPE2's environments, by name without its version. Source: ``step`` of each.

Those who speak in MPE2's environments have other actions, and as many as there are words.
"""

_OBSERVATIONS = {
    "AcrobotEnv": ("cos 1", "sin 1", "cos 2", "sin 2", "velocity 1", "velocity 2"),
    **dict.fromkeys(("CartPoleEnv", "CartPoleVectorEnv"), ("position", "velocity", "angle", "angular velocity")),
    "LunarLander": ("x", "y", "x velocity", "y velocity", "angle", "angular velocity", "left leg", "right leg"),
    "MountainCarEnv": ("position", "velocity"),
    "Continuous_MountainCarEnv": ("position", "velocity"),
    "PendulumEnv": ("cos", "sin", "angular velocity"),
}


def action_names_of(env: Any) -> list[str]:
    """The names of the actions of a discrete space, by index; none when nobody knows them.

    The environment's own come first: ``get_action_meanings()`` (Atari), an enumeration named ``actions`` (MiniGrid), or the
    set of actions of Atari's emulator, which has many lanes.
    """
    space, inner = getattr(env, "single_action_space", env.action_space), env.unwrapped
    if not isinstance(space, spaces.Discrete):
        return []
    known = _own_names(inner) or _by_class(_ACTIONS, inner)
    return known if len(known) == space.n else []


def team_action_names_of(env: Any, name: str) -> list[str] | dict[Any, list[str]]:
    """The same of an environment of PettingZoo; by agent where only some have these actions.

    Args:
        name: of the environment, such as ``simple_spread_v3``.
    """
    agents = getattr(env, "possible_agents", None) or env.agents
    base, _, version = name.rpartition("_v")
    known = _own_names(env.unwrapped) or list(_TEAM_ACTIONS.get(base if version.isdigit() else name, ()))
    named = [agent for agent in agents if getattr(env.action_space(agent), "n", None) == len(known)]
    return known if len(named) == len(agents) else dict.fromkeys(named, known)


def observation_names_of(env: Any) -> list[str]:
    """The names of the numbers of a flat observation; none when nobody knows them.

    Those of MuJoCo are made of its joints: positions, then velocities.
    """
    space, inner = getattr(env, "single_observation_space", env.observation_space), env.unwrapped
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        return []
    known = _by_class(_OBSERVATIONS, inner)
    if not known and hasattr(inner, "model") and hasattr(inner, "observation_structure"):
        known = _of_mujoco(inner)
    return known if len(known) == space.shape[0] else []


def _own_names(inner: Any) -> list[str]:
    if callable(told := getattr(inner, "get_action_meanings", None)):
        return [str(name).lower() for name in told()]
    listed = getattr(inner, "actions", None)
    if isinstance(listed, EnumMeta):
        members: list[Any] = sorted(listed, key=_value_of)
        return [str(one.name).replace("_", " ") for one in members]
    if callable(known := getattr(getattr(inner, "ale", None), "get_action_set", None)):
        return [str(one.name).lower() for one in known()]
    return []


def _value_of(one: Any) -> Any:
    return one.value


def _by_class(table: dict[str, tuple[str, ...]], inner: Any) -> list[str]:
    """By the class of the environment, or one that it derives from."""
    return next((list(table[kind.__name__]) for kind in type(inner).__mro__ if kind.__name__ in table), [])


def _of_mujoco(inner: Any) -> list[str]:
    """Positions and velocities of the joints, in the order of ``qpos`` and ``qvel``; further sensors have no names.

    Source: Gymnasium, ``observation_structure`` of its MuJoCo environments: ``skipped_qpos``, ``qpos``, ``qvel`` and others.
    """
    model, structure = inner.model, inner.observation_structure
    positions, velocities = [], []
    for index in range(model.njnt):
        name = model.joint(index).name or f"joint {index}"
        free, ball = model.jnt_type[index] == 0, model.jnt_type[index] == 1
        own_positions = ["x", "y", "z", "qw", "qx", "qy", "qz"] if free else ["qw", "qx", "qy", "qz"] if ball else [""]
        own_velocities = ["vx", "vy", "vz", "wx", "wy", "wz"] if free else ["wx", "wy", "wz"] if ball else [""]
        positions += [f"{name} {part}".strip() for part in own_positions]
        velocities += [f"{name} {part or 'velocity'}".strip() for part in own_velocities]
    names = positions[int(structure.get("skipped_qpos", 0)) :] + velocities
    n_others = sum(int(n) for key, n in structure.items() if key not in ("skipped_qpos", "qpos", "qvel"))
    return names + [f"sensor {index}" for index in range(n_others)]
