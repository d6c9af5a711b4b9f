"""An episode as the arrays that a video shows, with missing values filled in or marked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.agents import AgentInfo
from recorder.agents.columns import parse_agent_column
from recorder.episode import EpisodeMetadata, return_of
from recorder.episode_file import Episode
from recorder.errors import EpisodeFileTooLargeError, ShapeChangedError
from recorder.outline import ShownPicture, StepColumns, has_intrinsic, shown_pictures
from recorder.outline.agents import AgentLook, agent_looks, find_agent, whole_positions, whole_rows, whole_steps
from recorder.outline.scene import agent_action_names, short_names
from recorder.schema import EXTRAS_PREFIX, is_text

__all__ = ["EpisodeSeries", "Extra", "Floats", "LearningPoint", "OtherAgent"]

Floats = NDArray[np.float64]


class LearningPoint(NamedTuple):
    """One episode of a run: its id and its return."""

    episode_id: int
    total_reward: float


class Extra(NamedTuple):
    """One of the extras, such as an observation or a critic's value."""

    name: str
    values: NDArray[Any]
    """``dtype[n_steps, n_values]``, as recorded, of any width."""
    present: NDArray[np.bool_]
    """``bool[n_steps]``: which steps have a value."""


class OtherAgent(NamedTuple):
    """One of several agents, whose numbers are not shown."""

    agent_id: str
    look: AgentLook
    positions: Floats
    """``float64[n_steps, n_coordinates]``; NaN while it is absent."""


class EpisodeSeries:
    """The columns of one episode, or those of one of its agents.

    Args:
        episode: an opened recording of at least one step.
        agent: of several agents, the id of the one whose numbers are shown; None for the one with the highest return.

    Raises:
        EpisodeFileCorruptError: a column's bytes are broken.
        UsageError: the episode has no such agent.
    """

    agent_id: str | None
    """None in an episode of one agent."""
    look: AgentLook | None
    pictures: tuple[ShownPicture, ...]
    """What shows the episode, and the shown agent, as pictures; the one to show first."""
    others: tuple[OtherAgent, ...]
    """The other agents that have positions of as many coordinates."""

    metadata: EpisodeMetadata
    n_steps: int
    step_numbers: NDArray[np.int64]
    positions: Floats
    """``float64[n_steps, n_coordinates]``; no columns for a world without positions."""
    meters: Floats
    """``float64[n_steps, n_meters]``; NaN is unknown."""
    actions: NDArray[np.int64] | None
    """``int64[n_steps]``; None if actions are not indexes."""
    action_vectors: Floats | None
    """``float64[n_steps, n_components]``; None if actions are indexes."""
    q_values: Floats | None
    """``float64[n_steps, n_actions]``."""
    masks: NDArray[np.bool_] | None
    """``bool[n_steps, n_actions]``: which actions were allowed."""
    rewards: Floats
    cumulative: Floats
    """``float64[n_steps]``: the return so far, as the outline counts it."""
    task_so_far: Floats
    intrinsic_so_far: Floats | None
    """``float64[n_steps]``: its two parts, the intrinsic one without its weight; None if there is no intrinsic
    reward."""
    extras: tuple[Extra, ...]
    """For a world without positions, which shows them instead; empty otherwise."""

    def __init__(self, episode: Episode, agent: str | None = None) -> None:
        shown = find_agent(episode.metadata.agents, agent)
        read: Callable[[str], Floats] = (
            partial(_rows, episode) if shown is None else partial(whole_rows, episode, shown)
        )
        looks, _ = agent_looks({each.agent_id: each.team for each in episode.metadata.agents})
        self.agent_id, self.look = (None, None) if shown is None else (shown.agent_id, looks[shown.agent_id])
        self.pictures = tuple(shown_pictures(episode.schema, shown))
        self.metadata = episode.metadata
        self.affordances = dict(episode.affordances)
        self.reasons = episode.reasons
        self.n_steps = episode.n_steps
        self.step_numbers = episode.step_numbers
        self.positions = read("position")
        others = [each for each in episode.metadata.agents if each is not shown]
        self.others = tuple(
            OtherAgent(each.agent_id, looks[each.agent_id], positions)
            for each, positions in zip(others, whole_positions(episode, others), strict=True)
            if positions.shape[1] and positions.shape[1] == self.positions.shape[1]
        )
        self.meters = read("meters")
        columns = StepColumns.of_episode(episode) if shown is None else whole_steps(episode, shown)
        rewards = read("reward") if shown is None else columns.reward[:, np.newaxis]
        self.rewards = rewards[:, 0] if rewards.shape[1] else np.zeros(episode.n_steps)
        self.task_so_far, intrinsic = np.cumsum(columns.reward), np.cumsum(columns.intrinsic_reward)
        self.cumulative = return_of(self.task_so_far, intrinsic, self.metadata.intrinsic_weight)
        self.intrinsic_so_far = intrinsic if has_intrinsic(self.metadata, columns.intrinsic_reward) else None
        self.time_of_day = _optional(episode, "time_of_day")
        self.interaction_progress = _known(read("interaction_progress"))
        self.epsilon = _optional(episode, "epsilon")
        action = read("action")
        # A single component is an index only if all values are integers.
        is_index = action.shape[1] == 1 and bool(np.all(np.isnan(action) | (action == np.floor(action))))
        self.action_vectors = action if action.shape[1] and not is_index else None
        self.actions = np.nan_to_num(action[:, 0], nan=-1).astype(np.int64) if is_index else None
        q_values = read("q_values")
        self.q_values = q_values if q_values.shape[1] else None
        masks = read("action_masks")
        # A missing mask allows everything.
        self.masks = np.nan_to_num(masks, nan=1.0) > 0 if masks.shape[1] else None
        self.meter_names = _names(self.metadata.meter_names, self.meters.shape[1], "meter")
        own = [] if shown is None else agent_action_names(self.metadata.info, shown.agent_id)
        self.known_actions: Sequence[str] = own or self.metadata.action_names
        self.n_actions = max(
            0 if self.q_values is None else self.q_values.shape[1],
            0 if self.masks is None else self.masks.shape[1],
            0 if self.actions is None else int(self.actions.max(initial=-1)) + 1,
            len(self.known_actions),
        )
        self.action_names = _names(self.known_actions, self.n_actions, "action")
        self.action_labels = short_names(self.action_names)
        self.extras = (
            ()
            if self.positions.shape[1]
            else tuple(_extras(episode, shown, {picture.column for picture in self.pictures}))
        )

    @property
    def learning_point(self) -> LearningPoint:
        """The episode's point on the learning curve of its run."""
        return LearningPoint(self.metadata.episode_id, self.metadata.total_reward)

    def follows(self, index: int) -> bool:
        """Return whether the step before ``index`` is recorded, so that a movement between the two can be shown."""
        return index > 0 and bool(self.step_numbers[index] == self.step_numbers[index - 1] + 1)


def _rows(episode: Episode, name: str) -> Floats:
    """Return a column as ``float64[n_steps, width]``, NaN where a step has no value; width 0 if the episode lacks
    it."""
    if not episode.has_column(name):
        return np.empty((episode.n_steps, 0))
    try:
        values = episode.column(name).astype(np.float64).reshape(episode.n_steps, -1)
        present = episode.present(name)
    except ShapeChangedError:
        found = [getattr(step, name) for step in episode.steps()]
        steps = [np.ravel(np.asarray(() if value is None else value, np.float64)) for value in found]
        values = np.full((episode.n_steps, max(map(len, steps))), np.nan)
        for row, step in zip(values, steps, strict=True):
            row[: len(step)] = step
        return values
    if not present.all():
        values = np.where(present[:, None], values, np.nan)
    return values


def _extras(episode: Episode, agent: AgentInfo | None, pictures: Collection[str]) -> Iterator[Extra]:
    """Return all extras that have one shape and fit in memory, without pictures and texts: the agent's, and the episode's."""
    for spec in episode.schema.columns if agent is not None else ():
        place = parse_agent_column(spec.name) if spec.name not in pictures else None
        if agent is not None and place is not None and place[0] == agent.group and place[1].startswith(EXTRAS_PREFIX):
            rows = whole_rows(episode, agent, place[1])
            yield Extra(place[1].removeprefix(EXTRAS_PREFIX), rows, np.asarray(~np.isnan(rows).all(axis=1), np.bool_))
    for name in episode.names:
        if name.startswith(EXTRAS_PREFIX) and name not in pictures and parse_agent_column(name) is None:
            try:
                values = episode.column(name)
            except (ShapeChangedError, EpisodeFileTooLargeError):
                continue
            if is_text(values):
                continue
            n_values = int(np.prod(values.shape[1:]))
            shown = values.reshape(episode.n_steps, n_values)
            yield Extra(name.removeprefix(EXTRAS_PREFIX), shown, episode.present(name))


def _optional(episode: Episode, name: str) -> Floats | None:
    """Return a column of numbers, or None if no step has one."""
    return _known(_rows(episode, name))


def _known(values: Floats) -> Floats | None:
    return values[:, 0] if values.shape[1] and not np.isnan(values[:, 0]).all() else None


def _names(given: Sequence[str], n: int, word: str) -> tuple[str, ...]:
    return tuple(str(given[i]) if i < len(given) else f"{word} {i}" for i in range(n))
