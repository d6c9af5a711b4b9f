"""Waiting for room in a full ring: for ever, or for as long as the sender makes progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from recorder.black_box import Ring
from recorder.capture.refusals import Refusals

__all__ = ["Waiting"]

_POLL_SECS = 0.001

_STANDSTILL_SECS = 1.0
"""A sender that has given no room back for so long is not waited for, until it gives some again: a server that is away costs the
trainer so much once, not with each step."""

_MOST_SECS = 10.0
"""How long calls may wait in a row, all together."""

_SHARE = 0.1
"""Part of the time that calls may wait in the long run."""


class Waiting:
    """One for each recorder.

    Args:
        refusals: counts the time.
        is_endless: wait until there is room, whatever the sender does.
        look: looks after the sender; False when nobody reads the ring any more.
    """

    def __init__(self, ring: Ring, refusals: Refusals, *, is_endless: bool, look: Callable[[], bool]) -> None:
        self._ring = ring
        self._refusals = refusals
        self._is_endless = is_endless
        self._look = look
        self._began = time.monotonic()
        self._tail = -1
        self._tail_since = 0.0
        self._given_up_at = -1
        """Where the tail stood when it was waited for in vain."""
        self._spent_secs = 0.0
        """Of the time that calls may wait."""
        self._waited_secs = 0.0
        self._n_told_millis = 0

    def wait(self, *, has_large: bool) -> bool:
        """There is no room: wait a moment, and say whether to try again.

        Args:
            has_large: the step has large values, such as pictures, which are left out before numbers have to wait.
        """
        if (has_large and not self._is_endless) or self.is_in_vain():
            return False
        began = time.monotonic()
        time.sleep(_POLL_SECS)
        self._count(time.monotonic() - began)
        return self._look()

    def is_in_vain(self) -> bool:
        """Whether the sender makes no progress, or the trainer has waited enough so far."""
        return not self._is_endless and not self._is_worth_it()

    def _is_worth_it(self) -> bool:
        now, tail = time.monotonic(), self._ring.tail
        if tail == self._given_up_at:
            return False
        if tail != self._tail:
            self._tail, self._tail_since = tail, now
        elif now - self._tail_since > _STANDSTILL_SECS:
            self._given_up_at = tail
            return False
        earned_secs = _SHARE * (now - self._began)
        self._spent_secs = max(self._spent_secs, earned_secs)
        return self._spent_secs - earned_secs < _MOST_SECS

    def _count(self, secs: float) -> None:
        self._spent_secs += secs
        self._waited_secs += secs
        n_millis = int(1000 * self._waited_secs)
        self._refusals.count(n_waited_millis=n_millis - self._n_told_millis)
        self._n_told_millis = n_millis
