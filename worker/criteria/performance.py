"""Keeps episodes with unusually high or low returns, up to a fixed share."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recorder.agents.whose_return import WhoseReturn
from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.settings.criteria import PerformanceSettings
from worker.criteria.base import (
    Claim,
    Criterion,
    EpisodeSummary,
    Explanation,
    Observation,
    checked_setting,
    plain_number,
)
from worker.criteria.tail import Candidate, Standing, Tail

__all__ = ["PerformanceCriterion"]

_MIN_HISTORY = 10
"""Returns. With fewer, a tenth is less than one episode."""

_DEFAULTS = PerformanceSettings()

_MAX_NAMED = 10
"""Agents or teams in a message."""

_log = logging.getLogger(__name__)

_MIN_PERCENTILE = 0.0001
"""Percent: one episode in a million."""


class PerformanceCriterion(Criterion):
    """Keeps the episodes with the best and the worst recent returns.

    An episode is compared with the last ``history_window`` returns before it. It stands out at the top if at least
    ``1
    - top_percentile / 100`` of them are strictly lower, or if none is higher and some are lower. So of returns that
    are only 0 or 1 some of each are kept; of equal returns none is. It is kept as ``top_10.0pct``. The bottom works the
    same way with lower and higher exchanged. Judging begins after ``max(10, history_window // 10)`` returns; then the
    best and the worst of these are kept, unless all are equal.

    *The share.* Among any ``history_window`` judged episodes in a row, at most ``top_percentile`` percent (rounded
    down) are kept for the top, and likewise for the bottom, even if returns rise or fall steadily. Until that many were
    judged, the share applies to the number judged, but is at least one. If the share is less than one episode per
    window, it is one in ``100 / percentile`` episodes. A share that allows one episode in a hundred or more may have a
    second one in a steady rise.

    *The best is never lost.* Each side holds the episode that it took last. If the share is used up, a return that
    beats the whole window replaces the held episode, which is released: in a steady rise one in ten is kept, and always
    the best so far. The held episode is kept for good when the next one is taken in addition, when it is a window old,
    and when the run ends. If a run continues after its end, nothing is held, so a new best may exceed the share by one.

    *Several agents.* ``of`` says whose return is meant. An episode without that agent or team is not judged, which is
    logged once.

    Only complete episodes count: a ``truncated`` or ``salvaged`` episode, or one whose return is NaN, is not judged and
    does not enter the history. An infinite return does not enter the history either, so the best finite one is still
    found: among ``history_window`` judged episodes, one of ``inf`` and one of ``-inf`` is kept in addition to the share.
    The state is ``history_window`` returns, at most as many numbers for the shares, and two held episodes.

    Example: with the defaults, after the returns 1 to 100, a return of 91 (higher than 90 of 100) is kept as
    ``top_10.0pct``; a return of 90 is not.

    Args:
        top_percentile: percent, 0 (none), or 0.0001 to 100 (all).
        bottom_percentile: the same for the worst.
        history_window: number of returns to compare with, at least 10.
        of: whose return is judged: ``sum`` (the episode's), ``min``, ``max``, ``spread``, ``agent:ID`` or ``team:NAME``.

    Raises:
        UsageError: a percentile is outside 0 to 100, the window is not an integer within its limits, or ``of`` is none of
            these.
    """

    name = "performance"

    def __init__(
        self,
        top_percentile: float = _DEFAULTS.top_percentile,
        bottom_percentile: float = _DEFAULTS.bottom_percentile,
        history_window: int = _DEFAULTS.history_window,
        of: str = _DEFAULTS.of,
    ) -> None:
        try:
            self._whose = WhoseReturn.parse(of)
        except UsageError as error:
            raise UsageError(f"{self.name}: of: {error}") from None
        self._window = checked_setting(self.name, PerformanceSettings, "history_window", history_window)
        self._n_needed = n_early = max(_MIN_HISTORY, self._window // 10)
        top, bottom = (
            _checked_percentile("top_percentile", top_percentile),
            _checked_percentile("bottom_percentile", bottom_percentile),
        )
        self._top = Tail("top", top, self._window, n_early=n_early, whose=self._whose)
        self._bottom = Tail("bottom", bottom, self._window, n_early=n_early, whose=self._whose)
        self._tails = (self._top, self._bottom)
        self._early_detail = (
            f"the best and the worst of the first {n_early} {self._whose.plural} are kept, unless all are equal"
        )
        self._has_told = False
        self._n_judged = 0
        self._history: deque[float] = deque()
        self._sorted: list[float] = []

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judge the return against those before it, then remember it."""
        for tail in self._tails:
            tail.forget(episode.episode_id)
        value = self._whose.of(float(episode.total_reward), episode.agents)
        if episode.status is not EpisodeStatus.COMPLETE:
            return self._not_judged(value, f"not judged: {self._whose.words} is partial in a {episode.status} episode")
        if value is None:
            return self._missing(episode)
        if math.isnan(value):
            return self._not_judged(value, f"not judged: {self._whose.words} is not a number")
        self._n_judged += 1
        if math.isinf(value):
            return self._judge_infinite(episode.episode_id, value)
        waited = self._waiting()
        candidate = Candidate(episode.episode_id, self._n_judged, value)
        if len(self._history) < self._n_needed:
            observation = self._judge_early(candidate)
        else:
            observation = self._judge(candidate)
        self._remember(value)
        return observation._replace(released=tuple(waited - self._waiting()))

    def held(self) -> Collection[int]:
        """Return the episodes that the two sides hold."""
        return self._waiting()

    def end_run(self) -> Sequence[Claim]:
        """Keep the held episodes; the history and the shares stay."""
        if len(self._history) >= self._n_needed:
            self._begin()
        return [claim for tail in self._tails for claim in tail.keep_held()]

    def state(self) -> dict[str, Any]:
        """Return the returns in order, and the kept and held episodes of each side."""
        return {
            "of": str(self._whose),
            "has_told": self._has_told,
            "n_judged": self._n_judged,
            "history": [plain_number(value) for value in self._history],
            "top": self._top.state(),
            "bottom": self._bottom.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the history, up to the current window; a history of other returns is left."""
        if state.get("of", "sum") != str(self._whose):
            return
        self._has_told = bool(state.get("has_told"))
        self._n_judged = state["n_judged"]
        self._history = deque(float(value) for value in state["history"][-self._window :])
        self._sorted = sorted(self._history)
        for side, tail in (("top", self._top), ("bottom", self._bottom)):
            tail.restore(state[side])

    def _waiting(self) -> set[int]:
        return {it.episode_id for tail in self._tails if (it := tail.waiting) is not None}

    def _begin(self) -> None:
        for tail in self._tails:
            tail.begin(self._sorted)

    def _judge_infinite(self, episode_id: int, value: float) -> Observation:
        tail = self._top if value > 0 else self._bottom
        is_kept = tail.take_infinite(self._n_judged)
        claims = (Claim(episode_id, tail.reason),) if is_kept else ()
        return Observation(claims, Explanation(self.name, is_kept, value, None, tail.infinite_detail))

    def _judge_early(self, candidate: Candidate) -> Observation:
        waits = [tail for tail in self._tails if tail.wait_early(candidate)]
        if waits:
            detail = waits[0].early_detail if len(waits) == 1 else self._early_detail
            return Observation((), Explanation(self.name, None, candidate.value, None, detail))
        return self._not_judged(
            candidate.value, f"not judged: fewer than {self._n_needed} {self._whose.plural} were known"
        )

    def _judge(self, candidate: Candidate) -> Observation:
        self._begin()
        n_history = len(self._sorted)
        n_below = bisect_left(self._sorted, candidate.value)
        n_above = n_history - bisect_right(self._sorted, candidate.value)
        standings = {
            self._top: Standing(n_below, n_above, n_history),
            self._bottom: Standing(n_above, n_below, n_history),
        }
        claims: list[Claim] = []
        outstanding, taken = [], []
        for tail, standing in standings.items():
            claims += tail.forget_before(candidate.ordinal)
            if tail.stands_out(standing):
                outstanding.append(tail)
                is_taken, final = tail.take(candidate, is_new_best=standing.n_beaten == n_history)
                claims += final
                if is_taken:
                    taken.append(tail)
        # Explain the side that takes the episode, else the nearer one if it is switched on.
        nearer, other = self._tails if n_below >= n_above else (self._bottom, self._top)
        explained = taken[0] if taken else nearer if nearer.percentile else other
        detail = (
            explained.held_detail if taken else explained.full_detail if explained in outstanding else explained.detail
        )
        threshold = self._threshold(explained, n_history)
        return Observation(
            tuple(claims), Explanation(self.name, None if taken else False, candidate.value, threshold, detail)
        )

    def _threshold(self, tail: Tail, n_history: int) -> float | None:
        """Return the threshold, or None if every return passes."""
        n_to_beat = tail.n_to_beat(n_history)
        if not n_to_beat:
            return None
        return self._sorted[n_to_beat - 1] if tail is self._top else self._sorted[n_history - n_to_beat]

    def _missing(self, episode: EpisodeSummary) -> Observation:
        what = f"{self._whose.kind} {self._whose.name!r}"
        if not self._has_told:
            self._has_told = True
            names = sorted({it.agent_id if self._whose.kind == "agent" else it.team for it in episode.agents})
            _log.warning(
                "criterion %s with of=%s does not judge episode_id=%d: it has no %s; %s. Said once.",
                self.name,
                self._whose,
                episode.episode_id,
                what,
                f"it has {', '.join(map(repr, names[:_MAX_NAMED]))}" if names else "it has a single agent",
            )
        return Observation((), Explanation(self.name, False, None, None, f"not judged: the episode has no {what}"))

    def _not_judged(self, value: float | None, detail: str) -> Observation:
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
