"""Keeps every n-th episode by its number."""

from __future__ import annotations

from recorder.errors import UsageError
from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation

__all__ = ["PeriodicCriterion"]


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

    def __init__(self, interval: int = 100) -> None:
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise UsageError(
                f"periodic: interval must be a whole number of at least 1, got {interval!r}; "
                "to turn this criterion off, set enabled: false"
            )
        self._interval = interval
        self._reason = f"periodic_{interval}"
        self._detail = f"episode_id modulo {interval} must be 0"

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judge the episode by its number."""
        remainder = episode.episode_id % self._interval
        explanation = Explanation(self.name, remainder == 0, remainder, 0, self._detail)
        return Observation(() if remainder else (Claim(episode.episode_id, self._reason),), explanation)
