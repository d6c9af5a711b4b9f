"""Counters that are kept by name, beside the statistics that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recorder.publish.stats import RecorderStats

__all__ = ["Counts", "added"]


class Counts:
    """Adds to statistics.

    Args:
        stats: what is shown.
        on_first: told the name of what is counted for the first time.
    """

    def __init__(self, stats: RecorderStats, *, on_first: Callable[[str], None] | None = None) -> None:
        self.stats = stats
        self._on_first = on_first

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        if self._on_first is not None and number and not getattr(self.stats, name):
            self._on_first(name)
        setattr(self.stats, name, getattr(self.stats, name) + number)

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Count several things."""
        for name, number in counts.items():
            self.add(name, number)


def added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Both together."""
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
