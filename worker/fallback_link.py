"""The process that relieves a full server, as its worker sees it: there while it is needed, told of in the log."""

from __future__ import annotations

import logging

from recorder.child_process import spawn_linked
from recorder.settings import Settings
from recorder.throttled_log import Throttle

__all__ = ["FallbackLink"]

_log = logging.getLogger(__name__)

_LOG_EVERY_SECS = 60.0


class FallbackLink:
    """One process at a time; used by one thread at a time.

    Args:
        settings: of the worker.
        redis_url: the server with the streams.
    """

    def __init__(self, settings: Settings, *, redis_url: str) -> None:
        self._settings, self._redis_url = settings, redis_url
        self._fallback: _Fallback | None = None
        self._throttle = Throttle(_LOG_EVERY_SECS)
        self._has_told = False

    def begin(self, why: Exception) -> None:
        """Have a process at work, if none is."""
        if self._throttle.is_due("began"):
            self._has_told = True
            _log.error("tasks can't be handed out; a process of this worker does their work until they can: %s", why)
        if self._fallback is not None and self._fallback.is_alive:
            return
        try:
            self._fallback = _Fallback()
            self._fallback.hello(self._settings, self._redis_url)
        except OSError as error:
            _log.error("the process that does the work of tasks can't be started: %s", error)

    def end(self) -> None:
        """Let the process end once it has done what it has in hand."""
        if self._fallback is not None:
            self._fallback.let_go()
        if self._has_told:
            self._has_told = False
            _log.warning("tasks can be handed out again")

    def stop(self) -> None:
        """The worker ends, whatever the server takes."""
        if self._fallback is not None:
            self._fallback.let_go()


class _Fallback:
    """One process.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self) -> None:
        self._process, self._connection = spawn_linked("worker.fallback")

    @property
    def is_alive(self) -> bool:
        """Whether it runs, be it only to the end of its last round."""
        return self._process.poll() is None

    def hello(self, settings: Settings, redis_url: str) -> None:
        """What it needs to know.

        Raises:
            OSError: it has ended.
        """
        self._connection.send((settings, redis_url))

    def let_go(self) -> None:
        """Close the socket, which tells it to end; doing so twice changes nothing."""
        self._connection.close()
