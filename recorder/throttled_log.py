"""Errors in the log, at most one of a kind each few seconds: what fails with every step must not fill the disk."""

from __future__ import annotations

import logging
import time

__all__ = ["ThrottledLog"]

_LOG_EVERY_SECS = 5.0


class ThrottledLog:
    """Thread-safe enough: at worst two threads both write a line.

    Args:
        logger: where lines go.
        run_id: stands in every line.
    """

    def __init__(self, logger: logging.Logger, run_id: str) -> None:
        self._logger = logger
        self._run_id = run_id
        self._logged_at: dict[str, float] = {}

    def error(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log, unless this message (whatever its values) was logged a moment ago.

        Args:
            cause: logged with its traceback.
        """
        now = time.monotonic()
        if now - self._logged_at.get(message, -_LOG_EVERY_SECS) >= _LOG_EVERY_SECS:
            self._logged_at[message] = now
            self._logger.error("recorder: run_id=%s: " + message, self._run_id, *values, exc_info=cause)
