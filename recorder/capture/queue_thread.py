"""The thread that empties the hand-over queue: how it starts, and how it is asked to end.

What it does with the items is its subclasses' part.
"""

from __future__ import annotations

import abc
import threading
import time
from collections.abc import Callable

from recorder.capture.handover import CloseRun, HandOver, TrainerGone
from recorder.process_end import at_process_end

__all__ = ["JOIN_SECS", "QueueThread"]

JOIN_SECS = 3.0
"""Beyond its own deadline, how long the thread may still wait for an answer."""

_EXIT_SECS = 5.0
"""How long the interpreter's end may wait for a recorder that was not closed."""


class QueueThread(abc.ABC):
    """Owns the thread.

    Args:
        handover: where items come from.
        run_id: names the thread.
    """

    def __init__(self, handover: HandOver, run_id: str) -> None:
        self._handover = handover
        self._deadline = float("inf")
        self.error: BaseException | None = None
        """What went wrong last, for a strict recorder to raise."""
        self.is_complete = False
        """Whether the thread ended with everything sent."""
        self._thread = threading.Thread(target=self._run_to_end, name=f"recorder-{run_id}", daemon=True)
        self._forget_end: Callable[[], None] | None = None
        """Takes back that the end of the process closes this."""

    @abc.abstractmethod
    def _run(self) -> None:
        """Deal with items until the last one is dealt with, or the deadline is over."""

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; never in a fork of the process that started it."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; ends by itself, in order, when the process does."""
        self._forget_end = at_process_end(lambda: self.close(_EXIT_SECS))
        self._thread.start()

    def close(self, timeout_secs: float) -> bool:
        """Send everything that was handed over, end the run, and stop; False when something was not sent in time."""
        self.close_soon(timeout_secs)
        if self.is_alive:
            self._await_end(timeout_secs)
        return self.is_complete

    def close_soon(self, timeout_secs: float) -> None:
        """The same without waiting for it; a second call can only shorten the time."""
        self._end_soon(timeout_secs, CloseRun())

    def _end_soon(self, timeout_secs: float, last: CloseRun | TrainerGone) -> None:
        is_first = self._deadline == float("inf")
        self._deadline = min(self._deadline, time.monotonic() + timeout_secs)
        if is_first and self.is_alive:
            self._handover.put_always(last)

    def _await_end(self, timeout_secs: float) -> None:
        self._thread.join(timeout_secs + JOIN_SECS)

    def _run_to_end(self) -> None:
        try:
            self._run()
        finally:
            if self._forget_end is not None:
                self._forget_end()
