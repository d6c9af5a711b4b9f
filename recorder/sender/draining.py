"""Sending what a ring holds whose trainer is gone: how it is bounded, and what it comes to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from recorder.black_box import Outcome, Ring
from recorder.black_box.places import journal_of, spool_of
from recorder.errors import BlackBoxError
from recorder.publish import PublisherLimits
from recorder.publish.publisher import Publisher
from recorder.sender.files import remove_files
from recorder.step_stream import StepStream

__all__ = ["Drained", "Patience", "drain", "limits_of"]

_log = logging.getLogger(__name__)

_PATIENCE_SECS = 60.0
"""How long the sender of a dead trainer tries to reach a server in vain."""

_LOOK_SECS = 0.25


class Drained(NamedTuple):
    """What became of a black box.

    Args:
        n_steps: sent, and acknowledged.
        n_episodes: that ended, of those sent.
        why_left: empty when nothing is left and the file is removed.
    """

    run_id: str
    n_steps: int = 0
    n_episodes: int = 0
    why_left: str = ""


class Patience:
    """Says when a sender whose trainer is gone has tried for long enough.

    Args:
        is_waited_for: whether somebody still needs it; then it has all the time that it needs.
        secs: how long it may go on without getting anything acknowledged.
    """

    def __init__(self, ring: Ring, *, is_waited_for: Callable[[], bool], secs: float = _PATIENCE_SECS) -> None:
        self._ring = ring
        self._secs = secs
        self._is_waited_for = is_waited_for
        self._next_look = 0.0
        self._tail = ring.tail
        self._since = time.monotonic()

    def is_over(self) -> bool:
        """For ``Publisher.run``, which asks at each turn."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_SECS
        if self._ring.tail != self._tail or self._is_waited_for():
            self._tail, self._since = self._ring.tail, now
        return now - self._since > self._secs


def limits_of(ring: Ring) -> PublisherLimits:
    """The limits that a ring's trainer was given.

    Raises:
        BlackBoxError: they are not what a trainer writes.
    """
    given = ring.identity.get("limits") or {}
    try:
        known = {limit.name for limit in fields(PublisherLimits)}
        return PublisherLimits(**{name: value for name, value in given.items() if name in known})
    except Exception as error:
        raise BlackBoxError(f"the identity of this black box is damaged: {error}: {ring.path}") from error


def drain(stream: StepStream, ring: Ring, path: Path, *, secs: float = _PATIENCE_SECS) -> Drained:
    """Send what is left in a ring, and remove it.

    Args:
        ring: both of its locks are held here.
        secs: give up when nothing was acknowledged for so long.

    Raises:
        BlackBoxError: another program has written into it.
    """
    last: list[Exception] = []

    def tell(level: int, logger: str, text: str, error: Exception | None) -> None:
        if error is not None:
            last[:] = [error]
        logging.getLogger(logger).log(level, "%s", text)

    ring.outcome = Outcome.AT_WORK
    publisher = Publisher(stream, ring, journal_of(path), limits_of(ring), spool=spool_of(path), on_message=tell)
    patience = Patience(ring, is_waited_for=lambda: False, secs=secs)
    is_complete = publisher.run(patience.is_over)
    n_steps, n_episodes = publisher.sent
    if not is_complete and last and isinstance(last[0], BlackBoxError):
        raise last[0]
    run_id = str(ring.identity.get("run_id", ""))
    if is_complete:
        remove_files(path)
        return Drained(run_id, n_steps, n_episodes)
    return Drained(run_id, n_steps, n_episodes, str(last[0]) if last else f"nothing was acknowledged for {secs:g} s")
