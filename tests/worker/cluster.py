"""Real worker processes on a real Redis and a real database, with short waits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recorder.catalog import Catalog, EpisodeRow
from recorder.episode_file import Episode, open_episode
from tests.processes import PythonProcess
from tests.waiting import DEADLINE_SECS, wait_until

CRITERIA: dict[str, Any] = {
    "periodic": {"interval": 7},
    "stage_transitions": {"lookback": 5, "lookahead": 5},
    "performance": {"top_percentile": 10.0, "bottom_percentile": 10.0, "history_window": 20},
    "stage_boundaries": {"record_first_n": 2, "record_last_n": 2},
}

SHORT_WAITS = {
    "HAMLET_RECORDER_INGEST__TICK_SECS": "0.1",
    "HAMLET_RECORDER_INGEST__SWEEP_SECS": "0.3",
    "HAMLET_RECORDER_INGEST__LEASE_SECS": "3",
    "HAMLET_RECORDER_INGEST__ABANDONED_AFTER_SECS": "3",
    "HAMLET_RECORDER_INGEST__BATCH_EPISODES": "16",
    "HAMLET_RECORDER_INGEST__WRITE_BATCH_EPISODES": "8",
    "C_FORCE_ROOT": "1",
}


@dataclass
class Cluster:
    """Where trainers send and where the workers put it."""

    url: str
    folder: Path
    catalog: Catalog
    database: str

    def environment(self, **more: str) -> dict[str, str]:
        """Environment variables of a worker."""
        config = self.folder.parent / "config.yaml"
        config.write_text(json.dumps({"recording": {"criteria": CRITERIA}}))
        return {
            **SHORT_WAITS,
            "HAMLET_RECORDER_CONFIG": str(config),
            "HAMLET_RECORDER_REDIS__URL": self.url,
            "HAMLET_RECORDER_RECORDINGS_DIR": str(self.folder),
            "HAMLET_RECORDER_DATABASE": self.database,
            **more,
        }

    def worker(self, **more: str) -> PythonProcess:
        """A worker's process, for a ``with`` block."""
        arguments = ("-m", "recorder", "worker", "--queues", "ingest,maintenance", "--concurrency", "1")
        return PythonProcess(*arguments, environment=self.environment(**more))

    def wait_until_ended(self, run_id: str, deadline_secs: float = DEADLINE_SECS) -> None:
        """Until the run has ended, and all that is kept of it is written."""

        def is_done() -> bool:
            return (
                any(run.run_id == run_id and run.ended_at is not None for run in self.catalog.list_runs())
                and not self.catalog.held_episode_ids(run_id)
                and not self.catalog.list_episodes(run=run_id, decision="kept", recorded=False, limit=1).episodes
            )

        wait_until(is_done, deadline_secs, f"the end of run {run_id}")

    def rows(self, run_id: str) -> dict[int, EpisodeRow]:
        return {row.episode_id: row for row in self.catalog.list_episodes(run=run_id, limit=1000).episodes}

    def recorded_ids(self, run_id: str) -> list[int]:
        return [row["episode_id"] for row in self.catalog.query_recordings(run=run_id, order="episode_id")]

    def episode(self, run_id: str, episode_id: int) -> Episode:
        return open_episode(self.folder / self.catalog.get_recording(run_id, episode_id).file_path)


@contextmanager
def open_cluster(place: Path, url: str, *, database: str | None = None) -> Iterator[Cluster]:
    """A folder and a catalog; no worker yet."""
    folder = place / "recordings"
    folder.mkdir()
    database = database or str(folder / "catalog.db")
    with Catalog(database) as catalog:
        yield Cluster(url, folder, catalog, database)


@contextmanager
def workers(cluster: Cluster, n_workers: int, **more: str) -> Iterator[list[PythonProcess]]:
    """So many workers, ready."""
    with ExitStack() as stack:
        processes = [stack.enter_context(cluster.worker(**more)) for _ in range(n_workers)]
        for process in processes:
            process.wait_for("worker: serves")
        yield processes


def decisions(rows: Mapping[int, EpisodeRow]) -> dict[int, tuple[str, tuple[str, ...]]]:
    """What was decided on each episode."""
    return {episode_id: (row.decision, row.reasons) for episode_id, row in rows.items()}
