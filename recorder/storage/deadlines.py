"""Calls a store with deadlines, so that one that hangs does not block everything else.

Drivers have time-outs of minutes, if any, and retry. Callers have few threads; if all of them waited for the store, no
other work would be done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

from recorder.errors import StorageUnavailableError

__all__ = ["StoreCalls", "StoreTimeouts"]

Result = TypeVar("Result")

_MAX_WAITING = 4
"""Calls that may wait for the store at once: half of the default request threads of a replay server."""

_STILL_SECS = 1.0
"""If no call starts or ends for this long, the store is considered blocked."""

_FIRST_PAUSE_SECS = 1.0
_LONGEST_PAUSE_SECS = 30.0
"""Longest pause after a failure; the pause doubles with each failed call."""

_MAX_ABANDONED = 32
"""Limit on threads whose call never returned, since a driver's call can't be interrupted."""


@dataclass(frozen=True, slots=True)
class StoreTimeouts:
    """Time limits for a store.

    Args:
        answer_secs: for a request, plus time for its bytes.
        listing_secs: for the names in one folder.
    """

    answer_secs: float = 15.0
    listing_secs: float = 300.0


class StoreCalls:
    """Calls of one store.

    Args:
        place: the store, for messages.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._condition = threading.Condition()
        self._n_waiting = 0
        self._abandoned: list[_Answer] = []
        self._progress_at = 0.0
        self._paused_until = self._pause_secs = 0.0

    def run(self, function: Callable[[], Result], *, secs: float) -> Result:
        """Call the function, and return or raise its result.

        Args:
            function: calls the store; it continues in its thread after the deadline.
            secs: deadline.

        Raises:
            StorageUnavailableError: no answer in time, or the store was not called because it is blocked.
        """
        answer = _Answer(function)
        with self._admitted(secs):
            try:
                threading.Thread(target=answer.fetch, name="store-call", daemon=True).start()
            except RuntimeError:  # Python 3.12 starts no threads while it exits
                answer.fetch()
            has_ended = answer.is_done.wait(secs)
            # A time-out of the driver also counts as no answer.
            is_done = has_ended and not isinstance(answer.error, TimeoutError)
            with self._condition:
                if is_done:
                    self._pause_secs = self._paused_until = 0.0
                else:
                    self._pause()
                if not has_ended:
                    self._abandoned.append(answer)
        if not is_done:
            raise StorageUnavailableError(
                f"the store did not answer within {secs:g} s: {self._place}"
            ) from answer.error
        if answer.error is not None:
            raise answer.error
        return cast(Result, answer.result)

    @contextmanager
    def _admitted(self, secs: float) -> Iterator[None]:
        with self._condition:
            self._wait_for_turn(secs)
            self._n_waiting += 1
            self._progress_at = time.monotonic()
        try:
            yield
        finally:
            with self._condition:
                self._n_waiting -= 1
                self._progress_at = time.monotonic()
                self._condition.notify()

    def _wait_for_turn(self, secs: float) -> None:
        deadline = time.monotonic() + secs
        while True:
            now = time.monotonic()
            self._abandoned = [answer for answer in self._abandoned if not answer.is_done.is_set()]
            is_asked_again = self._pause_secs and self._n_waiting
            if now < self._paused_until or is_asked_again or len(self._abandoned) >= _MAX_ABANDONED:
                raise StorageUnavailableError(f"the store does not answer; it will be tried again later: {self._place}")
            if self._n_waiting < _MAX_WAITING:
                return
            still_until = self._progress_at + _STILL_SECS
            if now >= still_until or now >= deadline:
                self._pause()
                raise StorageUnavailableError(
                    f"the store is busy, with {self._n_waiting} requests waiting: {self._place}"
                )
            self._condition.wait(min(still_until, deadline) - now)

    def _pause(self) -> None:
        self._pause_secs = min(2 * self._pause_secs or _FIRST_PAUSE_SECS, _LONGEST_PAUSE_SECS)
        self._paused_until = time.monotonic() + self._pause_secs


class _Answer:
    """Result of a function that runs in a thread."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self.is_done = threading.Event()
        self.result: object = None
        self.error: BaseException | None = None

    def fetch(self) -> None:
        """Call the function."""
        try:
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001 - raised by the waiting caller
            self.error = error
        self.is_done.set()
