"""A step of an episode.

Alignment of step ``t``, defined here only:

* ``position``, ``meters``, ``time_of_day``, ``interaction_progress`` are the state *after* its action;
* ``reward``, ``intrinsic_reward``, ``done``, ``terminated``, ``truncated`` are the result of that action;
* ``q_values``, ``action_masks``, ``epsilon`` are what the action was *chosen from*.

``done`` is ``terminated or truncated``, as the environment reported them. An *episode* with the status ``truncated`` is
different: its recording stopped before the episode ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RecordedStep"]


@dataclass(slots=True)
class RecordedStep:
    """A step of an episode; the module's docstring defines the alignment.

    Args:
        step: number of the step in its episode, from 0.
        position: any number of coordinates, also none.
        meters: any number of meters; the metadata has their names.
        action: index of a discrete action, or components of a continuous one.
        done: ``terminated or truncated``.
        time_of_day: the environment's clock, if it has one.
        interaction_progress: progress of a multi-step interaction, 0 to 1.
        terminated, truncated: None if the trainer gave only ``done``.
        action_masks: allowed actions.
        extras: further named scalars or arrays.
    """

    step: int
    position: tuple[float, ...]
    meters: tuple[float, ...]
    action: int | tuple[float, ...]
    reward: float
    intrinsic_reward: float = 0.0
    done: bool = False
    q_values: tuple[float, ...] | None = None
    time_of_day: int | None = None
    interaction_progress: float | None = None
    terminated: bool | None = None
    truncated: bool | None = None
    epsilon: float | None = None
    action_masks: tuple[bool, ...] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
