"""Operations that import recordings from their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, write_transaction
from recorder.catalog.lists.keys import plays_of
from recorder.catalog.locks import lock_episodes_of
from recorder.catalog.models import episodes
from recorder.catalog.operations.evaluation import write_episodes
from recorder.catalog.operations.recordings import write_recordings
from recorder.catalog.operations.runs import add_missing_runs
from recorder.catalog.rows import EpisodeRow, RecordingRow
from recorder.errors import UsageError
from recorder.runtime.python_versions import UTC

__all__ = ["ImportOperations", "import_rows"]

_ROWS_A_TRANSACTION = 500
"""Files per transaction of ``import_recordings``, few enough not to block other writers."""


class ImportOperations(CatalogBase):
    """Imports of recordings."""

    def import_recordings(
        self,
        rows: Iterable[tuple[EpisodeRow, RecordingRow]],
        *,
        on_refused: Callable[[RecordingRow, str], object] | None = None,
    ) -> int:
        """Import episodes and their files; returns how many.

        An existing episode keeps its row, unless the file holds a later play.

        Args:
            on_refused: called with a file that has a value that the database can't hold, and the reason; the others are
                imported. None raises ``UsageError``.
        """
        n_imported = 0
        source = iter(rows)
        while batch := list(islice(source, _ROWS_A_TRANSACTION)):
            n_imported += self._import_batch(batch, on_refused)
        return n_imported

    def _import_batch(
        self, batch: Sequence[tuple[EpisodeRow, RecordingRow]], on_refused: Callable[[RecordingRow, str], object] | None
    ) -> int:
        """Import a batch. If a row is refused, halve the batch until that row is alone."""
        try:
            self._import_whole(batch)
            return len(batch)
        except UsageError as error:
            if on_refused is None:
                raise
            if len(batch) == 1:
                on_refused(batch[0][1], str(error))
                return 0
        half = len(batch) // 2
        return self._import_batch(batch[:half], on_refused) + self._import_batch(batch[half:], on_refused)

    @write_transaction
    def _import_whole(self, batch: Sequence[tuple[EpisodeRow, RecordingRow]]) -> None:
        with self._writing() as connection:
            import_rows(connection, batch)


def import_rows(connection: Connection, batch: Sequence[tuple[EpisodeRow, RecordingRow]]) -> None:
    """As ``import_recordings``, within a transaction."""
    at = datetime.now(UTC)
    run_ids = sorted({episode.run_id for episode, _ in batch})
    add_missing_runs(connection, run_ids, at=at, against="change")
    for run_id in run_ids:
        lock_episodes_of(connection, run_id, [episode.episode_id for episode, _ in batch if episode.run_id == run_id])
    for run_id in run_ids:
        rows = [(episode, recording) for episode, recording in batch if episode.run_id == run_id]
        plays = plays_of(connection, run_id, (episode.episode_id for episode, _ in rows))
        fresh: list[EpisodeRow] = []
        known: list[dict[str, Any]] = []
        current: list[RecordingRow] = []
        for episode, recording in rows:
            play_id = plays.get(episode.episode_id)
            if play_id is None or episode.play_id > play_id:
                fresh.append(replace(episode, decision="kept", written_at=episode.written_at or at))
            elif episode.play_id in (0, play_id):  # 0: an old file without a play id
                known.append({"of_episode": episode.episode_id, "new_reasons": recording.reasons or episode.reasons})
            else:
                continue
            current.append(recording)
        write_episodes(connection, run_id, fresh)
        if known:
            connection.execute(
                update(episodes)
                .where(episodes.c.run_id == run_id, episodes.c.episode_id == bindparam("of_episode"))
                .values(
                    decision="kept",
                    reasons=bindparam("new_reasons"),
                    written_at=func.coalesce(episodes.c.written_at, at),
                    parked=False,
                    error=None,
                ),
                known,
            )
        write_recordings(connection, current, at=at)
