"""A salvaged play that goes on: its trainer was only out of reach, or left steps in its black box that arrived later.

What had arrived is in a file, and may have left the stream; what comes later continues it, and the whole replaces the file.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from recorder.catalog import EpisodeRow, EpisodeToWrite
from recorder.chunk import MAX_CHUNK_CONTAINERS
from recorder.episode import EpisodeStatus
from recorder.episode_file import Episode, open_episode
from recorder.episode_file.reader import MAX_FILE_BYTES
from recorder.errors import EpisodeFileError, RecordingNotFoundError
from recorder.framing import MAX_FRAME_BYTES, decompress_frame, unpack_bounded
from recorder.step_stream import CHUNK, END, Play, StreamEntry
from worker.ingest.context import IngestContext

__all__ = ["catalog_is_ahead", "continues_salvaged", "salvaged_file", "salvaged_row", "trim_salvaged"]

_log = logging.getLogger(__name__)


def continues_salvaged(known: EpisodeRow | EpisodeToWrite, *, n_steps: int, status: str) -> bool:
    """Whether an end of the play that the catalog knows as salvaged says more than the catalog does."""
    if known.status != EpisodeStatus.SALVAGED or known.decision == "deleted":
        return False
    return n_steps > known.n_steps or (n_steps == known.n_steps and status != EpisodeStatus.SALVAGED)


def catalog_is_ahead(context: IngestContext, row: EpisodeToWrite) -> bool:
    """Whether the catalog has the salvaged play of ``row`` longer than it is there, and not written yet."""
    known = salvaged_row(context, row.run_id, Play(row.episode_id, row.play_id), statuses=tuple(EpisodeStatus))
    if known is None or known.is_done:
        return False
    return continues_salvaged(row, n_steps=known.n_steps, status=known.status)


def salvaged_row(
    context: IngestContext,
    run_id: str,
    play: Play,
    *,
    statuses: Sequence[EpisodeStatus] = (EpisodeStatus.SALVAGED,),
) -> EpisodeRow | None:
    """The row of exactly this play; None when the catalog has none of that status."""
    try:
        row = context.catalog.get_episode(run_id, play.episode_id)
    except RecordingNotFoundError:
        return None
    return row if row.play_id == play.play_id and row.status in statuses else None


def salvaged_file(context: IngestContext, row: EpisodeRow | EpisodeToWrite) -> Episode | None:
    """The file that holds what was salvaged of a play; None where there is none.

    To be asked after the stream was read: what leaves the stream is in the file by then.

    Raises:
        StorageError: it can't be told; call again later.
        CatalogUnavailableError: call again later.
    """
    try:
        recording = context.catalog.get_recording(row.run_id, row.episode_id)
    except RecordingNotFoundError:
        return None
    if recording.play_id != row.play_id or recording.status != EpisodeStatus.SALVAGED:
        return None
    name = recording.file_path
    if not context.storage.exists(name):
        _log.error("what was salvaged of episode_id=%d, run_id=%s is gone: %s", row.episode_id, row.run_id, name)
        return None
    try:
        return open_episode(context.storage.read(name, max_bytes=MAX_FILE_BYTES))
    except EpisodeFileError as error:
        _log.error("what was salvaged of episode_id=%d, run_id=%s is broken: %s", row.episode_id, row.run_id, error)
        return None


def trim_salvaged(context: IngestContext, row: EpisodeToWrite) -> None:
    """Forget those entries of a salvaged play that its file holds; what its trainer has sent since then stays."""
    play = Play(row.episode_id, row.play_id)
    entries = context.stream.read_plays(row.run_id, [play])[0]
    if through := _last_within(entries, end_step=row.survival_steps):
        context.stream.trim_play(row.run_id, play, through=through)


def _last_within(entries: Sequence[StreamEntry], *, end_step: int) -> int:
    """Sequence of the last entry that says nothing of steps from ``end_step`` on; 0 when there is none."""
    last = 0
    for entry in entries:
        if entry.kind == END or (entry.kind == CHUNK and _stop_of(entry) > end_step):
            break
        last = entry.sequence
    return last


def _stop_of(entry: StreamEntry) -> int:
    """The step after a chunk's last; 0 of one that can't be read."""
    try:
        content = decompress_frame(entry.data, max_bytes=MAX_FRAME_BYTES)
        first_step, n_steps, *_ = unpack_bounded(content, max_containers=MAX_CHUNK_CONTAINERS)
        return int(first_step) + int(n_steps)
    except (EpisodeFileError, TypeError, ValueError):
        return 0
