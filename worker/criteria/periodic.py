"""Keeps every n-th episode by its number."""

from __future__ import annotations

from recorder.settings.criteria import PeriodicSettings
from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation, checked_setting

__all__ = ["PeriodicCriterion"]

_DEFAULTS = PeriodicSettings()


class PeriodicCriterion(Criterion):
    """Keeps an episode if ``episode_id % interval == 0``, as ``periodic_<interval>``.

    It has no state and holds nothing. Example: with an interval of 100 the episodes 0, 100, 200 … are kept as
    ``periodic_100``.

    Args:
        interval: at least 1, which keeps every episode.

    Raises:
        UsageError: the interval is not an integer of at least 1.
    """

    name = "periodic"

    def __init__(self, interval: int = _DEFAULTS.interval) -> None:
        advice = "; to turn this criterion off, set enabled: false"
        self._interval = checked_setting(self.name, PeriodicSettings, "interval", interval, advice=advice)
        self._reason = f"periodic_{interval}"
        self._detail = f"the episode's number must be a multiple of {interval}; value: the remainder"

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judge the episode by its number."""
        remainder = episode.episode_id % self._interval
        explanation = Explanation(self.name, remainder == 0, remainder, 0, self._detail)
        return Observation(() if remainder else (Claim(episode.episode_id, self._reason),), explanation)
