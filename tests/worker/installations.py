"""Installations as people make them: folders, workers on them, trainers that find them."""

from __future__ import annotations

import json
from pathlib import Path

from recorder import EpisodeRecorder, PublisherLimits
from recorder.catalog import Catalog
from recorder.errors import CatalogError
from tests.processes import PythonProcess
from tests.waiting import wait_until
from tests.worker.cluster import SHORT_WAITS


def worker(folder: Path, *options: str, queues: str = "ingest,maintenance", **environment: str) -> PythonProcess:
    """A worker on a folder, which keeps every episode."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    config = folder.parent / "config.yaml"
    config.write_text(json.dumps({"recording": {"criteria": {"periodic": {"interval": 1}}}}))
    arguments = ["-m", "recorder", "worker", "--config", str(config), "--recordings", str(folder)]
    return PythonProcess(
        *arguments, "--queues", queues, "--concurrency", "1", *options, environment={**SHORT_WAITS, **environment}
    )


def record(url: str, run_id: str, n_episodes: int = 3) -> None:
    """A whole run."""
    with EpisodeRecorder(url, run_id=run_id, limits=PublisherLimits(flush_interval_secs=0.02)) as recorder:
        for episode_id in range(n_episodes):
            recorder.record_step(episode_id, 0, (0, 0), [1.0], 0, 0.0, done=True)
            recorder.finish_episode(episode_id)


def n_files(folder: Path, run_id: str) -> int:
    """Recordings of a run in a folder."""
    return len(list((folder / run_id).glob("episode_*"))) if folder.is_dir() else 0


def wait_until_recorded(folder: Path, run_id: str, n_episodes: int = 3) -> None:
    """Until files and catalog have all of the run."""

    def is_recorded() -> bool:
        try:
            with Catalog(folder / "catalog.db", read_only=True) as catalog:
                return len(catalog.query_recordings(run=run_id, limit=None)) == n_episodes == n_files(folder, run_id)
        except CatalogError:
            return False

    wait_until(is_recorded, message=f"{n_episodes} recordings of {run_id} in {folder}")
