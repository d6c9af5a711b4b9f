"""One side of the performance criterion: keeps the best or the worst episodes, up to a share."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from recorder.agents.whose_return import WhoseReturn
from worker.criteria.base import Claim, plain_number

__all__ = ["Candidate", "Standing", "Tail"]

_ROUNDING = 1e-9
"""Episodes: more than the rounding error of ``percentile * n / 100``, and far less than one."""


class Candidate(NamedTuple):
    """A judged episode: its number among the judged ones, from 1, and its return."""

    episode_id: int
    ordinal: int
    value: float


class Standing(NamedTuple):
    """How a return compares with the history: the number of worse ones, of better ones, and of all."""

    n_beaten: int
    n_better: int
    n_history: int


class Tail:
    """The best or the worst share of the returns.

    The episode that was taken last is *held*: if the share is used up, a new best return replaces it. So the best of a
    run is never lost, and the share is never exceeded.

    Args:
        side: ``top``, where larger is better, or ``bottom``, where smaller is better.
        percentile: size of the share in percent.
        window: number of returns to compare with.
        n_early: number of returns needed before one is judged.
        whose: the return that is judged.
    """

    def __init__(self, side: str, percentile: float, window: int, *, n_early: int, whose: WhoseReturn) -> None:
        self.percentile = percentile
        self.reason = f"{side}_{percentile}pct"
        self.held: Candidate | None = None
        """The episode that was taken last."""
        self._early: Candidate | None = None
        """The best so far, while there are too few returns to judge."""
        # A share below one episode per window allows one in a longer window.
        self._cap_window = max(window, math.ceil(100 / percentile - _ROUNDING)) if percentile else window
        # While returns rise, the only place of such a share would move on and never free itself. If one more episode in
        # a window is at most one percent, the place keeps the time at which it was first taken.
        self._is_place_fixed = self._cap_window >= 100 and self._allowance(self._cap_window) <= 1
        self._kept_at: deque[int] = deque()
        """Ordinals of the kept episodes, including the held one."""
        self._infinite_at: int | None = None
        """Ordinal of the last kept episode with an infinite return."""
        self._sign = 1 if side == "top" else -1
        self._n_history = self._n_to_beat = -1
        word, best = ("above", "best") if side == "top" else ("below", "worst")
        quota = f"{side} {percentile:g} % of the last {window} {whose.plural}"
        self.detail = f"{whose.words} must be {word} the threshold, or equal the {best} if some are not: {quota}"
        self.full_detail = f"{word} the threshold, but the quota was already full: {quota}"
        self.held_detail = (
            f"{word} the threshold: {quota}; kept, unless the quota is full and a new {best} return takes its place"
        )
        self.infinite_detail = (
            f"infinite: one such episode in {self._cap_window} is kept, in addition to the quota"
            if percentile
            else f"infinite: none is kept, because the quota is {quota}"
        )
        self.early_detail = f"the {best} of the first {n_early} {whose.plural} is kept, unless all are equal"

    def n_to_beat(self, n_history: int) -> int:
        """Return how many returns it must beat."""
        if n_history != self._n_history:  # only while the window fills
            self._n_history = n_history
            self._n_to_beat = math.ceil((100 - self.percentile) * n_history / 100 - _ROUNDING)
        return self._n_to_beat

    def stands_out(self, standing: Standing) -> bool:
        """Return whether a return beats enough of the others, or is one of the best if those exceed the share."""
        if not self.percentile:
            return False
        return standing.n_beaten >= self.n_to_beat(standing.n_history) or (
            not standing.n_better and standing.n_beaten > 0
        )

    @property
    def waiting(self) -> Candidate | None:
        """The undecided episode on this side."""
        return self.held or self._early

    def wait_early(self, candidate: Candidate) -> bool:
        """Hold the episode if it is the best so far, before there are enough returns to judge; return whether it is."""
        if not self.percentile or (self._early is not None and not self._beats(candidate, self._early)):
            return False
        self._early = candidate
        return True

    def begin(self, history: Sequence[float]) -> None:
        """Begin judging. The best of the returns, which are sorted, takes the first place unless all are equal."""
        early, self._early = self._early, None
        if early is not None and history[0] < history[-1]:
            self._kept_at.append(early.ordinal)
            self.held = early

    def forget_before(self, ordinal: int) -> list[Claim]:
        """Forget places that are more than a window old; return a claim if the held episode was there."""
        first = ordinal - self._cap_window
        while self._kept_at and self._kept_at[0] <= first:
            self._kept_at.popleft()
        return self.keep_held() if self.held is not None and not self._kept_at else []

    def keep_held(self) -> list[Claim]:
        """Keep the held episode for good."""
        held, self.held, self._early = self.held, None, None
        return [] if held is None else [Claim(held.episode_id, self.reason)]

    def take(self, candidate: Candidate, *, is_new_best: bool) -> tuple[bool, list[Claim]]:
        """Try to take an episode that stands out; return whether it was taken, and claims for episodes that are now
        final."""
        claims: list[Claim] = []
        place = candidate.ordinal
        if len(self._kept_at) < self._allowance(candidate.ordinal):
            claims = self.keep_held()
        elif is_new_best and self.held is None:
            pass  # one more than the share: the run continues after its end, and nothing is held
        elif is_new_best and self.held is not None and self._beats(candidate, self.held):
            before = self._kept_at.pop()
            place = before if self._is_place_fixed else place
        else:
            return False, claims
        self._kept_at.append(place)
        self.held = candidate
        return True, claims

    def take_infinite(self, ordinal: int) -> bool:
        """Return whether to keep an episode of an infinite return: one in a window, since nothing beats it."""
        if not self.percentile or (self._infinite_at is not None and ordinal - self._infinite_at < self._cap_window):
            return False
        self._infinite_at = ordinal
        return True

    def forget(self, episode_id: int) -> None:
        """Forget an episode that is played again."""
        if self.held is not None and self.held.episode_id == episode_id:
            self._kept_at.pop()
            self.held = None
        if self._early is not None and self._early.episode_id == episode_id:
            self._early = None

    def state(self) -> dict[str, Any]:
        """Return the state as strict JSON."""
        return {
            "kept_at": list(self._kept_at),
            "held": _packed(self.held),
            "early": _packed(self._early),
            "infinite_at": self._infinite_at,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the state. A side that is switched off now holds nothing."""
        self._kept_at = deque(state["kept_at"])
        self.held = _unpacked(state["held"]) if self.percentile and self._kept_at else None
        self._early = _unpacked(state["early"]) if self.percentile else None
        self._infinite_at = state.get("infinite_at")

    def _allowance(self, ordinal: int) -> int:
        """Return the number of places after this many judged episodes."""
        return max(1, math.floor(self.percentile * min(ordinal, self._cap_window) / 100 + _ROUNDING))

    def _beats(self, one: Candidate, other: Candidate) -> bool:
        return self._sign * one.value > self._sign * other.value


def _packed(candidate: Candidate | None) -> list[Any] | None:
    return None if candidate is None else [candidate.episode_id, candidate.ordinal, plain_number(candidate.value)]


def _unpacked(packed: Sequence[Any] | None) -> Candidate | None:
    return None if packed is None else Candidate(packed[0], packed[1], float(packed[2]))
