"""A worker's pulse: a file that is new as long as the worker's parts go on, for ``hamlet-recorder probe``, and systemd's
watchdog.

Alive is a worker whose tick goes round, whatever the server answers, and whose Celery goes round while it is connected. An
outage and a full server are no death: they end sooner with the worker than without it. Ready is one that is connected and
whose last tick did its work.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.concurrency.solo import TaskPool as SoloPool

from recorder.pulse import STALE_SECS

__all__ = ["ConsumerBeat", "Pulse", "PulseStep"]

_log = logging.getLogger(__name__)

_EVERY_SECS = 1.0


class Pulse:
    """What the parts of one worker have said of themselves; safe to use from all its threads.

    Args:
        file: to be kept new; None where nobody asked for it.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._beats: dict[str, float] = {}
        self._unwell: dict[str, str] = {}
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._can_write = True
        self._notify_socket = os.environ.get("NOTIFY_SOCKET")
        self._has_told_ready = False

    def beat(self, part: str, *, unwell: str = "") -> None:
        """A part goes on.

        Args:
            unwell: what keeps it from its work, empty when nothing does.
        """
        self._beats[part] = time.monotonic()
        self._set_unwell(part, unwell)

    def excuse(self, part: str, why: str) -> None:
        """A part stands still, and rightly: it is not waited for until it beats again.

        Args:
            why: what keeps it from its work, empty when nothing does.
        """
        self._beats.pop(part, None)
        self._set_unwell(part, why)

    def _set_unwell(self, part: str, why: str) -> None:
        if why:
            self._unwell[part] = why
        else:
            self._unwell.pop(part, None)

    def start(self) -> None:
        """Begin, where anyone looks."""
        if self._file is None and self._notify_socket is None:
            return
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The worker ends: its file goes."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(2 * _EVERY_SECS)
            if self._file is not None:
                self._file.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            beats, now = dict(self._beats), time.monotonic()
            if all(now - at < STALE_SECS for at in beats.values()):
                self._tell(list(self._unwell.values()))
            if self._is_over.wait(_EVERY_SECS):
                return

    def _tell(self, unwell: list[str]) -> None:
        if self._file is not None:
            self._write(self._file, {"pid": os.getpid(), "is_ready": not unwell, "unwell": unwell})
        if self._notify_socket is not None:
            words = ["WATCHDOG=1"]
            if not unwell and not self._has_told_ready:
                self._has_told_ready = True
                words.append("READY=1")
            self._notify("\n".join(words))

    def _write(self, file: Path, said: dict[str, Any]) -> None:
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            temporary.write_text(json.dumps(said), encoding="utf-8")
            temporary.replace(file)
            self._can_write = True
        except OSError as error:
            if self._can_write:
                _log.error("the pulse can't be written, probes will take this worker for dead (%s): %s", error, file)
            self._can_write = False

    def _notify(self, words: str) -> None:
        """Source: man page sd_notify(3)."""
        address = self._notify_socket or ""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            try:
                notifier.sendto(words.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
            except OSError as error:
                _log.debug("systemd is not there to be told: %s", error)


class PulseStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts and stops the pulse with the worker."""

    requires = frozenset(["celery.worker.components:Pool"])  # whose first processes are forked before there is a thread

    def start(self, worker: Any) -> None:
        """Begin."""
        worker.app.pulse.excuse("consumer", "it is not connected to the broker yet")
        worker.app.pulse.start()

    def stop(self, worker: Any) -> None:
        """End."""
        worker.app.pulse.stop()

    terminate = stop


class ConsumerBeat(bootsteps.StartStopStep):  # type: ignore[misc]
    """Lets Celery's own loop beat while it is connected.

    With one process for all (``--pool solo``) a task stops the loop for as long as it takes: its beats are not waited for.
    """

    requires = frozenset(["celery.worker.consumer.tasks:Tasks"])

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """It is connected."""
        pulse = consumer.app.pulse
        pulse.beat("consumer")
        if isinstance(consumer.pool, SoloPool):
            pulse.excuse("consumer", "")
            return
        self._timer = consumer.timer.call_repeatedly(_EVERY_SECS, pulse.beat, ("consumer",))

    def stop(self, consumer: Any) -> None:
        """It is not any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        consumer.app.pulse.excuse("consumer", "it is not connected to the broker")
