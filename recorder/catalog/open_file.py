"""Which file a catalog's path led to when it was opened. SQLite goes on with a file that was deleted or replaced, and all
that it writes is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["OpenFile"]

_Identity = tuple[int, int]


class OpenFile:
    """The file of one catalog; safe to share between threads.

    Args:
        path: None for a catalog that is no file of its own: in memory, or on a server.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._opened: _Identity | None = None
        self.n_opened = 0
        self.is_opening = False
        """True for what opens the file, and for those who wait for it."""

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the file that is open."""
        return self._path is None or self._look() == self._opened

    @property
    def is_deleted(self) -> bool:
        """Whether it leads to none."""
        return self._path is not None and self._look() is None

    def open(self, prepare: Callable[[], None]) -> None:
        """Open what lies there, or what ``prepare`` makes there; once more when it was replaced meanwhile."""
        with self._turn:
            self.is_opening = True
            try:
                while True:
                    before = self._look()
                    prepare()
                    self._opened = self._look()
                    if before in (None, self._opened):
                        break
            finally:
                self.is_opening = False
            self.n_opened += 1

    def reopen(self, prepare: Callable[[], None], *, even_if_deleted: bool = False) -> bool:
        """Open what lies there now.

        Returns:
            False when another thread has done so, when this thread is doing so, or when there is nothing and
            ``even_if_deleted`` is False.
        """
        with self._turn:
            if self.is_opening or self.is_current or (self.is_deleted and not even_if_deleted):
                return False
            self.open(prepare)
            return True

    def _look(self) -> _Identity | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # whatever keeps this user from looking, SQLite will say it
            return self._opened
        return found.st_dev, found.st_ino
