"""Limits the rate of log lines, so that a repeated failure does not fill the disk."""

from __future__ import annotations

import contextlib
import logging
import time

__all__ = ["Throttle", "ThrottledLog"]

_LOG_EVERY_SECS = 5.0


class Throttle:
    """Limits lines of a kind. If two threads race, both may log a line.

    Args:
        every_secs: shortest time between two lines of a kind.
    """

    def __init__(self, every_secs: float) -> None:
        self._every_secs = every_secs
        self._logged_at: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Whether to log now; if so, the next line of this kind waits."""
        now = time.monotonic()
        if now - self._logged_at.get(kind, -self._every_secs) < self._every_secs:
            return False
        self._logged_at[kind] = now
        return True


class ThrottledLog:
    """Logs a recorder's errors, each message at most once per 5 s.

    Args:
        logger: receives the lines.
        run_id: part of every line.
    """

    def __init__(self, logger: logging.Logger, run_id: str) -> None:
        self._logger = logger
        self._run_id = run_id
        self._throttle = Throttle(_LOG_EVERY_SECS)

    def error(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log, unless the same message, whatever its values, was just logged.

        Args:
            cause: logged with its traceback.
        """
        if self._throttle.is_due(message):
            with contextlib.suppress(Exception):  # a handler of the trainer's must not turn a loss into an uproar
                self._logger.error("recorder: run_id=%s: " + message, self._run_id, *values, exc_info=cause)
