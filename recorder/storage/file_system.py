"""Calls of the operating system: locks, and Linux's ``syncfs``, which Python lacks.

Source: man page syncfs(2); it reports write errors since Linux 5.8.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["can_sync_file_system", "open_locked", "sync_file_system"]


def can_sync_file_system() -> bool:
    """Whether ``syncfs`` is available."""
    return _syncfs() is not None


def sync_file_system(folder: Path) -> None:
    """Write all data of the file system of ``folder`` to disk.

    Raises:
        OSError: a write failed.
    """
    syncfs = _syncfs()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def open_locked(path: str) -> int:
    """Open the file that is at this path once nobody else has locked it: another process may have replaced it."""
    import fcntl  # not on Windows

    while True:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), Path(path).stat()):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@cache
def _syncfs() -> Any:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
