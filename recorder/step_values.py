"""Steps as plain Python values, several at a time, by column: for whoever shows, sends or prints single steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError, UnknownColumnError
from recorder.schema import EXTRAS_PREFIX

__all__ = ["step_maps", "values_of"]

_LISTS = frozenset(["position", "meters", "q_values", "action_masks"])
"""Fields that are lists even where they hold a single number."""

_ALWAYS = (
    "position",
    "meters",
    "action",
    "reward",
    "intrinsic_reward",
    "done",
    "q_values",
    "time_of_day",
    "interaction_progress",
)
"""Fields that every step's map has, None where the step has none."""

_DEFAULTS = {"position": [], "meters": [], "action": 0, "reward": 0.0, "intrinsic_reward": 0.0, "done": False}


def values_of(episode: Episode, name: str, start: int, stop: int) -> list[Any]:
    """The values of one column for the steps ``start <= index < stop``: numbers or nested lists, None where a step has none."""
    if name not in episode.names:
        return [None] * (stop - start)
    try:
        column = episode.column(name)[start:stop]
        present = episode.present(name)[start:stop]
    except UnknownColumnError:
        return [None] * (stop - start)
    except ShapeChangedError:
        return [_value_of(episode, name, index) for index in range(start, stop)]
    if name in _LISTS and column.ndim == 1:
        column = column[:, np.newaxis]
    values: list[Any] = column.tolist()
    if present.all():
        return values
    return [value if here else None for value, here in zip(values, present.tolist(), strict=True)]


def step_maps(episode: Episode, start: int, stop: int) -> list[dict[str, Any]]:
    """The steps ``start <= index < stop`` in the form that they have in a version 1 file.

    The seed's ten fields are always there; the others, and ``extras``, where a step has them.
    """
    maps: list[dict[str, Any]] = [{"step": int(number)} for number in episode.step_numbers[start:stop]]
    for name in dict.fromkeys((*_ALWAYS, *episode.names)):
        values = values_of(episode, name, start, stop)
        for step, value in zip(maps, values, strict=True):
            if name.startswith(EXTRAS_PREFIX):
                if value is not None:
                    step.setdefault("extras", {})[name.removeprefix(EXTRAS_PREFIX)] = value
            elif name in _ALWAYS:
                step[name] = _DEFAULTS.get(name) if value is None else value
            elif value is not None:
                step[name] = value
    return maps


def _value_of(episode: Episode, name: str, index: int) -> Any:
    step = episode.step(index)
    value = step.extras.get(name.removeprefix(EXTRAS_PREFIX)) if name.startswith(EXTRAS_PREFIX) else getattr(step, name)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
