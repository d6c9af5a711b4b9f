"""What the server counts, for Prometheus: one registry an application, so that two in one process don't mix."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self.viewers = Gauge("replay_viewers", "WebSocket connections now", registry=self._registry)
        self.messages = Counter("replay_messages", "Messages that viewers sent", registry=self._registry)
        self.errors = Counter("replay_errors", "Errors told to viewers", ["code"], registry=self._registry)
        self.refused = Counter(
            "replay_refused", "Requests refused before they were looked at", ["why"], registry=self._registry
        )
        self.requests = Counter("replay_requests", "HTTP requests", ["endpoint", "status"], registry=self._registry)
        self.request_secs = Histogram(
            "replay_request_secs", "Seconds of an HTTP request", ["endpoint"], registry=self._registry
        )

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A gauge that is asked when someone looks."""
        Gauge(name, help_text, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
