"""One side of the performance criterion: which of the episodes that stand out are kept, within a share."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from worker.criteria.base import Claim, plain_number

__all__ = ["Candidate", "Standing", "Tail"]

_ROUNDING = 1e-9
"""Episodes: more than the rounding of ``percentile * n / 100``, far less than one."""


class Candidate(NamedTuple):
    """An episode whose return is judged: its place among the judged ones, from 1, and its return."""

    episode_id: int
    ordinal: int
    value: float


class Standing(NamedTuple):
    """How a return compares with the history: so many are worse, so many are better, of so many in all."""

    n_beaten: int
    n_better: int
    n_history: int


class Tail:
    """The best or the worst share of the returns.

    The episode that was taken last is *held*: a new best return finds a place even where the share is used up, by taking that
    of the held one. So the best of a run is never lost, and no more are kept than the share says.

    Args:
        side: ``top``, where larger is better, or ``bottom``, where smaller is.
        percentile: of the share.
        window: returns that one is compared with.
        n_early: returns that must be known before one is judged.
    """

    def __init__(self, side: str, percentile: float, window: int, *, n_early: int) -> None:
        self.percentile = percentile
        self.reason = f"{side}_{percentile}pct"
        self.held: Candidate | None = None
        """The episode that was taken last."""
        self._early: Candidate | None = None
        """The best so far, before there are enough to judge."""
        # A share too small for one episode a window allows one in a longer time.
        self._cap_window = max(window, math.ceil(100 / percentile - _ROUNDING)) if percentile else window
        # The one place of such a share would move on for ever while returns rise; where one episode more in a window is no
        # more than a percent, it keeps the time at which it was taken.
        self._is_place_fixed = self._cap_window >= 100 and self._allowance(self._cap_window) <= 1
        self._kept_at: deque[int] = deque()
        """Places of the episodes that are kept, the held one among them."""
        self._sign = 1 if side == "top" else -1
        self._n_history = self._n_to_beat = -1
        word, best = ("above", "best") if side == "top" else ("below", "worst")
        self.detail = (
            f"the return must be {word} the threshold, or equal to the {best} where some are not: "
            f"{side} {percentile} % of the last {window} returns"
        )
        self.full_detail = f"{self.detail}; it is, but the episodes kept in that time have used up the share"
        self.held_detail = (
            f"{self.detail}; it is, and is kept unless a new {best} return takes its place while the share is used up"
        )
        self.early_detail = f"the {best} of the first {n_early} returns is kept, unless all are equal"

    def n_to_beat(self, n_history: int) -> int:
        """How many of the returns must lie strictly on the other side."""
        if n_history != self._n_history:  # only while the window fills
            self._n_history = n_history
            self._n_to_beat = math.ceil((100 - self.percentile) * n_history / 100 - _ROUNDING)
        return self._n_to_beat

    def stands_out(self, standing: Standing) -> bool:
        """Whether a return is within the share: it beats so many, or is one of the best where these are more than the share."""
        if not self.percentile:
            return False
        return standing.n_beaten >= self.n_to_beat(standing.n_history) or (
            not standing.n_better and standing.n_beaten > 0
        )

    @property
    def waiting(self) -> Candidate | None:
        """The episode that is not decided yet on this side."""
        return self.held or self._early

    def wait_early(self, candidate: Candidate) -> bool:
        """Hold the best of the returns before there are enough to judge; False when this is none."""
        if not self.percentile or (self._early is not None and not self._beats(candidate, self._early)):
            return False
        self._early = candidate
        return True

    def begin(self, history: Sequence[float]) -> None:
        """Enough returns are known, in ascending order: the best of them has the first place, unless all are equal."""
        early, self._early = self._early, None
        if early is not None and history[0] < history[-1]:
            self._kept_at.append(early.ordinal)
            self.held = early

    def leave_behind(self, ordinal: int) -> list[Claim]:
        """Forget the places that lie too far back; what is held there is kept for good."""
        first = ordinal - self._cap_window
        while self._kept_at and self._kept_at[0] <= first:
            self._kept_at.popleft()
        return self.settle() if self.held is not None and not self._kept_at else []

    def settle(self) -> list[Claim]:
        """The held episode is kept for good."""
        held, self.held, self._early = self.held, None, None
        return [] if held is None else [Claim(held.episode_id, self.reason)]

    def take(self, candidate: Candidate, *, is_new_best: bool) -> tuple[bool, list[Claim]]:
        """A place for an episode that stands out: whether it gets one, and what is kept for good over it."""
        claims: list[Claim] = []
        place = candidate.ordinal
        if len(self._kept_at) < self._allowance(candidate.ordinal):
            claims = self.settle()
        elif is_new_best and self.held is None:
            pass  # one too many: the run has ended and goes on, and what was held is kept
        elif is_new_best and self.held is not None and self._beats(candidate, self.held):
            before = self._kept_at.pop()
            place = before if self._is_place_fixed else place
        else:
            return False, claims
        self._kept_at.append(place)
        self.held = candidate
        return True, claims

    def forget(self, episode_id: int) -> None:
        """An episode is played again: what was said of it holds no more."""
        if self.held is not None and self.held.episode_id == episode_id:
            self._kept_at.pop()
            self.held = None
        if self._early is not None and self._early.episode_id == episode_id:
            self._early = None

    def state(self) -> dict[str, Any]:
        """All that changes, as strict JSON."""
        return {"kept_at": list(self._kept_at), "held": _packed(self.held), "early": _packed(self._early)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes it back; nothing is held on a side that is switched off since."""
        self._kept_at = deque(state["kept_at"])
        self.held = _unpacked(state["held"]) if self.percentile and self._kept_at else None
        self._early = _unpacked(state["early"]) if self.percentile else None

    def _allowance(self, ordinal: int) -> int:
        """Places that there are once so many were judged."""
        return max(1, math.floor(self.percentile * min(ordinal, self._cap_window) / 100 + _ROUNDING))

    def _beats(self, one: Candidate, other: Candidate) -> bool:
        return self._sign * one.value > self._sign * other.value


def _packed(candidate: Candidate | None) -> list[Any] | None:
    return None if candidate is None else [candidate.episode_id, candidate.ordinal, plain_number(candidate.value)]


def _unpacked(packed: Sequence[Any] | None) -> Candidate | None:
    return None if packed is None else Candidate(packed[0], packed[1], float(packed[2]))
