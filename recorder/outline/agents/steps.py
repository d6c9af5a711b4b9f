"""The steps of one agent, and those of all agents of a group, in a chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents import AgentInfo, agent_column
from recorder.agents.columns import PRESENT
from recorder.chunk import Chunk
from recorder.outline.step_columns import Floats, StepColumns, filled

__all__ = ["MAX_FOLLOWED", "agent_steps", "group_values", "present_in"]

MAX_FOLLOWED = 64
"""The first agents, whose meters, choices and returns are followed. Of others, the outline has presence and sums."""


def group_values(chunk: Chunk, group: int, field: str) -> tuple[NDArray[Any], NDArray[np.bool_] | None] | None:
    """A group's column.

    Returns:
        ``[n_steps, n_slots, *shape]`` with zeros where nothing is present, and which steps have values, None for all;
        None if the chunk has no such column.
    """
    name = agent_column(group, field)
    data = chunk.column(name) if name in chunk.names and not chunk.spec(name).is_text else None
    if data is None or data.values.ndim < 2:
        return None
    if data.present is None:
        return data.values, None
    values = np.zeros((chunk.n_steps, *data.values.shape[1:]), data.values.dtype)
    values[data.present] = data.values
    return values, data.present


def present_in(chunk: Chunk, agent: AgentInfo) -> NDArray[np.bool_]:
    """``bool[n_steps]``: the steps in which an agent is present."""
    found = group_values(chunk, agent.group, PRESENT)
    if found is None or found[0].ndim != 2 or agent.slot >= found[0].shape[1]:
        return np.zeros(chunk.n_steps, np.bool_)
    return np.asarray(found[0][:, agent.slot], np.bool_)


def agent_steps(chunk: Chunk, agent: AgentInfo) -> StepColumns:
    """The steps of one agent, as of an episode that has no other: NaN while it is absent.

    Raises:
        EpisodeFileError: the chunk is damaged.
    """
    present = present_in(chunk, agent)

    def rows(name: str) -> Floats | None:
        found = group_values(chunk, agent.group, name)
        if found is None or agent.slot >= found[0].shape[1]:
            return None
        values, has_value = found
        return filled(values[:, agent.slot], present if has_value is None else present & has_value)

    return StepColumns.of(rows, np.arange(chunk.first_step, chunk.first_step + chunk.n_steps))
