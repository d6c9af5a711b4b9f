"""One transaction: which packets go with it, and what it asks of the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recorder.publish.delivery.ledger import FlushRecord
from recorder.publish.delivery.packet import Packet
from recorder.step_stream import HEADER, Flush, Play

__all__ = ["FLUSH_BYTES", "FLUSH_PACKETS", "Flight", "first_that_fit", "flush_of"]

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
