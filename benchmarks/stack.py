"""A real server and a real worker for the length of a measurement, in a folder that goes away with it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from recorder.catalog import Catalog
from recorder.child_process import ChildProcess
from recorder.redis_server.embedded import EmbeddedServer

__all__ = ["KEEP_ALL", "Stack", "StackError", "running_stack", "wait_until"]

KEEP_ALL: Mapping[str, Any] = {
    "periodic": {"interval": 1},
    "stage_transitions": {"enabled": False},
    "performance": {"enabled": False},
    "stage_boundaries": {"enabled": False},
}
"""Criteria under which every episode is kept at once."""

_POLL_SECS = 0.02
_DEADLINE_SECS = 300.0


class StackError(Exception):
    """The worker has ended, or did not do in time what was waited for."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs."""

    url: str
    recordings: Path
    catalog: Catalog
    """For reading."""
    worker: ChildProcess

    def wait_written(self, run_id: str, n_episodes: int) -> None:
        """Wait until the run has so many episodes in files and in the catalog.

        Raises:
            StackError: it does not come to that.
        """
        self._wait(lambda: self.n_recordings(run_id) >= n_episodes, f"{n_episodes} recordings of {run_id}")

    def wait_ended(self, run_id: str) -> None:
        """Wait until the run's end is settled and what it keeps is written, so that the worker is idle again.

        Raises:
            StackError: it does not come to that.
        """

        def is_done() -> bool:
            if not any(run.run_id == run_id and run.ended_at for run in self.catalog.list_runs()):
                return False
            kept = self.catalog.summarise_run(run_id).by_decision.get("kept", 0)
            return self.n_recordings(run_id) >= kept

        self._wait(is_done, f"the end of {run_id}")

    def n_recordings(self, run_id: str) -> int:
        """Recordings of the run in the catalog."""
        return sum(run.n_recordings for run in self.catalog.list_runs() if run.run_id == run_id)

    def count_kept(self, run_id: str, n_whole_steps: int) -> tuple[int, int]:
        """Steps in the recordings of the run, and how many of the recordings have ``n_whole_steps``."""
        lengths = [row["n_steps"] for row in self.catalog.query_recordings(run=run_id)]
        return sum(lengths), lengths.count(n_whole_steps)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, is_alive=lambda: self.worker.is_alive, log=self.worker.log_tail)


def wait_until(
    condition: Callable[[], bool], what: str, *, is_alive: Callable[[], bool], log: Callable[[], str]
) -> None:
    """Poll a condition.

    Raises:
        StackError: the process it depends on has ended, or time is up.
    """
    deadline = time.monotonic() + _DEADLINE_SECS
    while not condition():
        if not is_alive() or time.monotonic() > deadline:
            raise StackError(f"waited in vain for {what}; the end of the worker's log:\n{log()}")
        time.sleep(_POLL_SECS)


@contextmanager
def running_stack(criteria: Mapping[str, Any] | None = None) -> Iterator[Stack]:
    """A server, and a worker of one process for the queues ``ingest`` and ``maintenance``.

    Args:
        criteria: as under ``recording: criteria:``; None takes the defaults.
    """
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        recordings, database, log = folder / "recordings", folder / "catalog.db", folder / "worker.log"
        config = folder / "config.yaml"
        config.write_text(json.dumps({"recording": {"criteria": dict(criteria or {})}}))
        # What earlier measurements left in black boxes is none of this one's business.
        own_state = patch.dict(os.environ, {"XDG_STATE_HOME": str(folder / "state")})
        with own_state, EmbeddedServer(folder / "server") as server:
            options = ["--redis-url", server.url, "--recordings", str(recordings), "--database", str(database)]
            queues = ["--queues", "ingest,maintenance", "--concurrency", "1"]
            command = [sys.executable, "-m", "recorder", "worker", "--config", str(config), *options, *queues]
            with ChildProcess(command, log=log) as worker:
                wait_until(
                    database.exists, "the worker's catalog", is_alive=lambda: worker.is_alive, log=worker.log_tail
                )
                with Catalog(database) as catalog:
                    yield Stack(server.url, recordings, catalog, worker)
