"""What was acknowledged a moment ago, kept in case the server has forgotten it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from recorder.publish.delivery.packet import Packet
from recorder.step_stream import HEADER, Play

__all__ = ["RecentPackets"]

_RECENT_SECS = 5.0
"""A log that is synced each second may lose two; a restart is noticed by a failed send or at the next heartbeat."""

_RECENT_BYTES = 16 * 2**20


class RecentPackets:
    """Bounded by time and by size."""

    def __init__(self) -> None:
        self._packets: deque[tuple[float, Packet]] = deque()
        self._n_bytes = 0

    def add(self, packets: Iterable[Packet], now: float) -> None:
        """They were acknowledged just now."""
        for packet in packets:
            if packet.n_bytes:
                self._packets.append((now, packet))
                self._n_bytes += packet.n_bytes

    def take(self) -> list[Packet]:
        """All of them, as what is needed from nowhere; they are forgotten here."""
        packets = [replace(packet, needed_from=None, spool_end=0) for _, packet in self._packets]
        self._packets.clear()
        self._n_bytes = 0
        return packets

    def take_entries(self, plays: Collection[Play]) -> list[Packet]:
        """Those with entries of these plays, without the headers; they are forgotten here."""
        taken: list[Packet] = []
        kept: deque[tuple[float, Packet]] = deque()
        for at, packet in self._packets:
            if packet.play in plays and packet.entries:
                self._n_bytes -= packet.n_bytes
                entries = [entry for entry in packet.entries if entry.kind != HEADER]
                taken.append(replace(packet, entries=entries, needed_from=None, spool_end=0))
            else:
                kept.append((at, packet))
        self._packets = kept
        return taken

    def forget_old(self, now: float) -> None:
        """What is too old, or too much."""
        while self._packets and (self._packets[0][0] < now - _RECENT_SECS or self._n_bytes > _RECENT_BYTES):
            self._n_bytes -= self._packets.popleft()[1].n_bytes
