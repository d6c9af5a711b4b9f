"""What waits to be sent, in order: packets to be repeated, then those from the spool, then those in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from recorder.publish.delivery.flight import FLUSH_BYTES, FLUSH_PACKETS, Flight, first_that_fit
from recorder.publish.delivery.packet import Packet
from recorder.publish.delivery.spool import Spool

__all__ = ["Backlog"]


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
