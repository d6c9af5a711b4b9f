"""How often a publisher sends, and how much it may hold."""

from __future__ import annotations

from dataclasses import dataclass, fields

from recorder.errors import UsageError

__all__ = ["PublisherLimits"]


@dataclass(frozen=True, slots=True)
class PublisherLimits:
    """How often the publisher sends and how much it may hold; the settings say what each is for."""

    flush_interval_secs: float = 0.25
    max_pending_bytes: int = 64 * 2**20
    max_server_memory_bytes: int = 2 * 2**30
    server_memory_fraction: float = 0.8
    heartbeat_secs: float = 1.0
    picture_bytes_per_sec: int = 16 * 2**20
    spool_bytes: int = 0
    """Disk beside the ring for what waits while the server is away; 0 for none."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            is_number = not isinstance(value, bool) and isinstance(value, int | float)
            if not is_number or not (value > 0 or (limit.name == "spool_bytes" and value == 0)):
                raise UsageError(f"{limit.name}: expected a number above 0, found {value!r}")
