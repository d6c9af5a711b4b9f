"""What is encoded and not yet acknowledged: sent in order, sent again after a failure, kept within a budget of bytes.

Entries have explicit ids, so sending one twice does no harm. What was acknowledged a moment ago is kept for a while: a
server that syncs its log once a second may have forgotten it when it comes back from a crash. The server counts what
arrived, in the same transactions; when it knows of fewer steps than it has acknowledged, it has lost its data since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from recorder.capture.custody import Custody, Losses
from recorder.errors import StreamError
from recorder.step_stream import CHUNK, HEADER, Flush, Outgoing, Play, StepStream, Tally

__all__ = ["Outbox", "Packet"]

_FLUSH_BYTES = 2**20
"""Payload of one transaction: the server answers nobody else while it runs."""

_FLUSH_PACKETS = 512

_RECENT_SECS = 5.0
"""A log that is synced each second may lose two; a restart is noticed by a failed send or at the next heartbeat."""

_RECENT_BYTES = 16 * 2**20

_LOOK_PLAYS = 1000
"""Ended plays that one look asks about."""

_ENDS_SHARE = 2
"""Ends of episodes may exceed the budget up to this multiple: losing an end would lose the whole episode."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One thing to send: an entry, or the end of an episode."""

    play: Play
    entry: Outgoing | None = None
    finished: bytes | None = None
    closes: bool = False
    drops: bool = False
    first_step: int = 0
    n_steps: int = 0
    """Steps in the entry."""

    @property
    def n_bytes(self) -> int:
        """Payload."""
        return (len(self.entry.data) if self.entry else 0) + len(self.finished or b"")


class Outbox:
    """The packets of one run, in order.

    Args:
        stream: where they go.
        run_id: the run.
        producer_id: the sender.
        max_bytes: budget for chunks that wait.
        clock: seconds since 1970.
    """

    def __init__(
        self, stream: StepStream, run_id: str, *, producer_id: str, max_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._stream = stream
        self._run_id = run_id
        self._producer_id = producer_id
        self._max_bytes = max_bytes
        self._clock = clock
        self._pending: deque[Packet] = deque()
        self._n_repeated = 0
        """Packets at the head of ``_pending`` that were acknowledged before; they don't count against the budget."""
        self._repeated_bytes = 0
        self._recent: deque[tuple[float, Packet]] = deque()
        self._recent_bytes = 0
        self._custody = Custody()
        self._n_sent_steps = 0
        """Steps that were acknowledged, each counted once."""
        self._n_tallied_steps = 0
        """What the server said, or was told, last of their number."""
        self._n_forgotten_steps = 0
        """Those of them that the server has lost and nobody can send again, or that workers refused."""
        self._losses = Losses()
        self.n_pending_bytes = 0
        self.n_sent_bytes = 0

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def n_pending_steps(self) -> int:
        """Steps that the server has never acknowledged."""
        return sum(packet.n_steps for packet in list(self._pending)[self._n_repeated :])

    def has_room(self, n_bytes: int) -> bool:
        """Whether a chunk of that size fits the budget."""
        return self.n_pending_bytes - self._repeated_bytes + n_bytes <= self._max_bytes

    def has_room_for_end(self) -> bool:
        """Whether the end of an episode fits."""
        return self.n_pending_bytes - self._repeated_bytes <= _ENDS_SHARE * self._max_bytes

    def put(self, packet: Packet) -> None:
        """Append a packet; the caller has asked for room."""
        self._pending.append(packet)
        self.n_pending_bytes += packet.n_bytes

    def repeat_recent(self) -> None:
        """The server may have forgotten its last seconds: send them again before anything else."""
        self._put_first([packet for _, packet in self._recent])
        self._recent.clear()
        self._recent_bytes = 0

    def send(self, active: dict[Play, float], *, header_of: Callable[[Play], Outgoing | None]) -> None:
        """Send what is pending, a transaction at a time.

        Args:
            active: open plays and the time of their last step, to be noted with the first transaction.
            header_of: the header of a play that is still open, for beginning its stream anew when the server has lost it.

        Raises:
            StreamError: what is not acknowledged stays, and is repeated at the next call.
        """
        while self._pending or active:
            flush, packets = self._next_flush(active)
            try:
                gone = self._stream.send(self._run_id, flush)
            except StreamError:
                self.repeat_recent()
                raise
            active = {}
            self._acknowledged(packets)
            self._begin_anew(gone, header_of)
            if flush.tally is not None:
                n_known, n_tallied = flush.tally.n_before, self._n_tallied_steps
                self._n_tallied_steps = flush.tally.n_sent
                if n_known < n_tallied:
                    self._server_lost(n_known)
            self._forget_old()

    def look_after(self) -> None:
        """Ask whether the server still has what it has acknowledged, and which episodes workers have taken.

        Raises:
            StreamError: it does not answer.
        """
        if not self._stream.is_remote or not self._n_sent_steps:
            return
        plays = self._custody.to_look_after(_LOOK_PLAYS)
        n_known, are_there = self._stream.look_after(self._run_id, self._producer_id, plays)
        if n_known is not None and n_known < self._n_tallied_steps:
            self._n_tallied_steps = n_known
            self._server_lost(n_known)
            return
        for play, is_there in zip(plays, are_there, strict=True):
            if not is_there:
                self._custody.is_taken(play)

    def discount(self, n_steps: int) -> None:
        """Workers refused steps that were acknowledged."""
        self._n_forgotten_steps += n_steps

    def take_losses(self) -> Losses:
        """What the server has lost for good since the last call."""
        losses, self._losses = self._losses, Losses()
        return losses

    def _server_lost(self, n_known: int) -> None:
        """Send again what is still here; find out what is not, and tell workers of episodes of which nothing is left."""
        self.repeat_recent()
        resent: dict[Play, set[int]] = {}
        for packet in list(self._pending)[: self._n_repeated]:
            if packet.entry is not None:
                resent.setdefault(packet.play, set()).add(packet.entry.sequence)
        headers = [self._custody.header_of(play) for play in {*self._custody.open_plays(), *resent}]
        self._put_first([Packet(header.play, header) for header in headers if header is not None])
        losses = self._custody.lose(n_known=n_known, resent=resent)
        for play, end in losses.ended.items():
            self.put(Packet(play, finished=end, closes=True))
        self._n_forgotten_steps += losses.n_steps
        self._losses = losses.after(self._losses)

    def _next_flush(self, active: dict[Play, float]) -> tuple[Flush, list[Packet]]:
        flush = Flush(active=dict(active))
        packets: list[Packet] = []
        n_bytes = 0
        for packet in self._pending:
            if packets and (n_bytes + packet.n_bytes > _FLUSH_BYTES or len(packets) >= _FLUSH_PACKETS):
                break
            packets.append(packet)
            n_bytes += packet.n_bytes
            if packet.entry is not None:
                flush.entries.append(packet.entry)
                if packet.entry.kind == HEADER:
                    # A trainer that dies right after this must leave no stream that nobody looks for.
                    flush.active.setdefault(packet.play, self._clock())
            if packet.finished is not None:
                flush.finished.append(packet.finished)
            if packet.closes:
                flush.closed.append(packet.play)
            if packet.drops:
                flush.dropped.append(packet.play)
        if flush.entries and self._stream.is_remote:
            n_sent = self._n_sent_steps + sum(packet.n_steps for packet in packets[self._n_repeated :])
            flush.tally = Tally(self._producer_id, n_sent, n_sent - self._n_forgotten_steps)
        return flush, packets

    def _acknowledged(self, packets: list[Packet]) -> None:
        now = self._clock()
        for packet in packets:
            self._pending.popleft()
            if self._n_repeated:
                self._n_repeated -= 1
                self._repeated_bytes -= packet.n_bytes
            elif self._stream.is_remote:
                self._entrust(packet)
            self.n_pending_bytes -= packet.n_bytes
            self.n_sent_bytes += packet.n_bytes
            if self._stream.is_remote:
                self._recent.append((now, packet))
                self._recent_bytes += packet.n_bytes

    def _entrust(self, packet: Packet) -> None:
        """The server has it, for the first time."""
        entry = packet.entry
        if entry is not None and entry.kind == HEADER:
            self._custody.has_header(entry)
        elif entry is not None and entry.kind == CHUNK:
            self._n_sent_steps += packet.n_steps
            self._custody.has_chunk(
                packet.play,
                entry.sequence,
                first_step=packet.first_step,
                n_steps=packet.n_steps,
                n_sent=self._n_sent_steps,
            )
        if packet.closes and packet.finished is not None:
            self._custody.has_ended(packet.play, packet.finished, is_dropped=packet.drops)

    def _begin_anew(self, gone: list[Play], header_of: Callable[[Play], Outgoing | None]) -> None:
        """Streams that the server has lost begin again, with what is still known of them."""
        headers = {play: header for play in gone if (header := header_of(play)) is not None}
        if not headers:
            return
        kept: deque[tuple[float, Packet]] = deque()
        again = [Packet(play, header) for play, header in headers.items()]
        for at, packet in self._recent:
            if packet.play in headers and packet.entry is not None:
                self._recent_bytes -= packet.n_bytes
                if packet.entry.kind != HEADER:
                    again.append(packet)
            else:
                kept.append((at, packet))
        self._recent = kept
        self._put_first(again)

    def _put_first(self, packets: list[Packet]) -> None:
        self._pending.extendleft(reversed(packets))
        n_bytes = sum(packet.n_bytes for packet in packets)
        self._n_repeated += len(packets)
        self._repeated_bytes += n_bytes
        self.n_pending_bytes += n_bytes

    def _forget_old(self) -> None:
        oldest = self._clock() - _RECENT_SECS
        while self._recent and (self._recent[0][0] < oldest or self._recent_bytes > _RECENT_BYTES):
            self._recent_bytes -= self._recent.popleft()[1].n_bytes
