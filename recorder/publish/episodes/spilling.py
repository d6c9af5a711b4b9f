"""Putting what waits for the server on disk, and saying so when that is not possible."""

from __future__ import annotations

import time
from pathlib import Path

from recorder.errors import StreamUnavailableError
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.trouble import Trouble

__all__ = ["Spilling"]

_AGAIN_SECS = 5.0
"""After the spool had no room, it is asked again so much later."""


class Spilling:
    """Of one publisher.

    Args:
        path: of the spool.
        max_bytes: ``capture.spool_bytes``.
        trouble: hears of a disk that is full, and of a spool that is.
    """

    def __init__(self, path: Path | None, max_bytes: int, trouble: Trouble) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._trouble = trouble
        self._is_full = False
        self._not_before = 0.0

    def spill(self, outbox: Outbox) -> bool:
        """Put what waits in the outbox into its spool; False when that has no room now."""
        if time.monotonic() < self._not_before:
            return False
        try:
            if outbox.to_disk():
                self._is_full = False
                return True
        except OSError as error:
            self._trouble.note_defect(
                StreamUnavailableError(f"the spool can't be written: {error.strerror or error}: {self._path}")
            )
        else:
            if not self._is_full:
                self._is_full = True
                self._trouble.log_error(
                    "spool", f"the spool is full, {self._max_bytes} bytes: the ring holds what comes now"
                )
        self._not_before = time.monotonic() + _AGAIN_SECS
        return False
