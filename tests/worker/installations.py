"""Installations as people make them: folders, workers on them, trainers that find them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recorder import EpisodeRecorder, PublisherLimits
from recorder.__main__ import main
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
    limits = PublisherLimits(flush_interval_secs=0.02)
    with EpisodeRecorder(url, run_id=run_id, limits=limits, sender="thread") as recorder:
        for episode_id in range(n_episodes):
            recorder.record_step(episode_id, 0, (0, 0), [1.0], 0, 0.0, done=True)
            recorder.finish_episode(episode_id)


def n_files(folder: Path, run_id: str) -> int:
    """Recordings of a run in a folder."""
    return len(list((folder / run_id).glob("episode_*"))) if folder.is_dir() else 0


def wait_until_recorded(folder: Path, run_id: str, n_episodes: int = 3) -> None:
    """Until files and catalog have all of the run."""

    def is_recorded() -> bool:
        if n_files(folder, run_id) != n_episodes:
            return False
        try:
            with Catalog(folder / "catalog.db", read_only=True) as catalog:
                return catalog.count_recordings(run=run_id) == n_episodes
        except CatalogError:
            return False

    wait_until(is_recorded, message=f"{n_episodes} recordings of {run_id} in {folder}")


class Command:
    """The command line in this process: what another would print takes it a second to load."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its status and all that it printed."""
        self._capfd.readouterr()
        status = main(arguments)
        captured = self._capfd.readouterr()
        return status, captured.out + captured.err
