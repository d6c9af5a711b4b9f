"""Syncs a whole file system with Linux's ``syncfs``, which Python lacks.

Source: man page syncfs(2); it reports write errors since Linux 5.8.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["can_sync_file_system", "sync_file_system"]


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


@cache
def _syncfs() -> Any:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
