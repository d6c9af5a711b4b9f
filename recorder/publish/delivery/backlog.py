"""What waits to be sent, in order: packets to be repeated, then those from the spool, then those in memory. And one
transaction: which of these packets go with it, and what it asks of the server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from recorder.publish.delivery.ledger import FlushRecord
from recorder.publish.delivery.packet import Packet
from recorder.publish.delivery.spool import Spool
from recorder.step_stream import HEADER, Flush, Play

__all__ = ["FLUSH_BYTES", "FLUSH_PACKETS", "Backlog", "Flight", "first_that_fit", "flush_of"]

FLUSH_BYTES = 2**20
"""Payload of one transaction: the server answers nobody else while it runs."""

FLUSH_PACKETS = 512


@dataclass(frozen=True, slots=True)
class Flight:
    """A flush that was sent and not answered."""

    record: FlushRecord
    repeated: list[Packet]
    """Acknowledged before."""
    new: list[Packet]


def first_that_fit(
    packets: Iterable[Packet], *, n_bytes: int, n_packets: int, has_others: bool = False
) -> list[Packet]:
    """The first packets that find room in a transaction; one at least, unless there are others in it already."""
    taken: list[Packet] = []
    for packet in packets:
        if (taken or has_others) and (packet.n_bytes > n_bytes or len(taken) >= n_packets):
            break
        taken.append(packet)
        n_bytes -= packet.n_bytes
    return taken


def flush_of(packets: Iterable[Packet], active: Mapping[Play, float], now: float) -> Flush:
    """What these packets ask of the server.

    Args:
        active: open plays and the time of their last step.
        now: seconds since 1970.
    """
    flush = Flush(active=dict(active))
    for packet in packets:
        flush.entries.extend(packet.entries)
        if any(entry.kind == HEADER for entry in packet.entries):
            # A trainer that dies right after this must leave no stream that nobody looks for.
            flush.active.setdefault(packet.play, now)
        if packet.finished is not None:
            flush.finished.append(packet.finished)
        if packet.closes:
            flush.closed.append(packet.play)
        if packet.drops:
            flush.dropped.append(packet.play)
    return flush


class Backlog:
    """The packets of one run that are not acknowledged, those on their way included.

    Args:
        spool: where packets wait on disk; None for nowhere.
    """

    def __init__(self, spool: Spool | None) -> None:
        self._spool = spool
        self.repeated: deque[Packet] = deque()
        """Acknowledged before, and to be sent again; they don't count against the budget."""
        self._loaded: deque[Packet] = deque()
        """Read from the spool."""
        self._waiting: deque[Packet] = deque()
        self.in_flight: Flight | None = None
        self.n_bytes = 0
        """Never acknowledged, in memory."""

    def __bool__(self) -> bool:
        return bool(self.repeated or self._loaded or self._waiting or self.in_flight or self._has_unread)

    @property
    def _has_unread(self) -> bool:
        return self._spool is not None and self._spool.has_unread

    def in_memory(self) -> Iterator[Packet]:
        """What was never acknowledged, without what is on disk alone."""
        return chain(self.in_flight.new if self.in_flight is not None else (), self._loaded, self._waiting)

    def on_disk(self) -> Iterator[Packet]:
        """What is in the spool, and not in memory."""
        return self._spool.unread() if self._spool is not None else iter(())

    def put(self, packet: Packet) -> None:
        """Append a packet."""
        self._waiting.append(packet)
        self.n_bytes += packet.n_bytes

    def next_packets(self) -> tuple[list[Packet], list[Packet]]:
        """What goes with the next transaction: what is repeated, and what is new; it stays here."""
        if self._spool is not None and not self._loaded and self._spool.has_unread:
            self._loaded.extend(self._spool.read(FLUSH_PACKETS, FLUSH_BYTES))
        repeated = first_that_fit(self.repeated, n_bytes=FLUSH_BYTES, n_packets=FLUSH_PACKETS)
        if len(repeated) < len(self.repeated):
            return repeated, []
        # What waits in memory is younger than all of the spool.
        ready: Iterable[Packet] = self._loaded if self._has_unread else chain(self._loaded, self._waiting)
        n_bytes = FLUSH_BYTES - sum(packet.n_bytes for packet in repeated)
        n_packets = FLUSH_PACKETS - len(repeated)
        return repeated, first_that_fit(ready, n_bytes=n_bytes, n_packets=n_packets, has_others=bool(repeated))

    def take_off(self, flight: Flight) -> None:
        """These packets are on their way."""
        for _ in flight.repeated:
            self.repeated.popleft()
        for _ in flight.new:
            (self._loaded or self._waiting).popleft()
        self.in_flight = flight

    def put_back(self, flight: Flight) -> None:
        """They have not arrived."""
        self.in_flight = None
        self._loaded.extendleft(packet for packet in reversed(flight.new) if packet.spool_end)
        self._waiting.extendleft(packet for packet in reversed(flight.new) if not packet.spool_end)

    def arrived(self, flight: Flight) -> None:
        """They have; the journal knows of it before the spool forgets them."""
        self.n_bytes -= sum(packet.n_bytes for packet in flight.new if not packet.spool_end)
        if self._spool is not None:
            self._spool.acknowledged(flight.record.spool_done)

    def to_disk(self) -> bool:
        """Put what is in memory alone into the spool; False when there is no room for it there.

        Raises:
            OSError: the disk is full.
        """
        new = self.in_flight.new if self.in_flight is not None else []
        packets = [packet for packet in chain(new, self._waiting) if not packet.spool_end]
        if self._spool is None or not self._spool.has_room(2 * sum(packet.n_bytes for packet in packets)):
            return False
        spooled = self._spool.append(packets)
        if self.in_flight is not None:
            n_new = sum(not packet.spool_end for packet in new)
            kept = [*(packet for packet in new if packet.spool_end), *spooled[:n_new]]
            self.in_flight = replace(self.in_flight, new=kept)
            if kept:
                self._spool.skip(kept[-1].spool_end)
        self._waiting.clear()
        self.n_bytes = sum(packet.n_bytes for packet in self.in_memory() if not packet.spool_end)
        return True

    def close(self) -> None:
        """Let go of the spool's file."""
        if self._spool is not None:
            self._spool.close()
