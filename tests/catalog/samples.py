"""Rows that the tests of the catalog put in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from recorder.catalog import Catalog, EpisodeRow, RecordingRow

__all__ = ["NOW", "commit", "episode", "recording"]

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def episode(episode_id: int, run_id: str = "run-a", **values: Any) -> EpisodeRow:
    """An episode that finished ``episode_id`` seconds into its run."""
    values = {"decision": "skipped", "play_id": 1, "finished_unix_nanos": episode_id * 1_000_000_000, **values}
    return EpisodeRow(run_id, episode_id, **values)


def recording(episode_id: int, run_id: str = "run-a", **values: Any) -> RecordingRow:
    """The recording of that episode."""
    values = {
        "timestamp": float(episode_id),
        "file_path": f"{run_id}/episode_{episode_id:06}.msgpack.lz4",
        "reasons": ("periodic_100",),
        **values,
    }
    return RecordingRow(run_id, episode_id, **values)


def commit(catalog: Catalog, rows: Sequence[EpisodeRow], **values: Any) -> None:
    """Put episodes in, as an evaluation does; all of one run."""
    run_id = rows[0].run_id
    cursor = catalog.load_run_state(run_id).cursor
    milliseconds = int(cursor.split("-")[0])
    values = {"criteria_state": {}, "decided": [], "at": NOW, "new_cursor": f"{milliseconds + 1}-0", **values}
    assert catalog.commit_evaluation(run_id, old_cursor=cursor, new_episodes=rows, **values)
