"""Keeps every n-th episode, by its number."""

from __future__ import annotations

from recorder.errors import UsageError
from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation

__all__ = ["PeriodicCriterion"]


class PeriodicCriterion(Criterion):
    """Keeps an episode when ``episode_id % interval == 0``, as ``periodic_<interval>``.

    It remembers nothing and holds nothing. Example: with an interval of 100 the episodes 0, 100, 200 … are kept as
    ``periodic_100``.

    Args:
        interval: at least 1, which keeps every episode.

    Raises:
        UsageError: the interval is less than 1 or no whole number.
    """

    name = "periodic"

    def __init__(self, interval: int = 100) -> None:
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise UsageError(
                f"periodic: interval must be a whole number of at least 1, got {interval!r}; "
                "to keep no episode for its number, set enabled: false"
            )
        self._interval = interval
        self._reason = f"periodic_{interval}"
        self._detail = f"episode_id modulo {interval} must be 0"

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judges the episode by its number alone."""
        remainder = episode.episode_id % self._interval
        explanation = Explanation(self.name, remainder == 0, remainder, 0, self._detail)
        return Observation(() if remainder else (Claim(episode.episode_id, self._reason),), explanation)
