"""What is encoded and not yet acknowledged: sent in order, sent again after a failure, kept within a budget of bytes.

Entries have explicit ids, so sending one twice does no harm. What was acknowledged a moment ago is kept for a while: a
server that syncs its log once a second may have forgotten it when it comes back from a crash. The server counts what
arrived, in the same transactions; when it knows of fewer steps than it has acknowledged, it has lost its data since.

Each flush has a number, which the server keeps with the counts. A flush whose answer never came is asked for by it, and so
does a successor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from recorder.errors import StreamError
from recorder.publish.delivery.backlog import Backlog, Flight, flush_of
from recorder.publish.delivery.custody import Losses
from recorder.publish.delivery.journal import Journal
from recorder.publish.delivery.ledger import FlushRecord, Ledger, RunCounts
from recorder.publish.delivery.packet import News, Packet
from recorder.publish.delivery.recent import RecentPackets
from recorder.publish.delivery.spool import Spool
from recorder.step_stream import Flush, Outgoing, Play, StepStream, Tally

__all__ = ["Outbox"]

_LOOK_PLAYS = 1000
"""Ended plays that one look asks about."""


class Outbox:
    """The packets of one run, in order.

    Args:
        stream: where they go.
        run_id: the run.
        producer_id: the sender.
        max_bytes: budget for what waits in memory.
        ledger: what the server has acknowledged.
        run_counts: what belongs to no play, as it stands.
        journal: where flushes are noted; None when there can be no successor.
        spool: where packets wait on disk; None for nowhere.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        stream: StepStream,
        run_id: str,
        *,
        producer_id: str,
        max_bytes: int,
        ledger: Ledger,
        run_counts: Callable[[], RunCounts],
        journal: Journal | None = None,
        spool: Spool | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._stream = stream
        self._run_id = run_id
        self._producer_id = producer_id
        self._max_bytes = max_bytes
        self._ledger = ledger
        self._run_counts = run_counts
        self._journal = journal
        self._clock = clock
        self._backlog = Backlog(spool)
        self._recent = RecentPackets()
        self._n_tallied_steps = ledger.n_sent_steps
        """The steps sent, as the server last had them."""
        self._n_refused_steps = 0
        """Steps that workers refused."""
        self._losses = Losses()
        self._begun = {play for play, state in ledger.open.items() if state.header}
        """Open plays whose header has arrived."""
        self.n_sent_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._backlog)

    @property
    def n_pending_bytes(self) -> int:
        """What is in memory and was never acknowledged."""
        return self._backlog.n_bytes

    @property
    def n_pending_steps(self) -> int:
        """Steps in memory that the server has never acknowledged."""
        return sum(packet.n_steps for packet in self._backlog.in_memory())

    @property
    def n_spooled_steps(self) -> int:
        """The same on disk, and not in memory."""
        return sum(packet.n_steps for packet in self._backlog.on_disk())

    @property
    def needed_from(self) -> int | None:
        """Where the first record begins that a packet was made of which has not arrived; None when there is none."""
        in_memory = self._backlog.in_memory()
        needed = [packet.needed_from for packet in in_memory if packet.needed_from is not None]
        return min(needed, default=None)

    @property
    def is_half_full(self) -> bool:
        """Whether pictures have to be left out, so that numbers find room."""
        return 2 * self.n_pending_bytes > self._max_bytes

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be made for now."""
        return self.n_pending_bytes > self._max_bytes

    def put(self, packet: Packet) -> None:
        """Append a packet."""
        self._backlog.put(packet)

    def begin_with(self, packets: list[Packet]) -> None:
        """Send these before anything else; they were acknowledged before."""
        self._backlog.repeated.extendleft(reversed(packets))
        self._ledger.is_repeating = bool(self._backlog.repeated)

    def repeat_recent(self) -> None:
        """The server may have forgotten its last seconds: send them again before anything else."""
        self.begin_with(self._recent.take())

    def send(self, active: dict[Play, float], *, header_of: Callable[[Play], Outgoing | None]) -> None:
        """Send what is pending, a transaction at a time.

        Args:
            active: open plays and the time of their last step, to be noted with the first transaction.
            header_of: the header of a play that is still open, for beginning its stream anew when the server has lost it.

        Raises:
            StreamError: what is not acknowledged stays, and is repeated at the next call.
        """
        if self._backlog.in_flight is not None:
            self._settle(self._backlog.in_flight)
        active = {play: at for play, at in active.items() if play in self._begun}
        while self or active:
            flight, flush = self._next_flush(active)
            if self._journal is not None and flush.tally is not None:
                self._journal.flush(flight.record)
            self._backlog.take_off(flight)
            try:
                gone = self._stream.send(self._run_id, flush)
            except StreamError:
                self.begin_with(flight.repeated)
                self._backlog.in_flight = replace(flight, repeated=[])
                self.repeat_recent()
                raise
            active = {}
            self._arrived(flight, flush.tally)
            self._begin_anew(flight, gone, header_of)
            self._recent.forget_old(self._clock())

    def to_disk(self) -> bool:
        """Put what waits into the spool; False when there is no room for it there.

        Raises:
            OSError: the disk is full.
        """
        return self._backlog.to_disk()

    @property
    def acknowledged(self) -> tuple[int, int]:
        """Steps, and ends of episodes, that this sender and those before it have brought to the server."""
        return self._ledger.n_sent_steps, self._ledger.counts.get("n_episodes_finished", 0)

    def look_after(self) -> None:
        """Ask whether the server still has what it has acknowledged, and which episodes workers have taken.

        Raises:
            StreamError: it does not answer.
        """
        if not self._stream.is_remote or not self._ledger.n_sent_steps:
            return
        custody = self._ledger.custody
        plays = custody.to_look_after(_LOOK_PLAYS)
        n_known, are_there = self._stream.look_after(self._run_id, self._producer_id, plays)
        if n_known is not None and n_known < self._n_tallied_steps:
            self._n_tallied_steps = n_known
            self._server_lost(n_known)
            return
        taken = [play for play, is_there in zip(plays, are_there, strict=True) if not is_there]
        for play in taken:
            custody.is_taken(play)
        if self._journal is not None:
            self._journal.taken(taken)

    def close(self) -> None:
        """Let go of the files."""
        if self._journal is not None:
            self._journal.close()
        self._backlog.close()

    def discount(self, n_steps: int) -> None:
        """Workers refused steps that were acknowledged."""
        self._n_refused_steps += n_steps

    def take_losses(self) -> Losses:
        """What the server has lost for good since the last call."""
        losses, self._losses = self._losses, Losses()
        return losses

    def _next_flush(self, active: dict[Play, float]) -> tuple[Flight, Flush]:
        repeated, new = self._backlog.next_packets()
        ledger = self._ledger
        record = FlushRecord(
            ledger.number + 1,
            self._run_counts(),
            [packet.news for packet in new],
            next((packet.spool_end for packet in reversed(new) if packet.spool_end), ledger.spool_done),
            is_repeating=len(repeated) < len(self._backlog.repeated),
        )
        flush = flush_of(chain(repeated, new), active, self._clock())
        if self._stream.is_remote and (repeated or new):
            n_sent = ledger.n_sent_steps + sum(packet.n_steps for packet in new)
            n_kept = n_sent - ledger.n_lost_steps - self._n_refused_steps
            flush.tally = Tally(self._producer_id, n_sent, n_kept, record.number)
        return Flight(record, repeated, new), flush

    def _settle(self, flight: Flight) -> None:
        """Find out whether a flush without an answer has arrived.

        Raises:
            StreamError: the server does not answer.
        """
        tally = self._stream.tally(self._run_id, self._producer_id) if self._stream.is_remote else None
        if tally is not None and tally.flush_number >= flight.record.number:
            self._arrived(flight, tally)
            return
        self._backlog.put_back(flight)

    def _arrived(self, flight: Flight, tally: Tally | None) -> None:
        self._backlog.in_flight = None
        record, is_remote = flight.record, self._stream.is_remote
        if tally is not None or not is_remote:
            self._ledger.apply(record, is_remote=is_remote)
        if tally is not None and self._journal is not None:
            self._journal.arrived(record.number)
        self._backlog.arrived(flight)
        for packet in chain(flight.repeated, flight.new):
            if packet.news.header:
                self._begun.add(packet.play)
            if packet.news.end is not None:
                self._begun.discard(packet.play)
            self.n_sent_bytes += packet.n_bytes
        if is_remote:
            self._recent.add(chain(flight.repeated, flight.new), self._clock())
        if tally is not None:
            n_known, n_tallied = tally.n_before, self._n_tallied_steps
            self._n_tallied_steps = tally.n_sent
            if n_known < n_tallied:
                self._server_lost(n_known)

    def _server_lost(self, n_known: int) -> None:
        """Send again what is still here; find out what is not, and tell workers of episodes of which nothing is left."""
        self.repeat_recent()
        sent_again: dict[Play, set[int]] = {}
        for packet in self._backlog.repeated:
            sent_again.setdefault(packet.play, set()).update(entry.sequence for entry in packet.entries)
        custody = self._ledger.custody
        losses = custody.lose(
            lambda play, chunk: chunk.n_sent <= n_known or chunk.sequence in sent_again.get(play, ()),
            sent_again=sent_again,
        )
        headers = [custody.header_of(play) for play in {*custody.open_plays(), *sent_again}]
        self.begin_with([Packet(News(it.play), (it,)) for it in headers if it is not None])
        self.has_lost(losses)

    def has_lost(self, losses: Losses) -> None:
        """Steps that were acknowledged are gone for good."""
        for play, end in losses.ended.items():
            self.put(Packet(News(play), finished=end, closes=True))
        self._ledger.lose(losses)
        self._losses = losses.after(self._losses)
        if self._journal is not None:
            self._journal.is_stale = True

    def _begin_anew(self, flight: Flight, gone: list[Play], header_of: Callable[[Play], Outgoing | None]) -> None:
        """Streams that are gone begin again, with what is still known of them: the server has lost them, or workers salvaged
        them. Of plays that have ended they do so only for what is new; what is repeated, a worker may have taken."""
        headers = {play: header for play in gone if (header := header_of(play)) is not None}
        for play in {packet.play for packet in flight.new if packet.entries}.intersection(gone):
            if play not in headers and (header := self._ledger.custody.header_of(play)) is not None:
                headers[play] = header
        if not headers:
            return
        again = [Packet(News(play), (header,)) for play, header in headers.items()]
        self.begin_with(again + self._recent.take_entries(headers))
