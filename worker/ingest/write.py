"""Writes the kept episodes of a run: reads the stream, stores the file, commits its row, deletes the stream.

A worker may be killed after any of these. Running them again completes the rest and changes nothing that was done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from recorder.catalog import ClaimedEpisode, EpisodeToWrite
from recorder.episode import EpisodeStatus
from recorder.errors import (
    EpisodeFileError,
    RecordingNotFoundError,
    StorageError,
    StreamCorruptError,
    StreamUnavailableError,
    UsageError,
)
from recorder.step_stream import END, Play, StreamEntry
from worker.ingest.assemble import AssembledFile, assemble, read_play
from worker.ingest.context import IngestContext
from worker.ingest.continued import salvaged_file
from worker.ingest.packing import MAX_EPISODE_BYTES, choose_packed, packs_of
from worker.ingest.place import RETRY_SECS, Files, WriteResult, place_files, place_pack, postpone

__all__ = ["claim", "claim_and_write", "write_batches", "write_episodes"]

_log = logging.getLogger(__name__)

_GROUP_BYTES = 64 * 2**20
"""Bytes of streams held in memory at a time. A larger episode is read alone."""


def write_batches(rows: Sequence[ClaimedEpisode], max_episodes: int) -> list[list[int]]:
    """Split claimed episodes of a run into the ids for one ``write_episodes`` call each.

    An episode that was tried before gets a call for itself: if it kills its worker, no other episode is affected.
    """
    fresh = [row.episode_id for row in rows if row.attempts == 0]
    batches = [fresh[start : start + max_episodes] for start in range(0, len(fresh), max_episodes)]
    return batches + [[row.episode_id] for row in rows if row.attempts > 0]


def claim(context: IngestContext, run_id: str, *, limit: int) -> list[ClaimedEpisode]:
    """Lease the oldest of the run's episodes that need a file and that no worker has leased.

    Raises:
        CatalogUnavailableError: call again later.
    """
    return context.catalog.claim_writes(
        now=context.now(),
        lease_secs=context.limits.lease_secs,
        limit=limit,
        run_id=run_id,
        max_attempts=context.limits.max_attempts,
    )


def claim_and_write(context: IngestContext, run_id: str) -> int:
    """Claim and write a batch of the run's episodes; return how many were claimed.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; completed work is kept.
    """
    n_together = context.limits.write_batch_episodes
    rows = claim(context, run_id, limit=n_together)
    for episode_ids in write_batches(rows, n_together):
        write_episodes(context, run_id, episode_ids)
    return len(rows)


def write_episodes(context: IngestContext, run_id: str, episode_ids: Sequence[int]) -> WriteResult:
    """Write those of the episodes that are kept and have no file yet.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; completed work is kept.
    """
    limits = context.limits
    result = WriteResult()
    rows = context.catalog.start_write(
        run_id, episode_ids, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    n_begun = 0
    try:
        for group in _groups(rows):
            streams = context.stream.read_plays(run_id, [Play(row.episode_id, row.play_id) for row in group])
            packed_ids = choose_packed(group, limits)
            alone: Files = {}
            packed: Files = {}
            for row, entries in zip(group, streams, strict=True):
                is_packed = row.episode_id in packed_ids
                file = _assemble_or_fail(context, row, entries, result, is_packed=is_packed)
                if file is not None:
                    into_pack = is_packed and file.compression == "none"
                    (packed if into_pack else alone)[row.episode_id] = (row, file)
            for part in packs_of(packed):
                place_pack(context, run_id, part, result)
            place_files(context, run_id, alone, result)
            n_begun += len(group)
    except StreamUnavailableError as error:
        postpone(context, run_id, [row.episode_id for row in rows[n_begun:]], str(error))
        raise
    return result


def _groups(rows: Sequence[EpisodeToWrite]) -> Iterator[list[EpisodeToWrite]]:
    group: list[EpisodeToWrite] = []
    n_bytes = 0
    for row in rows:
        if group and n_bytes + row.n_bytes > _GROUP_BYTES:
            yield group
            group, n_bytes = [], 0
        group.append(row)
        n_bytes += row.n_bytes
    if group:
        yield group


def _assemble_or_fail(
    context: IngestContext, row: EpisodeToWrite, entries: Sequence[StreamEntry], result: WriteResult, *, is_packed: bool
) -> AssembledFile | None:
    limits = context.limits
    is_salvaged = row.status == EpisodeStatus.SALVAGED
    try:
        earlier = salvaged_file(context, row) if row.replaced_plays else None
        if earlier is not None and not is_salvaged and not any(entry.kind == END for entry in entries):
            raise StreamCorruptError("it was salvaged and went on, and its end has not arrived yet")
        content = read_play(entries, until_step=row.survival_steps if is_salvaged else None, earlier=earlier)
        build = partial(
            assemble, row, content, file_format=limits.format, compact_below_steps=limits.compact_below_steps
        )
        if is_packed and len((file := build(compression="none")).data) <= MAX_EPISODE_BYTES:
            return file
        return build(compression=limits.compression)
    except StorageError as error:
        _log.error("what was salvaged of episode_id=%d, run_id=%s waits: %s", row.episode_id, row.run_id, error)
        postpone(context, row.run_id, [row.episode_id], str(error))
        result.n_postponed += 1
        return None
    except (StreamCorruptError, EpisodeFileError, UsageError) as error:
        if not _is_wanted(context, row):
            return None
        result.n_failed += 1
        _log.error(
            "can't write episode_id=%d of run_id=%s, attempt %d: %s", row.episode_id, row.run_id, row.attempts, error
        )
        context.catalog.fail_write(
            row.run_id,
            row.episode_id,
            str(error),
            not_before=context.now() + timedelta(seconds=RETRY_SECS),
            max_attempts=limits.max_attempts,
        )
        return None


def _is_wanted(context: IngestContext, row: EpisodeToWrite) -> bool:
    """Return False if another worker has written the episode or a later play has replaced it, so its missing stream
    is no error."""
    try:
        current = context.catalog.get_episode(row.run_id, row.episode_id)
    except RecordingNotFoundError:
        return False
    return current.play_id == row.play_id and current.written_at is None
