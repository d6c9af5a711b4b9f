"""Puts assembled files in place: stores them, commits their rows, deletes their streams."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from recorder.catalog import EpisodeToWrite
from recorder.episode import EpisodeStatus
from recorder.errors import RecordingNotFoundError, StorageError
from recorder.step_stream import Play
from recorder.storage import episode_path
from worker.ingest.assemble import AssembledFile
from worker.ingest.context import IngestContext
from worker.ingest.continued import catalog_is_ahead, trim_salvaged
from worker.ingest.packing import PackedCopies, pack_files

__all__ = [
    "RETRY_SECS",
    "Files",
    "WriteResult",
    "delete_leftovers",
    "delete_replaced",
    "forget_streams",
    "place_files",
    "place_pack",
    "postpone",
]

_log = logging.getLogger(__name__)

Files: TypeAlias = dict[int, tuple[EpisodeToWrite, AssembledFile]]
"""Episode id to its row and file."""

RETRY_SECS = 5.0
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


def place_pack(context: IngestContext, run_id: str, files: Files, result: WriteResult) -> None:
    """Store uncompressed files as one pack; see ``place_files``."""
    if not files:
        return
    pack, data, packed = pack_files(run_id, list(files.values()))
    try:
        context.storage.write_all({pack: data})
    except StorageError as error:
        _postpone_all(context, run_id, files, error, result)
        return
    of_pack = {row.episode_id: (row, file) for (row, _), file in zip(files.values(), packed, strict=True)}
    _commit(context, run_id, of_pack, result)


def place_files(context: IngestContext, run_id: str, files: Files, result: WriteResult) -> None:
    """Store files, commit their rows, delete their streams."""
    if not files:
        return
    try:
        context.storage.write_all({file.name: file.data for _, file in files.values()})
    except StorageError as error:
        if len(files) > 1:
            _place_one_by_one(context, run_id, files, result)
        else:
            _postpone_all(context, run_id, files, error, result)
        return
    _commit(context, run_id, files, result)


def _commit(context: IngestContext, run_id: str, files: Files, result: WriteResult) -> None:
    """Commit the rows of stored files, and delete what is not needed any more."""
    taken = context.catalog.finish_writes([file.recording for _, file in files.values()], at=context.now())
    taken_ids = {recording.episode_id for recording in taken}
    done_ids = set(taken_ids)
    copies = PackedCopies(context.storage, run_id)
    rows = {}
    refused = []
    for episode_id, (row, file) in files.items():
        if episode_id not in taken_ids and catalog_is_ahead(context, row):
            continue  # it goes on, and the writer of the whole needs the stream, and the file if it is there
        rows[episode_id] = row
        if episode_id not in taken_ids:
            # A later play came while this one was written, or another worker was faster, and has another file.
            refused.append(file.name)
        elif not delete_leftovers(context, row, copies):
            done_ids.discard(episode_id)  # left to the sweep
    delete_replaced(context, refused)
    forget_streams(context, run_id, rows.values())
    context.catalog.mark_streams_dropped(run_id, done_ids, context.now())
    result.n_written += len(taken)
    result.n_bytes += sum(len(file.data) for episode_id, (_, file) in files.items() if episode_id in taken_ids)


def forget_streams(context: IngestContext, run_id: str, rows: Collection[EpisodeToWrite]) -> None:
    """Drop the streams of settled episodes; of those that were salvaged, what their files hold."""
    whole = [row for row in rows if row.status != EpisodeStatus.SALVAGED]
    context.stream.drop_plays(run_id, [Play(row.episode_id, row.play_id) for row in whole])
    for row in rows:
        if row.status == EpisodeStatus.SALVAGED:
            trim_salvaged(context, row)


def _place_one_by_one(context: IngestContext, run_id: str, files: Files, result: WriteResult) -> None:
    """Retry the files of a failed batch one by one, because one bad path must not block the rest. Stops if all fail."""
    left = dict(files)
    n_failed_in_a_row = 0
    while left and n_failed_in_a_row < _MAX_FAILURES_IN_A_ROW:
        episode_id = next(iter(left))
        n_before = result.n_postponed
        place_files(context, run_id, {episode_id: left.pop(episode_id)}, result)
        n_failed_in_a_row = n_failed_in_a_row + 1 if result.n_postponed > n_before else 0
    if left:
        _log.error("%d more episodes of run_id=%s stay in the stream", len(left), run_id)
        postpone(context, run_id, list(left), "other files could not be written")
        result.n_postponed += len(left)


def _postpone_all(context: IngestContext, run_id: str, files: Files, error: StorageError, result: WriteResult) -> None:
    _log.error("can't write %d episodes of run_id=%s; they stay in the stream: %s", len(files), run_id, error)
    postpone(context, run_id, list(files), str(error))
    result.n_postponed += len(files)


def postpone(context: IngestContext, run_id: str, episode_ids: Sequence[int], error: str) -> None:
    """Release episodes for a later attempt, without counting this one."""
    not_before = context.now() + timedelta(seconds=RETRY_SECS)
    context.catalog.postpone_write(run_id, episode_ids, not_before=not_before, error=error, count_attempt=False)


def delete_leftovers(context: IngestContext, row: EpisodeToWrite, copies: PackedCopies) -> bool:
    """Delete what a killed worker left behind: files of replaced plays, and copies in packs of what was written again.

    Returns:
        False if something may be left.
    """
    names = [
        episode_path(row.run_id, row.episode_id, compression=compression, replaced_plays=replaced_plays)
        for replaced_plays in range(row.replaced_plays)
        for compression in ("lz4", "zstd", "none")
    ]
    if row.replaced_plays or row.attempts > 1:
        try:
            packed = copies.names_of(row.episode_id)
            names += [name for name in packed if name != _current_file(context, row)]
        except StorageError as error:
            _log.error("can't look for copies of episode_id=%d, run_id=%s: %s", row.episode_id, row.run_id, error)
            return False
    return delete_replaced(context, names)


def _current_file(context: IngestContext, row: EpisodeToWrite) -> str | None:
    try:
        return context.catalog.get_recording(row.run_id, row.episode_id).file_path
    except RecordingNotFoundError:
        return None


def delete_replaced(context: IngestContext, names: Sequence[str]) -> bool:
    """Delete the files of replaced plays; log a failure and return False."""
    try:
        context.storage.delete_all(names)
    except StorageError as error:
        _log.error("can't delete the file of a replaced play: %s", error)
        return False
    return True
