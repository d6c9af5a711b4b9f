"""Limits the memory of open recordings in a process, and returns freed memory to the system.

The C library keeps memory that was freed in small pieces, so a busy hour would occupy it for ever.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock

from recorder.errors import EpisodeFileTooLargeError, RecorderError

__all__ = ["BusyError", "Held", "MemoryBudget", "Trimmer", "resident_bytes"]


class BusyError(RecorderError):
    """All the memory is in use by others: the same request may succeed in a moment."""


class MemoryBudget:
    """Counts the bytes of open recordings.

    Args:
        max_bytes: for all together; one recording may take half.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_one_bytes = max_bytes // 2
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._lock = RLock()  # reentrant, because the garbage collector may release a share at any point

    @property
    def n_bytes(self) -> int:
        """Bytes held."""
        return self._n_bytes

    def hold(self, n_bytes: int, *, make_room: Callable[[int], object]) -> Held:
        """Reserve memory for one recording.

        Args:
            make_room: frees up to this many unused bytes.

        Raises:
            EpisodeFileTooLargeError: more than one recording may take.
            BusyError: not enough is free.
        """
        held = Held(self, make_room)
        held.grow_to(n_bytes)
        return held

    def change(self, before: int, after: int, make_room: Callable[[int], object]) -> None:
        """Change a reservation from ``before`` to ``after`` bytes; raises as ``hold``."""
        if after > self.max_one_bytes:
            raise EpisodeFileTooLargeError(
                f"to show this recording takes {after} bytes of memory, and one may take {self.max_one_bytes} "
                "(half of recording.server.memory_bytes); its file can be downloaded and read by 'hamlet-recorder cat'"
            )
        missing = self._try_change(after - before)
        if missing:
            make_room(missing)  # without the lock: another thread counts what is freed
            missing = self._try_change(after - before)
        if missing:
            raise BusyError(
                "recordings that others watch take all the memory that the server may use "
                f"({self._max_bytes} bytes, recording.server.memory_bytes): try again later"
            )

    def _try_change(self, n_more: int) -> int:
        """Reserve the bytes and return 0, else return how many are missing."""
        with self._lock:
            missing = max(self._n_bytes + n_more - self._max_bytes, 0) if n_more > 0 else 0
            if not missing:
                self._n_bytes += n_more
            return missing

    def release(self, n_bytes: int) -> None:
        """Release memory."""
        with self._lock:
            self._n_bytes -= n_bytes


class Held:
    """One recording's share.

    Args:
        budget: to which it belongs.
        make_room: see ``MemoryBudget.hold``.
    """

    def __init__(self, budget: MemoryBudget, make_room: Callable[[int], object]) -> None:
        self._budget = budget
        self._make_room = make_room
        self.n_bytes = 0

    def grow_to(self, n_bytes: int) -> None:
        """Change the share; raises as ``MemoryBudget.hold``."""
        self._budget.change(self.n_bytes, n_bytes, self._make_room)
        self.n_bytes = n_bytes

    def release(self) -> None:
        """Release the share."""
        self._budget.release(self.n_bytes)
        self.n_bytes = 0


_WORTH_BYTES = 64 * 2**20
_AGAIN_SECS = 60.0
"""Memory that is freed later makes no process grow: a large one is trimmed again after this time."""


class Trimmer:
    """Checks from time to time whether the process is large.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._n_bytes_after = 0
        self._n_bytes_at_least = 0
        self._trimmed_at = -_AGAIN_SECS

    def trim(self) -> None:
        """Return free memory to the system if the process has grown much, or is still much larger than it has been."""
        n_bytes, now = resident_bytes(), self._clock()
        has_grown = n_bytes > self._n_bytes_after + _WORTH_BYTES
        is_large = n_bytes > self._n_bytes_at_least + _WORTH_BYTES and now - self._trimmed_at >= _AGAIN_SECS
        if not has_grown and not is_large:
            return
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
        self._n_bytes_after, self._trimmed_at = resident_bytes(), now
        self._n_bytes_at_least = min(self._n_bytes_at_least or self._n_bytes_after, self._n_bytes_after)


def resident_bytes() -> int:
    """Bytes of this process in memory; 0 where the system does not report them."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
