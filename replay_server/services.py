"""The objects that routes and sockets use, created once per application and passed as arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recorder.catalog import Catalog
from recorder.settings import QuotaSettings
from recorder.storage import Storage
from replay_server.access.quotas import WriteQuotas
from replay_server.access.security import Gate
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.metrics import Metrics
from replay_server.socket.hub import Hub

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one application."""

    catalog: Catalog
    storage: Storage
    library: Library
    live: LiveEpisodes | None
    hub: Hub
    gate: Gate
    quotas: WriteQuotas
    bounds: QuotaSettings
    metrics: Metrics
    clock: Callable[[], float]

    def close(self, reason: str) -> None:
        """Notify the viewers and close everything."""
        self.hub.close(reason)
        if self.live is not None:
            self.live.close()
        self.catalog.close()
