"""Notices that the catalog's file was replaced or deleted. SQLite would continue with the old file and lose all writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["OpenFile"]

_Identity = tuple[int, int]


class OpenFile:
    """The file of a catalog; thread-safe.

    Args:
        path: None for a catalog in memory or on a server.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._opened: _Identity | None = None
        self.n_opened = 0
        self.is_opening = False
        """Whether a thread is opening the file."""

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the open file."""
        return self._path is None or self._identity() == self._opened

    @property
    def is_deleted(self) -> bool:
        """Whether the path leads to no file."""
        return self._path is not None and self._identity() is None

    def open(self, prepare: Callable[[], None]) -> None:
        """Open the file, which ``prepare`` may create; repeat if it was replaced meanwhile."""
        with self._lock:
            self.is_opening = True
            try:
                while True:
                    before = self._identity()
                    prepare()
                    self._opened = self._identity()
                    if before in (None, self._opened):
                        break
            finally:
                self.is_opening = False
            self.n_opened += 1

    def reopen(self, prepare: Callable[[], None], *, even_if_deleted: bool = False) -> bool:
        """Open the file that is at the path now.

        Returns:
            False if another thread has reopened it, if it is being opened, or if it is missing and ``even_if_deleted``
            is False.
        """
        with self._lock:
            if self.is_opening or self.is_current or (self.is_deleted and not even_if_deleted):
                return False
            self.open(prepare)
            return True

    def _identity(self) -> _Identity | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # SQLite will report the problem
            return self._opened
        return found.st_dev, found.st_ino
