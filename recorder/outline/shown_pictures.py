"""Which pictures show an episode, or one of its agents, and which of them belongs to a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents import AgentInfo
from recorder.episode_file import Episode
from recorder.outline.agents import present_in
from recorder.outline.pictures import agent_picture_columns, picture_columns
from recorder.schema import EpisodeSchema
from recorder.values.picture_shape import picture_shape

__all__ = ["ShownPicture", "picture_before", "shown_pictures"]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """Where pictures come from: a column of the episode, or the place of an agent in the column of its group."""

    column: str
    agent: AgentInfo | None = None


def shown_pictures(schema: EpisodeSchema, agent: AgentInfo | None) -> list[ShownPicture]:
    """All pictures of a step, the one to show first: those of the whole episode, then the agent's own.

    Args:
        agent: of several agents the selected one, or the one that is shown first.
    """
    own = agent_picture_columns(schema.columns).get(agent.group, []) if agent is not None else []
    return [*map(ShownPicture, picture_columns(schema)), *(ShownPicture(name, agent) for name in own)]


def picture_before(episode: Episode, picture: ShownPicture, index: int) -> tuple[int, NDArray[Any]] | None:
    """The picture of a step, or the last one before it in the same chunk, with the index of its step; None if there is none.

    Raises:
        EpisodeFileError: the file is damaged there.
    """
    name, agent = picture.column, picture.agent
    for chunk, rows in episode.chunks_between(index, index + 1):
        if name not in chunk.names:
            return None
        spec = chunk.spec(name)
        shape = spec.shape if agent is None else spec.shape[1:]
        if picture_shape(spec.dtype, shape) is None or (agent is not None and agent.slot >= spec.shape[0]):
            return None  # a column may hold something else for a while
        is_there = chunk.present(name) if agent is None else chunk.present(name) & present_in(chunk, agent)
        found = np.flatnonzero(is_there[: rows.start + 1])
        if len(found):
            row = int(found[-1])
            value = chunk.value(name, row)
            return index - rows.start + row, value if agent is None else value[agent.slot]
    return None
