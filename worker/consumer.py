"""Celery's consumer, with patience: a broker that refuses, and a connection that breaks in a way that Celery and its
messaging library did not foresee, are waited out and logged once in a while. Neither ends the worker.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any

from celery.exceptions import CPendingDeprecationWarning, WorkerLostError
from celery.worker.consumer import Consumer

from recorder.throttled_log import Throttle

__all__ = ["PatientConsumer"]

_log = logging.getLogger(__name__)

_PAUSE_SECS = 1.0
"""A consumer that was refused starts again after so long; Celery's own would at once, many times a second."""

_LOG_EVERY_SECS = 60.0

_TALKATIVE = ("kombu.transport.redis", "kombu.asynchronous.hub")
"""Loggers that tell of each refusal, each second, with a traceback."""


class PatientConsumer(Consumer):  # type: ignore[misc]
    """Connects again after whatever ended its connection, instead of ending its worker."""

    def __init__(self, *arguments: Any, worker_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        # Nobody listens to what workers tell each other, and their channels lie outside the key prefix.
        quiet = {**(worker_options or {}), "without_gossip": True, "without_mingle": True, "without_heartbeat": True}
        super().__init__(*arguments, worker_options=quiet, **options)
        self._refusal_kinds: tuple[type[Exception], ...] = self.channel_errors
        self._foreseen: tuple[type[Exception], ...] = self.connection_errors
        # What is left of a connection that was lost at an unlucky moment raises anything: an AttributeError for a transport
        # that is None, a KeyError for a descriptor that is closed. Celery starts again after these errors.
        self.channel_errors: tuple[type[Exception], ...] = (Exception,)
        # These it passes over where a task is acknowledged. The task would then fill its place in the worker for ever,
        # and a worker whose places are full reads nothing, so that it never sees that its connection is gone.
        self.connection_errors: tuple[type[Exception], ...] = ()
        self._refusals = _Refusals(self._refusal_kinds)
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(self._refusals.is_worth_a_line)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Called when connecting failed."""
        if not self._wait_after(exc):
            super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Called when an open connection failed."""
        if isinstance(exc, WorkerLostError):  # the pool's processes could not be started
            raise exc
        with warnings.catch_warnings():
            # That tasks go on while their connection is made anew is our choice (``app.py``); Celery warns of it each time.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
        self._wait_after(exc)

    def _wait_after(self, error: Exception) -> bool:
        """Wait after a refusal, and after an error that nobody foresaw; False when it is neither."""
        if isinstance(error, self._refusal_kinds):
            if self._refusals.is_due("consumer"):
                _log.error("the broker refuses what a worker needs; trying again each second: %s", error)
        elif isinstance(error, self._foreseen):
            return False
        elif self._refusals.is_due("defect"):
            _log.error(
                "the connection to the broker broke in a way that was not foreseen; it is made anew", exc_info=error
            )
        time.sleep(_PAUSE_SECS)
        return True


class _Refusals(Throttle):
    """Logs a refusal at most once a minute for each of its sources.

    Args:
        kinds: errors that are a refusal.
    """

    def __init__(self, kinds: tuple[type[Exception], ...]) -> None:
        super().__init__(_LOG_EVERY_SECS)
        self._kinds = kinds

    def is_worth_a_line(self, record: logging.LogRecord) -> bool:
        """A filter of logs: a refusal is logged without its traceback, and not again for a minute."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, self._kinds):
            return True
        record.exc_info = None
        return self.is_due(str(record.msg))
