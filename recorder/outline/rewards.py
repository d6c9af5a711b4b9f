"""Finds the step with the greatest reward, and whether there is intrinsic reward."""

from __future__ import annotations

import math

from recorder.episode import EpisodeMetadata
from recorder.outline.markers import Marker
from recorder.outline.step_columns import Floats

__all__ = ["RewardExtremes", "has_intrinsic"]


def has_intrinsic(metadata: EpisodeMetadata, intrinsic_reward: Floats) -> bool:
    """Whether the episode has intrinsic reward.

    Args:
        intrinsic_reward: ``float64[n]`` of the steps.
    """
    return bool(metadata.intrinsic_reward or intrinsic_reward.any())


class RewardExtremes:
    """The greatest and the least reward so far."""

    def __init__(self) -> None:
        self._index = 0
        self._greatest = -math.inf
        self._least = math.inf

    def add(self, reward: Floats, first_index: int) -> None:
        """Add ``float64[n]`` of the next steps, ``n > 0``."""
        index = int(reward.argmax())
        if reward[index] > self._greatest:
            self._greatest, self._index = float(reward[index]), first_index + index
        self._least = min(self._least, float(reward.min()))

    def markers(self) -> list[Marker]:
        """A marker at the first step with the greatest reward; none if all rewards are equal."""
        if not self._greatest > self._least:
            return []
        return [Marker(self._index, "best_reward", f"greatest reward {self._greatest:+.2f}", value=self._greatest)]
