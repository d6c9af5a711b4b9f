"""Calls of a store that may never answer: each has a deadline, few wait at once, and one that hangs is left alone for a while.

A driver's own time-outs, where it has any, are minutes, and it tries several times. Whoever calls has few threads or processes:
were they all to wait for the store, nothing else would be done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from recorder.errors import StorageUnavailableError

__all__ = ["StoreCalls"]

Result = TypeVar("Result")

_MAX_WAITING = 4
"""Calls that wait for the store at once: half of the threads that a replay server has for requests, by default."""

_STILL_SECS = 1.0
"""When no call has begun or ended for so long, those that wait wait in vain, and none is let in after them."""

_FIRST_PAUSE_SECS = 1.0
_LONGEST_PAUSE_SECS = 30.0
"""How long a store that did not answer is left alone; doubled with each call that has tried it since."""

_MAX_ABANDONED = 32
"""Threads that never came back. One is left behind by each call whose driver can't be interrupted."""


class StoreCalls:
    """Calls of one store.

    Args:
        place: the store, for messages.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._turn = threading.Condition()
        self._n_waiting = 0
        self._abandoned: list[_Answer] = []
        self._moved_at = 0.0
        self._away_until = self._pause_secs = 0.0

    def run(self, function: Callable[[], Result], *, secs: float) -> Result:
        """What the function returns or raises.

        Args:
            function: asks the store; it goes on in its thread when it takes longer.
            secs: how long to wait for it.

        Raises:
            StorageUnavailableError: it did not answer in time; or others wait in vain, and it was not asked.
        """
        answer = _Answer(function)
        with self._let_in(secs):
            try:
                threading.Thread(target=answer.fetch, name="store-call", daemon=True).start()
            except RuntimeError:  # an interpreter that ends starts none, from Python 3.12 on
                answer.fetch()
            has_ended = answer.has_come.wait(secs)
            # A driver's own time-out, too, is no answer of the store.
            has_come = has_ended and not isinstance(answer.error, TimeoutError)
            with self._turn:
                if has_come:
                    self._pause_secs = self._away_until = 0.0
                else:
                    self._leave_alone()
                if not has_ended:
                    self._abandoned.append(answer)
        if not has_come:
            raise StorageUnavailableError(
                f"the store did not answer within {secs:g} s: {self._place}"
            ) from answer.error
        if answer.error is not None:
            raise answer.error
        return cast(Result, answer.result)

    @contextmanager
    def _let_in(self, secs: float) -> Iterator[None]:
        with self._turn:
            self._wait_for_turn(secs)
            self._n_waiting += 1
            self._moved_at = time.monotonic()
        try:
            yield
        finally:
            with self._turn:
                self._n_waiting -= 1
                self._moved_at = time.monotonic()
                self._turn.notify()

    def _wait_for_turn(self, secs: float) -> None:
        deadline = time.monotonic() + secs
        while True:
            now = time.monotonic()
            self._abandoned = [answer for answer in self._abandoned if not answer.has_come.is_set()]
            is_asked_again = self._pause_secs and self._n_waiting
            if now < self._away_until or is_asked_again or len(self._abandoned) >= _MAX_ABANDONED:
                raise StorageUnavailableError(
                    f"the store does not answer, and is asked again in a while: {self._place}"
                )
            if self._n_waiting < _MAX_WAITING:
                return
            still_until = self._moved_at + _STILL_SECS
            if now >= still_until or now >= deadline:
                self._leave_alone()
                raise StorageUnavailableError(
                    f"the store is busy: {self._n_waiting} requests wait for its answer: {self._place}"
                )
            self._turn.wait(min(still_until, deadline) - now)

    def _leave_alone(self) -> None:
        self._pause_secs = min(2 * self._pause_secs or _FIRST_PAUSE_SECS, _LONGEST_PAUSE_SECS)
        self._away_until = time.monotonic() + self._pause_secs


class _Answer:
    """What a function returns or raises, once it has come."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self.has_come = threading.Event()
        self.result: object = None
        self.error: BaseException | None = None

    def fetch(self) -> None:
        """Call the function, in a thread of its own."""
        try:
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits for it
            self.error = error
        self.has_come.set()
