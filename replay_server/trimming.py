"""Returns freed memory to the system.

The C library keeps memory that was freed in small pieces, so a busy hour would occupy it for ever.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["Trimmer"]

_WORTH_BYTES = 64 * 2**20


class Trimmer:
    """Checks from time to time whether the process has grown."""

    def __init__(self) -> None:
        self._n_bytes_after = 0

    def trim(self) -> None:
        """Return free memory to the system if the process has grown much since the last time."""
        if _resident_bytes() > self._n_bytes_after + _WORTH_BYTES:
            with suppress(AttributeError, OSError):  # another C library
                ctypes.CDLL(None).malloc_trim(0)
            self._n_bytes_after = _resident_bytes()


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # the system does not report it
        return 0
