"""What a recording shows at each step, as numbers and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from recorder.episode import return_of
from recorder.episode_file import Episode
from recorder.outline import Outline, StepColumns
from recorder.outline.agents import agent_looks, find_agent, whole_positions, whole_steps
from recorder.outline.looks import DARK

__all__ = ["Figure", "Film", "Moment"]

_MAX_SHOWN = 64
"""Agents on the board, the first ones."""


class Figure(NamedTuple):
    """One of several agents on the board."""

    position: Sequence[float]
    sign: str
    color: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One step.

    Args:
        number: of the step in the episode; later than ``index`` after lost steps.
        position: coordinates; empty without a position.
        trail: positions of the steps before, oldest first.
        action: index of the action; None if there is none, or if it is no index.
        reward, return_so_far: up to and including the step.
        meters, q_values: NaN where nothing was recorded.
        is_masked: whether each action was forbidden.
        agent: of several agents, the one whose numbers these are, and its team.
        color: of that agent.
        others: the other agents that take part in the step.
    """

    index: int
    number: int
    position: Sequence[float]
    trail: Sequence[Sequence[float]]
    action: int | None
    reward: float
    return_so_far: float | None
    meters: Sequence[float]
    q_values: Sequence[float]
    is_masked: Sequence[bool]
    agent: str = ""
    color: str = DARK.agent
    others: Sequence[Figure] = ()


class Film:
    """A recording, decoded.

    Args:
        episode: with at least one step.
        title: what the first line shows.

    Raises:
        EpisodeFileError: the file is damaged.
    """

    TRAIL_STEPS = 12

    def __init__(self, episode: Episode, title: str) -> None:
        self.title = title
        self.columns = StepColumns.of_episode(episode)
        outline = Outline.of(episode, self.columns)
        self.outline: Mapping[str, Any] = outline.to_map()
        self.markers = outline.markers()
        self.dull = outline.dull()
        self.n_steps = self.columns.n_steps
        self._weight = episode.metadata.intrinsic_weight
        self.agents = episode.metadata.agents
        """Empty in an episode of one agent."""
        shown = find_agent(self.agents, None)
        self.first_agent = 0 if shown is None else self.agents.index(shown)
        """Place in ``agents`` of the one that is shown first."""
        looks, _ = agent_looks({info.agent_id: info.team for info in self.agents})
        self._looks = [looks[info.agent_id] for info in self.agents]
        self._places = whole_positions(episode, self.agents[:_MAX_SHOWN])
        self._own = lru_cache(maxsize=8)(lambda agent: self._numbers(episode, agent))

    def _numbers(self, episode: Episode, agent: int | None) -> tuple[StepColumns, Any, Any]:
        """Columns of an agent, or of the episode, and the sums of both rewards."""
        columns = self.columns if agent is None else whole_steps(episode, self.agents[agent])
        return columns, np.cumsum(columns.reward), np.cumsum(columns.intrinsic_reward)

    def at(self, index: int, agent: int = 0) -> Moment:
        """The step ``0 <= index < n_steps``.

        Args:
            agent: of several agents, the place in ``agents`` of the one whose numbers are shown.
        """
        columns, rewards, intrinsic = self._own(agent if self.agents else None)
        positions = columns.position
        first = max(0, index - self.TRAIL_STEPS)
        masks = columns.action_masks
        return Moment(
            index=index,
            number=int(self.columns.step_numbers[index]),
            position=() if positions is None or np.isnan(positions[index]).any() else positions[index].tolist(),
            trail=[] if positions is None else positions[first:index].tolist(),
            action=_whole(None if columns.action is None else columns.action[index]),
            reward=float(columns.reward[index]),
            return_so_far=return_of(float(rewards[index]), float(intrinsic[index]), self._weight),
            meters=[] if columns.meters is None else columns.meters[index].tolist(),
            q_values=[] if columns.q_values is None else columns.q_values[index].tolist(),
            is_masked=[] if masks is None else (masks[index] == 0).tolist(),
            agent=self._name(agent) if self.agents else "",
            color=DARK.agents[self._looks[agent].number] if self.agents else DARK.agent,
            others=self._others(index, agent),
        )

    def _name(self, agent: int) -> str:
        info = self.agents[agent]
        return f"{info.agent_id} ({info.team})" if info.team else info.agent_id

    def _others(self, index: int, agent: int) -> list[Figure]:
        return [
            Figure(places[index].tolist(), look.sign[-1:], DARK.agents[look.number])
            for number, (places, look) in enumerate(zip(self._places, self._looks, strict=False))
            if number != agent and places.shape[1] and np.isfinite(places[index]).all()
        ]


def _whole(value: float | None) -> int | None:
    return None if value is None or not float(value).is_integer() else int(value)
