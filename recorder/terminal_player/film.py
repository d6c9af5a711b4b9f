"""What a recording shows at each step, as numbers and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recorder.episode import return_of
from recorder.episode_file import Episode
from recorder.outline import Outline, StepColumns

__all__ = ["Film", "Moment"]


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
        self._rewards = np.cumsum(self.columns.reward)
        self._intrinsic = np.cumsum(self.columns.intrinsic_reward)

    def at(self, index: int) -> Moment:
        """The step ``0 <= index < n_steps``."""
        columns = self.columns
        positions = columns.position
        first = max(0, index - self.TRAIL_STEPS)
        masks = columns.action_masks
        return Moment(
            index=index,
            number=int(columns.step_numbers[index]),
            position=() if positions is None or np.isnan(positions[index]).any() else positions[index].tolist(),
            trail=[] if positions is None else positions[first:index].tolist(),
            action=_whole(None if columns.action is None else columns.action[index]),
            reward=float(columns.reward[index]),
            return_so_far=return_of(float(self._rewards[index]), float(self._intrinsic[index]), self._weight),
            meters=[] if columns.meters is None else columns.meters[index].tolist(),
            q_values=[] if columns.q_values is None else columns.q_values[index].tolist(),
            is_masked=[] if masks is None else (masks[index] == 0).tolist(),
        )


def _whole(value: float | None) -> int | None:
    return None if value is None or not float(value).is_integer() else int(value)
