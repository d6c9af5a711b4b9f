"""The columns of many agents: their names, and those of one agent under the names of an episode of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.info import AgentInfo
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = [
    "PRESENT",
    "ROSTER",
    "agent_column",
    "agent_columns",
    "agent_text_column",
    "parse_agent_column",
    "parse_agent_text_column",
    "presence",
]

_PREFIX = f"{EXTRAS_PREFIX}agents."

PRESENT = "present"
"""The field of a group that says which of its agents take part in a step: ``bool[n_slots]``."""

ROSTER = f"{_PREFIX}roster"
"""A text column: JSON, a list of ``[agent_id, team, group, slot]``. It stands where agents appear, and now and then."""

_TEXT_COLUMN = re.compile(re.escape(_PREFIX) + r"texts\.([0-9]{1,9})\.([0-9]{1,9})\.(.+)", re.DOTALL)
_COLUMN = re.compile(re.escape(_PREFIX) + r"([0-9]{1,9})\.(.+)", re.DOTALL)


def agent_column(group: int, field: str) -> str:
    """The name of a group's column.

    Args:
        field: one of ``STEP_FIELDS``, ``extras.<name>``, or ``PRESENT``.
    """
    return f"{_PREFIX}{group}.{field}"


def parse_agent_column(name: str) -> tuple[int, str] | None:
    """Group and field of a column; None for one that belongs to the episode."""
    if not name.startswith(_PREFIX):  # as most, at half of the time of a match
        return None
    found = _COLUMN.fullmatch(name)
    if found is None:
        return None
    group, field = found.groups()
    is_known = field in STEP_FIELDS or field == PRESENT or field.startswith(EXTRAS_PREFIX)
    return (int(group), field) if is_known else None


def agent_text_column(group: int, slot: int, name: str) -> str:
    """The name of the text column of one agent.

    Args:
        name: of the extra.
    """
    return f"{_PREFIX}texts.{group}.{slot}.{name}"


def parse_agent_text_column(name: str) -> tuple[int, int, str] | None:
    """Group, slot and extra of a text column; None for any other."""
    found = _TEXT_COLUMN.fullmatch(name)
    return None if found is None else (int(found[1]), int(found[2]), found[3])


def presence(columns: Mapping[str, NDArray[Any]], info: AgentInfo) -> NDArray[np.bool_]:
    """``bool[n_steps]``: the steps in which an agent is present.

    Args:
        columns: by name, such as ``Episode.columns()``; without the group's, the agent is nowhere present.
    """
    values = columns.get(agent_column(info.group, PRESENT))
    if values is not None and values.ndim == 2 and info.slot < values.shape[1]:
        return np.asarray(values[:, info.slot], np.bool_)
    return np.zeros(max(map(len, columns.values()), default=0), np.bool_)


def agent_columns(columns: Mapping[str, NDArray[Any]], info: AgentInfo) -> dict[str, NDArray[Any]]:
    """The columns of one agent under the names of an episode of one agent, such as ``position`` and ``extras.speed``.

    Steps in which the agent is absent hold zeros, or empty texts; ``presence`` tells which these are.

    Args:
        columns: by name, such as ``Episode.columns()``; those of other groups, and the episode's, are ignored.
    """
    found = {}
    absent = ~presence(columns, info)
    for name, values in columns.items():
        text_place = parse_agent_text_column(name)
        if text_place is not None and text_place[:2] == (info.group, info.slot) and values.dtype.kind == "O":
            own = found[f"{EXTRAS_PREFIX}{text_place[2]}"] = values.copy()
            own[absent] = ""
            continue
        place = parse_agent_column(name)
        if place is None or place[0] != info.group or place[1] == PRESENT:
            continue
        if values.ndim >= 2 and info.slot < values.shape[1]:
            own = found[place[1]] = values[:, info.slot].copy()
            own[absent] = 0
    return found
