"""One step of a chunk, as Python's numbers."""

from __future__ import annotations

from typing import Any

from recorder.chunk import Chunk
from recorder.recorded_step import RecordedStep
from recorder.schema import EXTRAS_PREFIX, STEP_COLUMNS

__all__ = ["step_of"]

_STEP_COLUMNS = frozenset(STEP_COLUMNS)
_TUPLES = frozenset(["position", "meters", "q_values", "action_masks"])
"""Fields that are tuples even with a single number."""


def step_of(chunk: Chunk, row: int) -> RecordedStep:
    """The step; position and meters are empty without a value, action and reward 0."""
    values: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    for name in chunk.names:
        value = chunk.value(name, row)
        if value is None:
            continue
        if name in _STEP_COLUMNS:
            values[name] = _python_value(name, value)
        else:
            extras[name.removeprefix(EXTRAS_PREFIX)] = value
    values = {"position": (), "meters": (), "action": 0, "reward": 0.0, **values}
    return RecordedStep(step=chunk.first_step + row, extras=extras, **values)


def _python_value(name: str, value: Any) -> Any:
    plain = value.tolist()
    if name in _TUPLES:
        return tuple(plain) if isinstance(plain, list) else (plain,)
    return tuple(plain) if isinstance(plain, list) else plain
