"""Log lines at most once in a while: what fails with every step, or every second, must not fill the disk."""

from __future__ import annotations

import logging
import time

__all__ = ["Throttle", "ThrottledLog"]

_LOG_EVERY_SECS = 5.0


class Throttle:
    """Says when it is time for another line of a kind. Thread-safe enough: at worst two threads both write a line.

    Args:
        every_secs: least time between two lines of a kind.
    """

    def __init__(self, every_secs: float) -> None:
        self._every_secs = every_secs
        self._logged_at: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Whether to write the line now; if so, the next one of this kind waits."""
        now = time.monotonic()
        if now - self._logged_at.get(kind, -self._every_secs) < self._every_secs:
            return False
        self._logged_at[kind] = now
        return True


class ThrottledLog:
    """The errors of a recorder, each message at most once in some seconds.

    Args:
        logger: where lines go.
        run_id: part of every line.
    """

    def __init__(self, logger: logging.Logger, run_id: str) -> None:
        self._logger = logger
        self._run_id = run_id
        self._throttle = Throttle(_LOG_EVERY_SECS)

    def error(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log, unless this message (whatever its values) was logged a moment ago.

        Args:
            cause: logged with its traceback.
        """
        if self._throttle.is_due(message):
            self._logger.error("recorder: run_id=%s: " + message, self._run_id, *values, exc_info=cause)
