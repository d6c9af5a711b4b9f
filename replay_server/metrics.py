"""Metrics for Prometheus: one registry per application, so that two in one process stay separate.

Processes that share a port add up their figures in files of a shared folder, so any of them can answer. When it is
imported, ``prometheus_client`` chooses between the two modes by the environment, so ``Metrics`` imports it in the
process that counts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Gauge
    from prometheus_client.metrics_core import Metric

__all__ = ["Metrics", "MetricsFolder"]

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class MetricsFolder:
    """The folder in which processes add up their figures. The parent creates it before it starts them, and deletes
    it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="hamlet-metrics-"))
        os.environ[_VARIABLE] = str(self.path)

    def forget(self, pid: int) -> None:
        """Drop the gauges of an exited process; its counters stay."""
        from prometheus_client.multiprocess import mark_process_dead  # lazy: see above

        mark_process_dead(pid, str(self.path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        del os.environ[_VARIABLE]


class _SharedFigures:
    """Adds up the files of all processes; a collector of ``prometheus_client``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the figures of all processes."""
        from prometheus_client.multiprocess import MultiProcessCollector  # lazy: see above

        # A process that has just started has an empty file, which ``merge`` cannot read.
        files = [str(path) for path in self._folder.glob("*.db") if _size_of(path)]
        return MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call,no-any-return]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # its process has just exited
        return 0


class Metrics:
    """The counters of one application.

    Args:
        folder: shared with the server's other processes; None if there are none.
    """

    def __init__(self, folder: MetricsFolder | None = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # lazy: see above
        from prometheus_client.gc_collector import GCCollector
        from prometheus_client.process_collector import ProcessCollector

        self._is_shared = folder is not None
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._registry = registry = CollectorRegistry()
        if folder is None:
            self._published = registry
            ProcessCollector(registry=registry)
            GCCollector(registry=registry)
        else:
            self._published = CollectorRegistry()
            self._published.register(_SharedFigures(folder.path))
        self.viewers = Gauge(
            "replay_viewers", "Open WebSocket connections", registry=registry, multiprocess_mode="livesum"
        )
        self.messages = Counter("replay_messages", "Messages from viewers", registry=registry)
        self.errors = Counter("replay_errors", "Errors sent to viewers", ["code"], registry=registry)
        self.refused = Counter(
            "replay_refused", "Requests refused before they were handled", ["why"], registry=registry
        )
        self.requests = Counter("replay_requests", "HTTP requests", ["endpoint", "status"], registry=registry)
        self.request_secs = Histogram(
            "replay_request_secs", "Seconds per HTTP request", ["endpoint"], registry=registry
        )

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Add a gauge that is read on request; with several processes, when ``refresh`` is called."""
        from prometheus_client import Gauge  # lazy: see above

        gauge = Gauge(name, help_text, registry=self._registry, multiprocess_mode="livesum")
        if self._is_shared:
            self._watched.append((gauge, value))
        else:
            gauge.set_function(value)

    def refresh(self) -> None:
        """Write the gauges for the other processes."""
        for gauge, value in self._watched:
            gauge.set(value())

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        from prometheus_client import generate_latest  # lazy: see above

        self.refresh()
        return generate_latest(self._published)

    @property
    def content_type(self) -> str:
        """Media type of the text."""
        from prometheus_client import CONTENT_TYPE_LATEST  # lazy: see above

        return CONTENT_TYPE_LATEST
