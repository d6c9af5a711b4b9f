"""``Intake``: no answer is begun while requests are still arriving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from replay_server.front.workers import Workers

__all__ = ["Intake"]

_QUIET_ROUNDS = 4
"""Rounds of the event loop without an arrival, after which all have arrived. An accepted connection takes three until
its request is read."""

_LONGEST_SECS = 0.5
"""How long arrivals may delay answers. After this, answers have as much time before arrivals delay them again."""


class Intake:
    """Holds the threads while the event loop reads requests.

    Threads that compute take turns with the event loop, and each time the loop reads from a socket it waits until all of
    them had their turn. With 600 requests at once, the last would be read after seconds.

    Args:
        loop: the event loop that reads.
        pools: the threads to hold.
        clock: monotonic seconds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, pools: Sequence[Workers], clock: Callable[[], float]) -> None:
        self._loop = loop
        self._pools = pools
        self._clock = clock
        self._n_arrivals = 0
        self._is_holding = False
        self._held_at = float("-inf")
        self._answers_until = float("-inf")

    def note_arrival(self) -> None:
        """A connection or a part of a request has arrived."""
        self._n_arrivals += 1
        if not self._is_holding and (now := self._clock()) >= self._answers_until:
            self._is_holding, self._held_at = True, now
            for pool in self._pools:
                pool.hold()
            self._loop.call_soon(self._look, self._n_arrivals, 0)

    def _look(self, n_seen: int, n_quiet: int) -> None:
        n_quiet = n_quiet + 1 if n_seen == self._n_arrivals else 0
        now = self._clock()
        if n_quiet < _QUIET_ROUNDS and now < self._held_at + _LONGEST_SECS:
            self._loop.call_soon(self._look, self._n_arrivals, n_quiet)
            return
        if n_quiet < _QUIET_ROUNDS:
            self._answers_until = now + _LONGEST_SECS
        self._is_holding = False
        for pool in self._pools:
            pool.go_on()
