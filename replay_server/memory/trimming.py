"""Returns freed memory to the system.

The C library keeps memory that was freed in small pieces, so a busy hour would occupy it for ever.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["Trimmer", "resident_bytes"]

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
