"""A Celery consumer that survives a broker that refuses connections, and connection errors that Celery does not
handle.

Both are retried, and logged at most once a minute.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any

from celery.exceptions import CPendingDeprecationWarning, WorkerLostError
from celery.worker.consumer import Consumer

from recorder.runtime.throttled_log import Throttle

__all__ = ["PatientConsumer"]

_log = logging.getLogger(__name__)

_PAUSE_SECS = 1.0
"""Wait before a refused consumer starts again. Celery would restart it at once, many times a second."""

_LOG_EVERY_SECS = 60.0

_NOISY_LOGGERS = ("kombu.transport.redis", "kombu.asynchronous.hub")
"""Loggers that log each refusal, every second, with a traceback."""


class PatientConsumer(Consumer):  # type: ignore[misc]
    """Reconnects after any error, instead of ending the worker."""

    def __init__(self, *arguments: Any, worker_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        # Workers do not use each other's messages, whose channels are outside the key prefix.
        quiet = {**(worker_options or {}), "without_gossip": True, "without_mingle": True, "without_heartbeat": True}
        super().__init__(*arguments, worker_options=quiet, **options)
        self._refusal_kinds: tuple[type[Exception], ...] = self.channel_errors
        self._known_errors: tuple[type[Exception], ...] = self.connection_errors
        # A connection lost at the wrong moment can raise anything: an AttributeError for a transport that is None, a
        # KeyError for a closed descriptor. Celery restarts the consumer after these errors.
        self.channel_errors: tuple[type[Exception], ...] = (Exception,)
        # Celery ignores these errors while it acknowledges a task. The task would then occupy its slot for ever. A
        # worker with all slots occupied reads nothing, so it never notices that its connection is gone.
        self.connection_errors: tuple[type[Exception], ...] = ()
        self._refusals = _Refusals(self._refusal_kinds)
        for name in _NOISY_LOGGERS:
            logging.getLogger(name).addFilter(self._refusals.accepts)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Called when connecting failed."""
        if not self._wait_after(exc):
            super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Called when an open connection failed."""
        if isinstance(exc, WorkerLostError):  # the pool's processes could not be started
            raise exc
        with warnings.catch_warnings():
            # That tasks go on while they reconnect is our choice (``app.py``); Celery warns of it each time.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
        self._wait_after(exc)

    def _wait_after(self, error: Exception) -> bool:
        """Wait after a refusal or an unexpected error; return False if it is neither."""
        if isinstance(error, self._refusal_kinds):
            if self._refusals.is_due("consumer"):
                _log.error("the broker refuses the worker's commands; trying again every second: %s", error)
        elif isinstance(error, self._known_errors):
            return False
        elif self._refusals.is_due("defect"):
            _log.error("the connection to the broker failed unexpectedly; reconnecting", exc_info=error)
        time.sleep(_PAUSE_SECS)
        return True


class _Refusals(Throttle):
    """Logs a refusal at most once a minute per source.

    Args:
        kinds: errors that are a refusal.
    """

    def __init__(self, kinds: tuple[type[Exception], ...]) -> None:
        super().__init__(_LOG_EVERY_SECS)
        self._kinds = kinds

    def accepts(self, record: logging.LogRecord) -> bool:
        """Filter log records: a refusal is logged without its traceback, and once a minute."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, self._kinds):
            return True
        record.exc_info = None
        return self.is_due(str(record.msg))
