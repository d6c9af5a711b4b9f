"""Writes the kept episodes of a run: reads the stream, stores the file, commits its row, deletes the stream.

A worker may be killed after any of these. Running them again completes the rest and changes nothing that was done.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recorder.catalog import EpisodeRow
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
from recorder.storage import episode_path
from worker.ingest.assemble import AssembledFile, assemble, read_play
from worker.ingest.context import IngestContext
from worker.ingest.continued import catalog_is_ahead, salvaged_file, trim_salvaged

__all__ = [
    "WriteResult",
    "claim",
    "claim_and_write",
    "delete_earlier_plays",
    "delete_replaced",
    "forget_streams",
    "write_batches",
    "write_episodes",
]

_log = logging.getLogger(__name__)

_GROUP_BYTES = 64 * 2**20
"""Bytes of streams held in memory at a time. A larger episode is read alone."""

_RETRY_SECS = 5.0
"""Wait after a failure that may pass, such as a full disk."""


_MAX_FAILURES_IN_A_ROW = 3
"""After this many failures in a row the cause is not a single file."""


@dataclass(slots=True)
class WriteResult:
    """What one call has done."""

    n_written: int = 0
    n_bytes: int = 0
    n_failed: int = 0
    n_postponed: int = 0


def write_batches(rows: Sequence[EpisodeRow], max_episodes: int) -> list[list[int]]:
    """Split claimed episodes of a run into the ids for one ``write_episodes`` call each.

    An episode that was tried before gets a call for itself: if it kills its worker, no other episode is affected.
    """
    fresh = [row.episode_id for row in rows if row.attempts == 0]
    batches = [fresh[start : start + max_episodes] for start in range(0, len(fresh), max_episodes)]
    return batches + [[row.episode_id] for row in rows if row.attempts > 0]


def claim(context: IngestContext, run_id: str, *, limit: int) -> list[EpisodeRow]:
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
            files = {}
            for row, entries in zip(group, streams, strict=True):
                file = _assemble_or_fail(context, row, entries, result)
                if file is not None:
                    files[row.episode_id] = (row, file)
            _place(context, run_id, files, result)
            n_begun += len(group)
    except StreamUnavailableError as error:
        _postpone(context, run_id, [row.episode_id for row in rows[n_begun:]], str(error))
        raise
    return result


def _groups(rows: Sequence[EpisodeRow]) -> Iterator[list[EpisodeRow]]:
    group: list[EpisodeRow] = []
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
    context: IngestContext, row: EpisodeRow, entries: Sequence[StreamEntry], result: WriteResult
) -> AssembledFile | None:
    limits = context.limits
    is_salvaged = row.status == EpisodeStatus.SALVAGED
    try:
        earlier = salvaged_file(context, row) if row.replaced_plays else None
        if earlier is not None and not is_salvaged and not any(entry.kind == END for entry in entries):
            raise StreamCorruptError("it was salvaged and went on, and its end has not arrived yet")
        return assemble(
            row,
            read_play(entries, until_step=row.survival_steps if is_salvaged else None, earlier=earlier),
            file_format=limits.format,
            compression=limits.compression,
            compact_below_steps=limits.compact_below_steps,
        )
    except StorageError as error:
        _log.error("what was salvaged of episode_id=%d, run_id=%s waits: %s", row.episode_id, row.run_id, error)
        _postpone(context, row.run_id, [row.episode_id], str(error))
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
            not_before=context.now() + timedelta(seconds=_RETRY_SECS),
            max_attempts=limits.max_attempts,
        )
        return None


def _is_wanted(context: IngestContext, row: EpisodeRow) -> bool:
    """Return False if another worker has written the episode or a later play has replaced it, so its missing stream
    is no error."""
    try:
        current = context.catalog.get_episode(row.run_id, row.episode_id)
    except RecordingNotFoundError:
        return False
    return current.play_id == row.play_id and current.written_at is None


def _place(
    context: IngestContext, run_id: str, files: dict[int, tuple[EpisodeRow, AssembledFile]], result: WriteResult
) -> None:
    """Store files, commit their rows, delete their streams."""
    if not files:
        return
    try:
        context.storage.write_all({file.name: file.data for _, file in files.values()})
    except StorageError as error:
        if len(files) > 1:
            _place_one_by_one(context, run_id, files, result)
            return
        _log.error("can't write %d episodes of run_id=%s; they stay in the stream: %s", len(files), run_id, error)
        _postpone(context, run_id, list(files), str(error))
        result.n_postponed += len(files)
        return
    taken = context.catalog.finish_writes([file.recording for _, file in files.values()], at=context.now())
    taken_ids = {recording.episode_id for recording in taken}
    done_ids = set(taken_ids)
    rows = {}
    for episode_id, (row, file) in files.items():
        if episode_id not in taken_ids and catalog_is_ahead(context, row):
            continue  # it goes on, and the writer of the whole needs the stream, and the file if it is there
        rows[episode_id] = row
        if episode_id not in taken_ids:
            # A later play came while this one was written, and has another file.
            delete_replaced(context, file.name)
        elif not delete_earlier_plays(context, row):
            done_ids.discard(episode_id)  # left to the sweep
    forget_streams(context, run_id, rows.values())
    context.catalog.mark_streams_dropped(run_id, done_ids, context.now())
    result.n_written += len(taken)
    result.n_bytes += sum(len(file.data) for episode_id, (_, file) in files.items() if episode_id in taken_ids)


def forget_streams(context: IngestContext, run_id: str, rows: Collection[EpisodeRow]) -> None:
    """Drop the streams of settled episodes; of those that were salvaged, what their files hold."""
    whole = [row for row in rows if row.status != EpisodeStatus.SALVAGED]
    context.stream.drop_plays(run_id, [Play(row.episode_id, row.play_id) for row in whole])
    for row in rows:
        if row.status == EpisodeStatus.SALVAGED:
            trim_salvaged(context, row)


def _place_one_by_one(
    context: IngestContext, run_id: str, files: dict[int, tuple[EpisodeRow, AssembledFile]], result: WriteResult
) -> None:
    """Retry the files of a failed batch one by one, because one bad path must not block the rest. Stops if all fail."""
    left = dict(files)
    n_failed_in_a_row = 0
    while left and n_failed_in_a_row < _MAX_FAILURES_IN_A_ROW:
        episode_id = next(iter(left))
        n_before = result.n_postponed
        _place(context, run_id, {episode_id: left.pop(episode_id)}, result)
        n_failed_in_a_row = n_failed_in_a_row + 1 if result.n_postponed > n_before else 0
    if left:
        _log.error("%d more episodes of run_id=%s stay in the stream", len(left), run_id)
        _postpone(context, run_id, list(left), "other files could not be written")
        result.n_postponed += len(left)


def _postpone(context: IngestContext, run_id: str, episode_ids: Sequence[int], error: str) -> None:
    """Release episodes for a later attempt, without counting this one."""
    not_before = context.now() + timedelta(seconds=_RETRY_SECS)
    context.catalog.postpone_write(run_id, episode_ids, not_before=not_before, error=error, count_attempt=False)


def delete_earlier_plays(context: IngestContext, row: EpisodeRow) -> bool:
    """Delete the files of replaced plays that a killed worker left behind.

    Returns:
        False if one of them may still exist.
    """
    are_gone = True
    for replaced_plays in range(row.replaced_plays):
        for compression in ("lz4", "none"):
            name = episode_path(row.run_id, row.episode_id, compression=compression, replaced_plays=replaced_plays)
            are_gone = delete_replaced(context, name) and are_gone
    return are_gone


def delete_replaced(context: IngestContext, name: str) -> bool:
    """Delete the file of a replaced play; log a failure and return False."""
    try:
        context.storage.delete(name)
    except StorageError as error:
        _log.error("can't delete the file of a replaced play: %s", error)
        return False
    return True
