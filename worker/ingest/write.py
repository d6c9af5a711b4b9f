"""Writing the kept episodes of a run: read the stream, put the file in place, commit its row, drop the stream.

Each stage may be the last that a killed worker reaches; running it again finishes the work and changes nothing that is done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recorder.catalog import EpisodeRow
from recorder.errors import EpisodeFileError, StorageError, StreamCorruptError, UsageError
from recorder.step_stream import Play, StreamEntry
from worker.ingest.assemble import AssembledFile, assemble, read_play
from worker.ingest.context import IngestContext

__all__ = ["WriteResult", "write_episodes"]

_log = logging.getLogger(__name__)

_GROUP_BYTES = 64 * 2**20
"""Bytes of streams held in memory at a time; one larger episode goes alone."""

_RETRY_SECS = 5.0
"""Wait after a failure that time may mend: room on a disk, a server that comes back."""


@dataclass(slots=True)
class WriteResult:
    """What one call has done."""

    n_written: int = 0
    n_bytes: int = 0
    n_failed: int = 0
    n_postponed: int = 0


def write_episodes(context: IngestContext, run_id: str, episode_ids: Sequence[int]) -> WriteResult:
    """Write those of the episodes that are kept and have no file yet.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; what is done stays done.
    """
    limits = context.limits
    result = WriteResult()
    rows = context.catalog.start_write(
        run_id, episode_ids, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    for group in _groups(rows):
        plays = [Play(row.episode_id, row.play_id) for row in group]
        streams = context.stream.read_plays(run_id, plays)
        files = []
        for row, entries in zip(group, streams, strict=True):
            file = _assemble_or_fail(context, row, entries)
            if file is None:
                result.n_failed += 1
            else:
                files.append(file)
        result.n_postponed += _place(context, run_id, files, result)
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


def _assemble_or_fail(context: IngestContext, row: EpisodeRow, entries: Sequence[StreamEntry]) -> AssembledFile | None:
    limits = context.limits
    try:
        return assemble(
            row,
            read_play(entries),
            file_format=limits.format,
            compression=limits.compression,
            compact_below_steps=limits.compact_below_steps,
        )
    except (StreamCorruptError, EpisodeFileError, UsageError) as error:
        if context.catalog.get_episode(row.run_id, row.episode_id).written_at is not None:
            return None  # another worker was quicker, and has dropped the stream
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


def _place(context: IngestContext, run_id: str, files: Sequence[AssembledFile], result: WriteResult) -> int:
    """Put files in place and commit them; returns how many have to wait because there is no room."""
    if not files:
        return 0
    recordings = [file.recording for file in files]
    try:
        context.storage.write_all({file.name: file.data for file in files})
    except StorageError as error:
        _log.error("can't write %d episodes of run_id=%s; they stay in the stream: %s", len(files), run_id, error)
        context.catalog.postpone_write(
            run_id,
            [recording.episode_id for recording in recordings],
            not_before=context.now() + timedelta(seconds=_RETRY_SECS),
            error=str(error),
            count_attempt=False,
        )
        return len(files)
    context.catalog.finish_writes(recordings, at=context.now())
    context.stream.drop_plays(run_id, [Play(row.episode_id, row.play_id or 0) for row in recordings])
    context.catalog.mark_streams_dropped(run_id, [row.episode_id for row in recordings], context.now())
    result.n_written += len(files)
    result.n_bytes += sum(len(file.data) for file in files)
    return 0
