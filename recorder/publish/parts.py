"""The parts of a publisher, put together as its predecessor has left them."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from recorder.black_box import Ring
from recorder.publish.delivery.journal import Journal
from recorder.publish.delivery.ledger import Ledger, RunCounts
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import News, Packet
from recorder.publish.delivery.spool import Spool
from recorder.publish.delivery.succession import Inheritance
from recorder.publish.episodes.open_episodes import OpenEpisodes
from recorder.publish.episodes.open_plays import OpenPlays
from recorder.publish.heartbeats import Heartbeats
from recorder.publish.identity import RunIdentity
from recorder.publish.limits import PublisherLimits
from recorder.publish.picture_budget import PictureBudget
from recorder.publish.run_watch import RunWatch
from recorder.publish.stats import Counts, RecorderStats
from recorder.publish.trouble import Trouble
from recorder.step_stream import StepStream

__all__ = ["Parts", "identity_of", "put_together"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What takes records, what sends, and what speaks for the trainer."""

    open: OpenEpisodes
    outbox: Outbox
    heartbeats: Heartbeats
    has_spool: bool


def identity_of(ring: Ring) -> RunIdentity:
    """The run and the producer of a ring."""
    identity = ring.identity
    return RunIdentity(
        identity["run_id"],
        identity["producer_id"],
        resumed=bool(identity.get("resumed", False)),
        defaults=identity.get("defaults") or {},
    )


def put_together(
    stream: StepStream,
    ring: Ring,
    inherited: Inheritance,
    *,
    limits: PublisherLimits,
    journal: Path | None,
    spool: Path | None,
    stats: RecorderStats,
    trouble: Trouble,
) -> Parts:
    """Make the parts.

    Args:
        inherited: what the server has acknowledged, and has lost since.
        stats: learns what was counted so far.

    Raises:
        BlackBoxError: the spool is another program's file.
    """
    ledger, identity = inherited.ledger, identity_of(ring)
    packets = None
    if spool is not None and (limits.spool_bytes or spool.exists()):
        packets = Spool(spool, max_bytes=limits.spool_bytes, done=ledger.spool_done)
    watch = RunWatch(stream, identity, stats, refused=ledger.run.refused, on_news=trouble.note_news, on_log=trouble.say)
    outbox = Outbox(
        stream,
        identity.run_id,
        producer_id=identity.producer_id,
        max_bytes=limits.max_pending_bytes,
        ledger=ledger,
        run_counts=lambda: RunCounts(watch.refused_so_far, stats.n_errors),
        journal=Journal(journal, ledger) if journal is not None else None,
        spool=packets,
        clock=time.time,
    )
    pictures = PictureBudget(
        limits.picture_bytes_per_sec,
        clock=time.monotonic,
        is_tight=lambda: stats.is_server_full or outbox.is_half_full,
        on_left_out=lambda n: trouble.log_error(
            "pictures",
            f"{stats.n_dropped_pictures + n} pictures left out so far, their steps are recorded: more than "
            "capture.picture_bytes_per_sec, or Redis is away or full",
        ),
    )
    plays = OpenPlays(
        identity,
        outbox,
        stats,
        ledger=ledger,
        pictures=pictures,
        on_error=trouble.note_defect,
        on_first=trouble.note_first,
        clock=time.time,
    )
    heartbeats = Heartbeats(
        stream,
        identity,
        info=ring.identity.get("info") or {},
        limits=limits,
        pid=ring.identity.get("pid") or os.getpid(),
        outbox=outbox,
        watch=watch,
        has_looked_back=ledger.number > 0,
        on_warning=lambda text: trouble.say(logging.WARNING, text),
        on_full=lambda used, limit: trouble.log_error(
            "full", f"the server holds {used} bytes, more than {limit}: sending waits for workers"
        ),
    )
    as_read = _with_spooled(ledger, packets)
    refused = ledger.run.refused
    counts = Counts(stats)
    counts.add_all(as_read.counts)
    counts.add("n_errors", ledger.run.n_errors)
    counts.add("n_refused_episodes", refused.n_episodes)
    counts.add("n_refused_steps", refused.n_steps)
    counts.add("n_recorded_steps", -refused.n_steps)
    outbox.discount(refused.n_steps)
    plays.resume(as_read)
    outbox.begin_with([Packet(News(header.play), (header,)) for header in inherited.headers])
    if inherited.losses.has_happened and not inherited.losses.is_nothing:
        outbox.has_lost(inherited.losses)
    return Parts(OpenEpisodes(plays, on_error=trouble.note_defect), outbox, heartbeats, packets is not None)


def _with_spooled(ledger: Ledger, spool: Spool | None) -> Ledger:
    """A copy of the ledger as it will be when all that waits on disk was sent: up to there the ring was read."""
    later = Ledger.from_map(ledger.to_map())
    for packet in spool.waiting() if spool is not None else ():
        later.note(packet.news)
    return later
