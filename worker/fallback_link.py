"""Starts the fallback process that works while Redis is full, and stops it again."""

from __future__ import annotations

import logging

from recorder.child_process import spawn_linked
from recorder.runtime.throttled_log import Throttle
from recorder.settings import Settings

__all__ = ["FallbackLink"]

_log = logging.getLogger(__name__)

_LOG_EVERY_SECS = 60.0


class FallbackLink:
    """Runs one process at a time; used by one thread at a time.

    Args:
        settings: of the worker.
        redis_url: the Redis with the streams.
    """

    def __init__(self, settings: Settings, *, redis_url: str) -> None:
        self._settings, self._redis_url = settings, redis_url
        self._fallback: _Fallback | None = None
        self._throttle = Throttle(_LOG_EVERY_SECS)
        self._has_told = False

    def begin(self, why: Exception) -> None:
        """Start the process if none is running."""
        if self._throttle.is_due("began"):
            self._has_told = True
            _log.error("can't hand out tasks; a fallback process does the work meanwhile: %s", why)
        if self._fallback is not None and self._fallback.is_alive:
            return
        try:
            self._fallback = _Fallback()
            self._fallback.send_settings(self._settings, self._redis_url)
        except OSError as error:
            _log.error("can't start the fallback process: %s", error)

    def end(self) -> None:
        """Let the process exit after its current round."""
        if self._fallback is not None:
            self._fallback.close()
        if self._has_told:
            self._has_told = False
            _log.warning("tasks can be handed out again")

    def stop(self) -> None:
        """Stop the process at the worker's end."""
        if self._fallback is not None:
            self._fallback.close()


class _Fallback:
    """One process.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self) -> None:
        self._process, self._connection = spawn_linked("worker.fallback")

    @property
    def is_alive(self) -> bool:
        """Return whether it runs, including its last round."""
        return self._process.poll() is None

    def send_settings(self, settings: Settings, redis_url: str) -> None:
        """Send it the settings.

        Raises:
            OSError: it has exited.
        """
        self._connection.send((settings, redis_url))

    def close(self) -> None:
        """Close the socket, which makes it exit; safe to call twice."""
        self._connection.close()
