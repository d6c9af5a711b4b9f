"""All events of an episode, for sound and narration: more than the markers, which are the few worth a mark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.episode import EpisodeStatus
from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError, UnknownColumnError
from recorder.outline.markers import AffordanceUses, LowMeters, RunStarts
from recorder.outline.meter_levels import CRITICAL_SHARE, LOW_SHARE, MeterRanges
from recorder.outline.numbers import unusual_numbers
from recorder.outline.rewards import RewardExtremes
from recorder.outline.scene import Scene
from recorder.outline.step_columns import Floats, StepColumns

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
    """The events of a recording and the columns they come from.

    Args:
        episode: an opened recording of at least one step.

    Attributes:
        columns: all steps.
        scene: names and space.
        shares: ``float64[n_steps, n_meters]``: filled share of each meter; NaN without a value or without levels.
        events: in order.

    Raises:
        EpisodeFileError: the file is damaged.
    """

    def __init__(self, episode: Episode) -> None:
        self.scene = Scene.of(episode.metadata, episode.schema, episode.affordances)
        self.columns = StepColumns.of_episode(episode)
        self.shares = _meter_shares(self.columns, len(self.scene.meter_names))
        self.events = sorted(self._found(episode), key=lambda event: event.index)

    @unusual_numbers()
    def _found(self, episode: Episode) -> list[Event]:
        columns, scene = self.columns, self.scene
        has_progress = episode.schema.index("interaction_progress") is not None
        uses = AffordanceUses(scene.affordances, scene.action_names, has_progress=has_progress)
        critical = LowMeters(scene.meter_names, MeterRanges(len(scene.meter_names)))
        found = [Event(marker.index, "use", marker.name) for marker in uses.add(columns, 0)]
        found += [Event(m.index, "critical", m.name, m.value) for m in critical.add(columns, 0)]
        found += self._levels()
        found += _unusual_rewards(columns.reward)
        extremes = RewardExtremes()
        extremes.add(columns.reward, 0)
        found += [Event(m.index, "best_reward", value=m.value) for m in extremes.markers()]
        found += _gaps(columns.step_numbers)
        if _is_first_of_stage(episode):
            found.append(Event(0, "stage", value=episode.metadata.curriculum_stage))
        found.append(self._end(episode))
        return found

    def _levels(self) -> list[Event]:
        """Meters that become low, and those that rise above it again after they were critical."""
        found = []
        for meter, name in enumerate(self.scene.meter_names[: self.shares.shape[1]]):
            shares = self.shares[:, meter]
            was_critical = False
            was_low = True  # a meter that starts low has not become low
            for index in np.flatnonzero(np.diff(np.digitize(shares, (CRITICAL_SHARE, LOW_SHARE)), prepend=-1)).tolist():
                share = float(shares[index])
                if share != share:
                    continue
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

    def _end(self, episode: Episode) -> Event:
        last = self.columns.n_steps - 1
        row = self.shares[last]
        is_over = _flag(episode, "terminated", last)
        if is_over is None:
            is_over = _flag(episode, "done", last)
        empty = np.flatnonzero(row < CRITICAL_SHARE)
        if is_over and empty.size and episode.metadata.status == EpisodeStatus.COMPLETE:
            worst = int(empty[row[empty].argmin()])
            return Event(last, "death", self.scene.meter_names[worst], float(row[worst]))
        return Event(last, "end")


@unusual_numbers()
def _meter_shares(columns: StepColumns, n_meters: int) -> Floats:
    meters = columns.meters
    if meters is None or meters.shape[1] < n_meters:
        return np.empty((columns.n_steps, 0))
    return MeterRanges(n_meters).shares(meters[:, :n_meters])


def _unusual_rewards(reward: Floats) -> list[Event]:
    """Where runs of unusually high and unusually low rewards start."""
    distance = reward - np.median(reward)
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
