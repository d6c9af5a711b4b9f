"""The steps of one agent, and those of all agents of a group, in a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents import AgentInfo
from recorder.agents.columns import PRESENT, agent_column
from recorder.chunk import Chunk
from recorder.episode_file import Episode
from recorder.outline.step_columns import Floats, StepColumns, filled

__all__ = [
    "MAX_FOLLOWED",
    "agent_positions",
    "agent_rewards",
    "agent_steps",
    "group_values",
    "present_in",
    "whole_positions",
    "whole_rows",
    "whole_steps",
]

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


def agent_positions(chunk: Chunk, agent: AgentInfo) -> Floats | None:
    """``float64[n_steps, n_dims]``: where an agent is, NaN while it is absent; None if the chunk has no positions of it.

    Raises:
        EpisodeFileError: the chunk is damaged.
    """
    return _rows(chunk, agent, "position", present_in(chunk, agent))


def _rows(chunk: Chunk, agent: AgentInfo, field: str, present: NDArray[np.bool_]) -> Floats | None:
    found = group_values(chunk, agent.group, field)
    if found is None or agent.slot >= found[0].shape[1]:
        return None
    values, has_value = found
    return filled(values[:, agent.slot], present if has_value is None else present & has_value)


def agent_rewards(chunk: Chunk, agent: AgentInfo) -> Floats:
    """``float64[2, n_steps]``: reward and intrinsic reward; 0 where there is none.

    Raises:
        EpisodeFileError: the chunk is damaged.
    """
    present = present_in(chunk, agent)
    rewards = np.zeros((2, chunk.n_steps))
    for number, field in enumerate(("reward", "intrinsic_reward")):
        rows = _rows(chunk, agent, field, present)
        if rows is not None and rows.shape[1] == 1:
            rewards[number] = np.where(np.isfinite(rows[:, 0]), rows[:, 0], 0.0)
    return rewards


def agent_steps(chunk: Chunk, agent: AgentInfo) -> StepColumns:
    """The steps of one agent, as of an episode that has no other: NaN while it is absent.

    Raises:
        EpisodeFileError: the chunk is damaged.
    """
    present = present_in(chunk, agent)
    numbers = np.arange(chunk.first_step, chunk.first_step + chunk.n_steps)
    return StepColumns.of(lambda name: _rows(chunk, agent, name, present), numbers)


def whole_steps(episode: Episode, agent: AgentInfo) -> StepColumns:
    """All steps of one agent of a recording, as of an episode that has no other: NaN while it is absent.

    Raises:
        EpisodeFileError: the file is damaged.
    """
    parts = [agent_steps(chunk, agent) for chunk, _ in episode.chunks_between(0, episode.n_steps)]
    n_steps = [part.n_steps for part in parts]
    joined: dict[str, Any] = {
        each.name: _joined([getattr(part, each.name) for part in parts], n_steps) for each in fields(StepColumns)
    }
    return StepColumns(**{**joined, "step_numbers": episode.step_numbers})


def whole_rows(episode: Episode, agent: AgentInfo, field: str) -> Floats:
    """``float64[n_steps, width]``: one field of an agent, NaN while it is absent; width 0 without it.

    Raises:
        EpisodeFileError: the file is damaged.
    """
    chunks = [chunk for chunk, _ in episode.chunks_between(0, episode.n_steps)]
    parts = [_rows(chunk, agent, field, present_in(chunk, agent)) for chunk in chunks]
    whole = _joined(parts, [chunk.n_steps for chunk in chunks])
    return np.empty((episode.n_steps, 0)) if whole is None else whole


def whole_positions(episode: Episode, agents: Sequence[AgentInfo]) -> list[Floats]:
    """``float64[n_steps, n_dims]`` of each agent, NaN while it is absent; width 0 if it has no positions.

    Raises:
        EpisodeFileError: the file is damaged.
    """
    return [whole_rows(episode, agent, "position") for agent in agents]


def _joined(parts: Sequence[Floats | None], n_steps: Sequence[int]) -> Floats | None:
    """The parts of a column, NaN in a part that lacks it; None if all do, or if their shapes differ."""
    shapes = {part.shape[1:] for part in parts if part is not None}
    if len(shapes) != 1:
        return None
    (shape,) = shapes
    rows = [np.full((n, *shape), np.nan) if part is None else part for part, n in zip(parts, n_steps, strict=True)]
    return np.concatenate(rows)
