"""Keeps the episodes whose return stands out from the recent ones, within a fixed share."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Mapping
from typing import Any

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation, checked_count, plain_number

__all__ = ["PerformanceCriterion"]

_MIN_HISTORY = 10
"""Returns: of fewer, a tenth is no whole episode."""

_MIN_PERCENTILE = 0.0001
"""Percent: one episode in a million."""

_ROUNDING = 1e-9
"""Episodes: more than the rounding of ``percentile * n / 100``, far less than one."""


class _Tail:
    """The best or the worst share of the returns, and how much of that share is used up."""

    def __init__(self, side: str, percentile: float, window: int) -> None:
        self.percentile = percentile
        self.reason = f"{side}_{percentile}pct"
        # A share too small for one episode a window allows one in a longer time.
        self._cap_window = max(window, math.ceil(100 / percentile - _ROUNDING)) if percentile else window
        self.kept_at: deque[int] = deque()
        self._n_history = self._n_to_beat = -1
        word = "above" if side == "top" else "below"
        self.detail = f"the return must be {word} the threshold: {side} {percentile} % of the last {window} returns"
        self.cap_detail = f"{self.detail}; it is, but the episodes kept in that time have used up the share"

    def n_to_beat(self, n_history: int) -> int:
        """How many of the returns must lie strictly on the other side."""
        if n_history != self._n_history:  # only while the window fills
            self._n_history = n_history
            self._n_to_beat = math.ceil((100 - self.percentile) * n_history / 100 - _ROUNDING)
        return self._n_to_beat

    def stands_out(self, n_beaten: int, n_history: int) -> bool:
        """Whether a return that beats so many of the history is within the share."""
        return self.percentile > 0 and n_beaten >= self.n_to_beat(n_history)

    def take_place(self, ordinal: int) -> bool:
        """Counts the episode at this place in the sequence of judged returns (from 1) as kept, if the cap allows it."""
        while self.kept_at and self.kept_at[0] <= ordinal - self._cap_window:
            self.kept_at.popleft()
        allowance = math.floor(self.percentile * min(ordinal, self._cap_window) / 100 + _ROUNDING)
        if len(self.kept_at) >= max(1, allowance):
            return False
        self.kept_at.append(ordinal)
        return True


class PerformanceCriterion(Criterion):
    """Keeps the episodes with the best and the worst returns of their time.

    An episode is compared with the ``history_window`` returns before it, its own not among them. It is a top
    performer when the share of them strictly below its return is at least ``1 - top_percentile / 100``, and is kept as
    ``top_10.0pct``; the bottom is the mirror image. Nothing is judged before ``max(10, history_window // 10)`` returns
    are known. Equal returns never stand out.

    *The cap.* Among any ``history_window`` judged episodes in a row, at most ``top_percentile`` percent are kept for
    the top, rounded down, and the same for the bottom, also while returns steadily rise or fall; before that many were
    judged, the same share of those that were, or one. Where the share comes to less than one episode a window, it is
    one in ``100 / percentile`` episodes.

    Only whole returns count: an episode that is ``truncated`` or ``salvaged``, or whose return is NaN, is not judged
    and does not enter the history. Infinite returns do both. Nothing is held. It remembers ``history_window`` returns,
    and for the caps at most as many numbers.

    Example: with the defaults, after the returns 1 to 100, a return of 91 (90 of 100 lie below) is kept as
    ``top_10.0pct``; one of 90 is not.

    Args:
        top_percentile: percent, 0 (none), or 0.0001 to 100 (all).
        bottom_percentile: the same for the worst.
        history_window: returns compared with, at least 10.

    Raises:
        UsageError: a percentile is outside 0 to 100, or the window is too small, too large or no whole number.
    """

    name = "performance"

    def __init__(
        self, top_percentile: float = 10.0, bottom_percentile: float = 10.0, history_window: int = 100
    ) -> None:
        self._window = checked_count(self.name, "history_window", history_window, minimum=_MIN_HISTORY, maximum=100_000)
        self._top = _Tail("top", _checked_percentile("top_percentile", top_percentile), self._window)
        self._bottom = _Tail("bottom", _checked_percentile("bottom_percentile", bottom_percentile), self._window)
        self._n_needed = max(_MIN_HISTORY, self._window // 10)
        self._n_judged = 0
        self._history: deque[float] = deque()
        self._sorted: list[float] = []

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judges the return against those before it, then remembers it."""
        value = float(episode.total_reward)
        if episode.status is not EpisodeStatus.COMPLETE:
            return self._not_judged(value, f"not judged: the return of an episode that is {episode.status} is partial")
        if math.isnan(value):
            return self._not_judged(value, "not judged: the return is not a number")
        self._n_judged += 1
        if len(self._history) < self._n_needed:
            observation = self._not_judged(value, f"not judged: fewer than {self._n_needed} returns were known")
        else:
            observation = self._judge(episode.episode_id, value)
        self._remember(value)
        return observation

    def state(self) -> dict[str, Any]:
        """The returns in their order, and where in the sequence the last ones were kept."""
        return {
            "n_judged": self._n_judged,
            "history": [plain_number(value) for value in self._history],
            "top_kept_at": list(self._top.kept_at),
            "bottom_kept_at": list(self._bottom.kept_at),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back the history, as far as today's window reaches."""
        self._n_judged = state["n_judged"]
        self._history = deque(float(value) for value in state["history"][-self._window :])
        self._sorted = sorted(self._history)
        self._top.kept_at = deque(state["top_kept_at"])
        self._bottom.kept_at = deque(state["bottom_kept_at"])

    def _judge(self, episode_id: int, value: float) -> Observation:
        n_history = len(self._sorted)
        n_below = bisect_left(self._sorted, value)
        n_above = n_history - bisect_right(self._sorted, value)
        n_beaten = {self._top: n_below, self._bottom: n_above}
        outstanding = [tail for tail in n_beaten if tail.stands_out(n_beaten[tail], n_history)]
        kept = [tail for tail in outstanding if tail.take_place(self._n_judged)]
        # Explained is a side that keeps the return, or else the one that it is nearer to, if that is switched on.
        nearer, other = (self._top, self._bottom) if n_below >= n_above else (self._bottom, self._top)
        explained = kept[0] if kept else nearer if nearer.percentile else other
        detail = explained.cap_detail if not kept and explained in outstanding else explained.detail
        explanation = Explanation(self.name, bool(kept), value, self._threshold(explained, n_history), detail)
        return Observation(tuple([Claim(episode_id, tail.reason) for tail in kept]), explanation)

    def _threshold(self, tail: _Tail, n_history: int) -> float | None:
        """The return to beat; None where every return would do."""
        n_to_beat = tail.n_to_beat(n_history)
        if not n_to_beat:
            return None
        return self._sorted[n_to_beat - 1] if tail is self._top else self._sorted[n_history - n_to_beat]

    def _not_judged(self, value: float, detail: str) -> Observation:
        return Observation((), Explanation(self.name, False, value, None, detail))

    def _remember(self, value: float) -> None:
        if len(self._history) == self._window:
            del self._sorted[bisect_left(self._sorted, self._history.popleft())]
        self._history.append(value)
        insort(self._sorted, value)


def _checked_percentile(argument: str, value: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (value == 0 or _MIN_PERCENTILE <= value <= 100):
        return float(value)
    raise UsageError(
        f"performance: {argument} must be a percentage, 0 (none) or {_MIN_PERCENTILE} to 100 (all), got {value!r}"
    )
