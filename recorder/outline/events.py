"""All events of an episode, for sound and narration: more than the markers, which are the few worth a mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import PRESENT
from recorder.episode import EpisodeStatus
from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError, UnknownColumnError
from recorder.outline.agents import find_agent, whole_rows, whole_steps
from recorder.outline.markers import AffordanceUses, LowMeters, RewardExtremes, RunStarts
from recorder.outline.meter_levels import CRITICAL_SHARE, LOW_SHARE, MeterRanges
from recorder.outline.scene import Scene, agent_action_names
from recorder.outline.step_columns import Floats, StepColumns, unusual_numbers

__all__ = ["EVENT_KINDS", "EpisodeEvents", "Event"]

EVENT_KINDS = (
    "stage",
    "use",
    "low",
    "critical",
    "recovered",
    "reward_up",
    "reward_down",
    "best_reward",
    "gap",
    "death",
    "end",
)
"""The kinds: the first episode of a stage, a use, a meter's levels, rewards, missing steps, and the two ends."""

_UNUSUAL_SHARE = 0.5
"""A reward is unusual if its distance from the median exceeds this share of the greatest distance."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at a recorded step.

    Args:
        index: of the recorded step, from 0.
        kind: one of ``EVENT_KINDS``.
        name: the affordance or the meter.
        value: a meter's share of its range, a reward, a stage, or a number of missing steps; None if unknown.
    """

    index: int
    kind: str
    name: str = ""
    value: float | None = None


class EpisodeEvents:
    """The events of a recording, or those of one of its agents, and the columns they come from.

    Args:
        episode: an opened recording of at least one step.
        agent: of several agents, the id of the one that the events are about; None for the one with the highest return.

    Attributes:
        agent: of several agents, that one; otherwise None.
        columns: all steps.
        scene: names and space; of several agents, with the names of that one's actions.
        shares: ``float64[n_steps, n_meters]``: filled share of each meter; NaN without a value or without levels.
        events: in order.

    Raises:
        EpisodeFileError: the file is damaged.
        UsageError: the episode has no such agent.
    """

    def __init__(self, episode: Episode, agent: str | None = None) -> None:
        self.scene = Scene.of(episode.metadata, episode.schema, episode.affordances)
        self.agent = find_agent(episode.metadata.agents, agent)
        if self.agent is not None and (names := agent_action_names(episode.metadata.info, self.agent.agent_id)):
            self.scene = replace(self.scene, action_names=names)
        self.columns = StepColumns.of_episode(episode) if self.agent is None else whole_steps(episode, self.agent)
        self.shares = _meter_shares(self.columns, len(self.scene.meter_names))
        self.events = sorted(self._found(episode), key=lambda event: event.index)

    @unusual_numbers()
    def _found(self, episode: Episode) -> list[Event]:
        columns, scene = self.columns, self.scene
        has_progress = columns.interaction_progress is not None
        uses = AffordanceUses(scene.affordances, scene.action_names, has_progress=has_progress)
        critical = LowMeters(scene.meter_names, MeterRanges(len(scene.meter_names)))
        found = [Event(marker.index, "use", marker.name) for marker in uses.add(columns, 0)]
        found += [Event(m.index, "critical", m.name, m.value) for m in critical.add(columns, 0)]
        found += self._levels()
        found += _unusual_rewards(columns.reward, self._is_there(episode))
        found += self._best_reward(episode)
        found += _gaps(columns.step_numbers)
        if _is_first_of_stage(episode):
            found.append(Event(0, "stage", value=episode.metadata.curriculum_stage))
        return [*found, *self._ends(episode)]

    def _levels(self) -> list[Event]:
        """Meters that become low, and those that rise above it again after they were critical."""
        found = []
        for meter, name in enumerate(self.scene.meter_names[: self.shares.shape[1]]):
            known = np.flatnonzero(~np.isnan(self.shares[:, meter]))
            shares = self.shares[known, meter]
            was_critical = False
            was_low = True  # a meter that starts low has not become low
            for at in np.flatnonzero(np.diff(np.digitize(shares, (CRITICAL_SHARE, LOW_SHARE)), prepend=-1)).tolist():
                index, share = int(known[at]), float(shares[at])
                if share >= LOW_SHARE:
                    if was_critical:
                        found.append(Event(index, "recovered", name, share))
                    was_critical = was_low = False
                    continue
                if share < CRITICAL_SHARE:
                    was_critical = True
                elif not was_low:
                    found.append(Event(index, "low", name, share))
                was_low = True
        return found

    def _best_reward(self, episode: Episode) -> list[Event]:
        there = np.flatnonzero(self._is_there(episode))
        if not len(there):
            return []
        extremes = RewardExtremes()
        extremes.add(self.columns.reward[there], 0)
        return [Event(int(there[m.index]), "best_reward", value=m.value) for m in extremes.markers()]

    def _ends(self, episode: Episode) -> Iterator[Event]:
        """The agent's death, and the end of the episode unless they are one."""
        end = self.columns.n_steps - 1
        last = int(np.flatnonzero(self._is_there(episode))[-1:].sum())
        row = self.shares[last]
        empty = np.flatnonzero(row < CRITICAL_SHARE)
        if empty.size and self._has_terminated(episode, last):
            worst = int(empty[row[empty].argmin()])
            yield Event(last, "death", self.scene.meter_names[worst], float(row[worst]))
            if last == end:
                return
        yield Event(end, "end")

    def _is_there(self, episode: Episode) -> NDArray[np.bool_]:
        """``bool[n_steps]``: where the agent takes part."""
        if self.agent is None:
            return np.ones(self.columns.n_steps, np.bool_)
        return np.asarray((whole_rows(episode, self.agent, PRESENT) == 1).any(axis=1), np.bool_)

    def _has_terminated(self, episode: Episode, last: int) -> bool:
        if self.agent is not None:
            return self.agent.outcome == "terminated"
        is_over = _flag(episode, "terminated", last)
        if is_over is None:
            is_over = _flag(episode, "done", last)
        return bool(is_over) and episode.metadata.status == EpisodeStatus.COMPLETE


@unusual_numbers()
def _meter_shares(columns: StepColumns, n_meters: int) -> Floats:
    meters = columns.meters
    if meters is None or meters.shape[1] < n_meters:
        return np.empty((columns.n_steps, 0))
    return MeterRanges(n_meters).shares(meters[:, :n_meters])


def _unusual_rewards(reward: Floats, is_there: NDArray[np.bool_]) -> list[Event]:
    """Where runs of unusually high and unusually low rewards start, of the steps in which the agent takes part."""
    if not is_there.any():
        return []
    distance = np.where(is_there, reward - np.median(reward[is_there]), 0.0)
    farthest = float(np.abs(distance).max())
    if not 0 < farthest < np.inf:
        return []
    found = []
    for kind, sign in (("reward_up", 1), ("reward_down", -1)):
        unusual: NDArray[np.bool_] = sign * distance > _UNUSUAL_SHARE * farthest
        starts = RunStarts(1).of(unusual[:, np.newaxis])
        found += [Event(index, kind, value=float(reward[index])) for index, _ in starts]
    return found


def _gaps(step_numbers: NDArray[np.int64]) -> list[Event]:
    missing = np.diff(step_numbers, prepend=-1) - 1
    return [Event(index, "gap", value=float(missing[index])) for index in np.flatnonzero(missing > 0).tolist()]


def _is_first_of_stage(episode: Episode) -> bool:
    stage = episode.metadata.curriculum_stage
    return stage is not None and f"stage_{stage}_post_transition" in episode.reasons


def _flag(episode: Episode, name: str, index: int) -> bool | None:
    """A flag of one step; None if it was not recorded."""
    try:
        values, present = episode.column(name), episode.present(name)
    except (UnknownColumnError, ShapeChangedError):
        return None
    return bool(np.ravel(values[index])[0]) if present[index] else None
