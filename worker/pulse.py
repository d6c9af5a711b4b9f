"""A worker's pulse: a file that is touched while the worker runs, for ``hamlet-recorder probe`` and systemd's
watchdog.

A worker is alive if its tick runs, whatever Redis answers, and its Celery loop runs while it is connected. An outage or
a full Redis does not count as dead, because restarting the worker would not help. A worker is ready if it is connected
and its last tick succeeded.
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

from recorder.runtime.pulse import STALE_SECS

__all__ = ["ConsumerBeat", "Pulse", "PulseStep"]

_log = logging.getLogger(__name__)

_EVERY_SECS = 1.0


class Pulse:
    """Collects the beats of a worker's parts; thread-safe.

    Args:
        file: the file to touch; None if there is none.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._beats: dict[str, float] = {}
        self._unwell: dict[str, str] = {}
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._can_write = True
        self._notify_socket = os.environ.get("NOTIFY_SOCKET")
        self._has_reported_ready = False

    def beat(self, part: str, *, unwell: str = "") -> None:
        """Note that a part is running.

        Args:
            unwell: what keeps it from working; empty if nothing does.
        """
        self._beats[part] = time.monotonic()
        self._set_unwell(part, unwell)

    def pause(self, part: str, why: str) -> None:
        """Do not wait for this part until its next beat: it has stopped for a good reason.

        Args:
            why: what keeps it from working; empty if nothing does.
        """
        self._beats.pop(part, None)
        self._set_unwell(part, why)

    def _set_unwell(self, part: str, why: str) -> None:
        if why:
            self._unwell[part] = why
        else:
            self._unwell.pop(part, None)

    def start(self) -> None:
        """Start, if a file or a watchdog is configured."""
        if self._file is None and self._notify_socket is None:
            return
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, and delete the file."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(2 * _EVERY_SECS)
            if self._file is not None:
                self._file.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            beats, now = dict(self._beats), time.monotonic()
            if all(now - at < STALE_SECS for at in beats.values()):
                self._report(list(self._unwell.values()))
            if self._is_over.wait(_EVERY_SECS):
                return

    def _report(self, unwell: list[str]) -> None:
        if self._file is not None:
            self._write(self._file, {"pid": os.getpid(), "is_ready": not unwell, "unwell": unwell})
        if self._notify_socket is not None:
            words = ["WATCHDOG=1"]
            if not unwell and not self._has_reported_ready:
                self._has_reported_ready = True
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
                _log.error("can't write the pulse file; probes will report this worker as dead (%s): %s", error, file)
            self._can_write = False

    def _notify(self, words: str) -> None:
        """Source: man page sd_notify(3)."""
        address = self._notify_socket or ""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            try:
                notifier.sendto(words.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
            except OSError as error:
                _log.debug("can't notify systemd: %s", error)


class PulseStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts and stops the pulse with the worker."""

    requires = frozenset(["celery.worker.components:Pool"])  # which forks its first processes before there is a thread

    def start(self, worker: Any) -> None:
        """Start."""
        worker.app.pulse.pause("consumer", "it is not connected to the broker yet")
        worker.app.pulse.start()

    def stop(self, worker: Any) -> None:
        """Stop."""
        worker.app.pulse.stop()

    terminate = stop


class ConsumerBeat(bootsteps.StartStopStep):  # type: ignore[misc]
    """Lets Celery's loop beat while it is connected.

    With ``--pool solo`` a task blocks the loop while it runs, so its beats are not waited for.
    """

    requires = frozenset(["celery.worker.consumer.tasks:Tasks"])

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """Note the connection."""
        pulse = consumer.app.pulse
        pulse.beat("consumer")
        if isinstance(consumer.pool, SoloPool):
            pulse.pause("consumer", "")
            return
        self._timer = consumer.timer.call_repeatedly(_EVERY_SECS, pulse.beat, ("consumer",))

    def stop(self, consumer: Any) -> None:
        """Note that the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        consumer.app.pulse.pause("consumer", "it is not connected to the broker")
