"""What a trainer adds to a step by name, put in its places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from recorder.schema import STEP_FIELDS

__all__ = ["Given", "sorted_values"]

_STEP_FIELDS = frozenset(STEP_FIELDS) - {"action", "reward", "done", "terminated", "truncated"}
"""What a function of the user's may add to a step: all but what the environment itself tells."""


class Given(NamedTuple):
    """What the trainer adds to a step, by its place there."""

    fields: dict[str, Any]
    """Arguments of ``record_step``."""
    extras: dict[str, Any]
    stage: Any
    """Of the curriculum; None when it is not told."""


def sorted_values(values: Mapping[str, Any]) -> Given:
    """Put named values in their places: ``stage``, the fields of a step, and extras for all other names; None is no value."""
    fields, extras, stage = {}, {}, None
    for name, value in values.items():
        if value is None:
            continue
        if name == "stage":
            stage = value
        elif name in _STEP_FIELDS:
            fields[name] = value
        else:
            extras[name] = value
    return Given(fields, extras, stage)
