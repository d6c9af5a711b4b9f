"""``MemoryBudget``: how much a process holds for the recordings that are open, whoever holds them."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from recorder.errors import EpisodeFileTooLargeError, RecorderError

__all__ = ["BusyError", "Held", "MemoryBudget"]


class BusyError(RecorderError):
    """The process works for others with all that it may take: the same request may be answered in a moment."""


class MemoryBudget:
    """Counts the bytes of what is open.

    Args:
        max_bytes: of all together; one alone may take half of it.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_one_bytes = max_bytes // 2
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._lock = RLock()  # what the interpreter collects may be let go of in the middle of anything

    @property
    def n_bytes(self) -> int:
        """Bytes held now."""
        return self._n_bytes

    def hold(self, n_bytes: int, *, make_room: Callable[[int], object]) -> Held:
        """Count what one recording takes.

        Args:
            make_room: lets go of so many bytes that nobody uses.

        Raises:
            EpisodeFileTooLargeError: more than one may take.
            BusyError: too little is left.
        """
        held = Held(self, make_room)
        held.grow_to(n_bytes)
        return held

    def change(self, before: int, after: int, make_room: Callable[[int], object]) -> None:
        """Count ``after`` bytes instead of ``before``; raises as ``hold``."""
        if after > self.max_one_bytes:
            raise EpisodeFileTooLargeError(
                f"to show this recording takes {after} bytes, and one may take {self.max_one_bytes} "
                "(half of recording.server.memory_bytes); its file can be downloaded and read by 'hamlet-recorder cat'"
            )
        missing = self._try_change(after - before)
        if missing:
            make_room(missing)  # without the lock: what is let go of is counted by its own thread
            missing = self._try_change(after - before)
        if missing:
            raise BusyError(
                "the recordings that others watch take all the memory that the server may use "
                f"({self._max_bytes} bytes, recording.server.memory_bytes): try again later"
            )

    def _try_change(self, n_more: int) -> int:
        """Count so many more bytes; else how many too many they are."""
        with self._lock:
            missing = max(self._n_bytes + n_more - self._max_bytes, 0) if n_more > 0 else 0
            if not missing:
                self._n_bytes += n_more
            return missing

    def release(self, n_bytes: int) -> None:
        """What was held is gone."""
        with self._lock:
            self._n_bytes -= n_bytes


class Held:
    """The share of one recording.

    Args:
        budget: of which it is a share.
        make_room: see ``MemoryBudget.hold``.
    """

    def __init__(self, budget: MemoryBudget, make_room: Callable[[int], object]) -> None:
        self._budget = budget
        self._make_room = make_room
        self.n_bytes = 0

    def grow_to(self, n_bytes: int) -> None:
        """Hold more, or less; raises as ``MemoryBudget.hold``."""
        self._budget.change(self.n_bytes, n_bytes, self._make_room)
        self.n_bytes = n_bytes

    def release(self) -> None:
        """Hold nothing any more."""
        self._budget.release(self.n_bytes)
        self.n_bytes = 0
