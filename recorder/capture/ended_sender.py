"""A sender process that ended before it was asked to: what became of the steps that it had been given.

It died in the midst of sending, so that what it told its trainer last is not all that it did. The server knows: each
transaction counts the steps that it brings.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, replace
from typing import Self

from recorder.capture.losses import TrainerLosses
from recorder.capture.stats import RecorderStats
from recorder.capture.wire import Hello, Report

__all__ = ["EndedSender"]

_ASK_SECS = 0.05


@dataclass(frozen=True, slots=True)
class EndedSender:
    """The counters of one such process.

    Args:
        hello: what it was told.
        n_given_steps: what its trainer passed on to it.
        stats: what it counted itself, corrected so that every step that it was given is recorded, refused or lost.
        is_forgotten: the server has lost its data since: what no worker had written by then counts as recorded, and is not.
    """

    hello: Hello
    n_given_steps: int
    stats: RecorderStats
    is_forgotten: bool = False

    @classmethod
    def of(cls, hello: Hello, report: Report, *, n_given_steps: int, reason: str) -> Self:
        """As it told last."""
        stats = replace(report.stats, n_steps_waiting=0, n_bytes_pending=0, last_error=reason)
        stats.n_errors += 1
        ended = cls(hello, n_given_steps, stats)
        return ended._with_kept(stats.n_recorded_steps - report.n_unsent_steps)

    def given_more(self, n_steps: int) -> Self:
        """Nobody takes these steps any more: they are lost with it."""
        return replace(self, n_given_steps=self.n_given_steps + n_steps)._with_kept(self.stats.n_recorded_steps)

    def settled(self, deadline: float, away: TrainerLosses | None) -> Self:
        """As the server knows it, which is told so as well, for those who add the counters of a run up.

        Args:
            deadline: until then it is asked again while its answers differ.
            away: what never reached the queue; None where a later process tells of that.

        Raises:
            StreamError: it does not answer.
        """
        identity = self.hello.identity
        settled = self
        while (n_kept := self.hello.stream.kept_steps(identity.run_id, identity.producer_id)) is not None:
            is_same = n_kept == settled.stats.n_recorded_steps
            settled = settled._with_kept(n_kept)
            if is_same or time.monotonic() >= deadline:
                break
            time.sleep(_ASK_SECS)
        if n_kept is None and settled.stats.n_recorded_steps and not settled.is_forgotten:
            settled = settled._forgotten()
        stats = settled.stats if away is None else away.added_to(settled.stats)
        said = {**stats.to_map(), "host": socket.gethostname(), "pid": self.hello.pid, "closed": False}
        self.hello.stream.beat(identity.run_id, identity.producer_id, said, info=None, now=time.time())
        return settled

    def _with_kept(self, n_kept: int) -> Self:
        n_lost = self.n_given_steps - n_kept - self.stats.n_refused_steps
        return replace(self, stats=replace(self.stats, n_recorded_steps=n_kept, n_lost_steps=n_lost))

    def _forgotten(self) -> Self:
        n_steps = self.stats.n_recorded_steps
        error = (
            f"the server has lost its data since a sender process ended that had brought {n_steps} steps: those of them that "
            "no worker had written are lost, and count as recorded"
        )
        stats = replace(self.stats, n_errors=self.stats.n_errors + 1, last_error=error)
        return replace(self, stats=stats, is_forgotten=True)
