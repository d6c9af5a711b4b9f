"""Going on where a sender has ended that could not finish: what it left in its journal, settled with what the server has."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from recorder.publish.delivery.custody import Losses
from recorder.publish.delivery.journal import read_journal
from recorder.publish.delivery.ledger import FlushRecord, Ledger
from recorder.step_stream import Outgoing, Play, StepStream, Tally

__all__ = ["Inheritance", "inherit"]

_SECOND_LOOK_SECS = 0.5
"""A flush of a process that has died may still be on its way into a server that was slow to answer."""

_READ_PLAYS = 64
"""Plays that are read at a time."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a successor begins with."""

    ledger: Ledger
    headers: list[Outgoing]
    """To be sent first: the server has lost these streams."""
    losses: Losses
    """What it has lost for good, and nobody had noticed; the ledger does not know of it yet."""

    @classmethod
    def nothing(cls, *, keeps_plays: bool) -> Inheritance:
        """Of a publisher without a predecessor."""
        return cls(Ledger(keeps_plays=keeps_plays), [], Losses())


def inherit(stream: StepStream, run_id: str, producer_id: str, journal: Path) -> Inheritance:
    """Read what a predecessor has left; nothing when there was none.

    Raises:
        StreamError: the server does not answer.
        BlackBoxError: the file is not a journal.
    """
    ledger, last = read_journal(journal)
    if ledger.number == 0 and last is None:
        return Inheritance(ledger, [], Losses())
    headers: list[Outgoing] = []
    tally = stream.tally(run_id, producer_id)
    if last is not None and tally is not None and tally.flush_number < last.number:
        time.sleep(_SECOND_LOOK_SECS)
        tally = stream.tally(run_id, producer_id)
    if last is not None and (tally is None or tally.flush_number >= last.number):
        arrived, headers = _arrived(stream, run_id, ledger, last)
        ledger.apply(arrived, is_remote=True)
    if tally is None or ledger.number == 0 or _is_whole(tally, ledger):
        return Inheritance(ledger, headers, Losses())
    return _after_losses(stream, run_id, ledger, tally)


def _arrived(
    stream: StepStream, run_id: str, ledger: Ledger, record: FlushRecord
) -> tuple[FlushRecord, list[Outgoing]]:
    """What of a flush did arrive, and the headers of streams that were not there for it: a worker had salvaged them.

    Where a play has begun with it, the stream was there: a worker has taken it since. Where it has ended with it, a worker may
    have, as it does at each end; what is sent again then changes nothing.
    """
    begun = {news.play for news in record.news if news.header}
    dropped = {news.play for news in record.news if news.end is not None and news.end.is_dropped}
    told = {news.play for news in record.news if news.chunk is not None or news.end is not None}
    plays = list(told - begun - dropped)
    found = stream.read_headers(run_id, plays)
    gone = {play for play, entry in zip(plays, found, strict=True) if entry is None}
    headers = [ledger.custody.header_of(play) for play in gone]
    kept = [news for news in record.news if news.play not in gone]
    return replace(record, news=kept), [header for header in headers if header is not None]


def _is_whole(tally: Tally, ledger: Ledger) -> bool:
    """Whether the server has all that it has acknowledged."""
    if ledger.is_repeating or tally.flush_number < ledger.number:
        return False
    return max(tally.flush_before, ledger.checked_number) >= ledger.number - 1


def _after_losses(stream: StepStream, run_id: str, ledger: Ledger, tally: Tally) -> Inheritance:
    """Look which entries are there; what is not there is lost."""
    n_known = tally.n_sent if tally.flush_number < ledger.number else tally.n_before
    if ledger.is_repeating:
        n_known = 0
    custody = ledger.custody
    held = _held(stream, run_id, custody.all_plays())
    is_open = set(custody.open_plays())
    losses = custody.lose(
        lambda play, chunk: (
            chunk.sequence in held.get(play, ()) if play in held or play in is_open else chunk.n_sent <= n_known
        ),
        sent_again=held,
    )
    headers = [custody.header_of(play) for play in custody.open_plays() if 1 not in held.get(play, ())]
    return Inheritance(ledger, [header for header in headers if header is not None], losses)


def _held(stream: StepStream, run_id: str, plays: list[Play]) -> dict[Play, set[int]]:
    """The sequences of the entries that are there, by play; only of plays of which there are some."""
    held = {}
    for start in range(0, len(plays), _READ_PLAYS):
        some = plays[start : start + _READ_PLAYS]
        for play, entries in zip(some, stream.read_plays(run_id, some), strict=True):
            if entries:
                held[play] = {entry.sequence for entry in entries}
    return held
