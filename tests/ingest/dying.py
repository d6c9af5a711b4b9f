"""A worker process that is killed at a chosen moment of a write; run by ``test_killed_worker``."""

from __future__ import annotations

import builtins
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from recorder.catalog import Catalog, RecordingRow
from recorder.step_stream import Play, RedisStepStream, StreamEntry
from tests.ingest.rig import RUN, Rig, write_all
from tests.waiting import DEADLINE_SECS
from worker.ingest import evaluate_run

T = TypeVar("T")

STAGES = ("evaluate", "trim", "lease", "read", "temporary file", "fsync", "rename", "commit", "drop", "mark")


class Executioner:
    """Kills this process, with no chance to clean up, before or after a named stage."""

    def __init__(self, stage: str, moment: str) -> None:
        self._stage, self._moment = stage, moment

    def around(self, stage: str, call: Callable[[], T]) -> T:
        self._strike(stage, "before")
        answer = call()
        self._strike(stage, "after")
        return answer

    def _strike(self, stage: str, moment: str) -> None:
        if (stage, moment) == (self._stage, self._moment):
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedStream(RedisStepStream):
    """Dies around reading a play, trimming the ends, or dropping a play."""

    executioner: Executioner

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        return self.executioner.around("read", lambda: super(DoomedStream, self).read_plays(run_id, plays))

    def trim_finished(self, run_id: str, *, through: str) -> None:
        self.executioner.around("trim", lambda: super(DoomedStream, self).trim_finished(run_id, through=through))

    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        if plays:
            self.executioner.around("drop", lambda: super(DoomedStream, self).drop_plays(run_id, plays))


class DoomedCatalog(Catalog):
    """Dies around the transactions of a write."""

    executioner: Executioner

    def commit_evaluation(self, *arguments: Any, **more: Any) -> bool:
        commit = super().commit_evaluation
        return self.executioner.around("evaluate", lambda: commit(*arguments, **more))

    def start_write(self, *arguments: Any, **more: Any) -> Any:
        start = super().start_write
        return self.executioner.around("lease", lambda: start(*arguments, **more))

    def finish_writes(self, recordings: Sequence[RecordingRow], *, at: Any) -> list[RecordingRow]:
        finish = super().finish_writes
        return self.executioner.around("commit", lambda: finish(recordings, at=at))

    def mark_streams_dropped(self, run_id: str, episode_ids: Any, at: Any, **more: Any) -> None:
        mark, ids = super().mark_streams_dropped, list(episode_ids)
        if ids:
            self.executioner.around("mark", lambda: mark(run_id, ids, at, **more))


def evaluate_and_write(url: str, folder: str, criteria: dict[str, Any], stage: str, moment: str) -> None:
    """What a worker does with what is finished, until it is killed."""
    executioner = Executioner(stage, moment)
    _doom_files(executioner)
    stream, catalog = DoomedStream(url), DoomedCatalog(Path(folder) / "catalog.db")
    stream.executioner = catalog.executioner = executioner
    context = Rig(stream, catalog, Path(folder)).worker(criteria)
    evaluate_run(context, RUN)
    write_all(context)


def _doom_files(executioner: Executioner) -> None:
    """The stages of a file are calls of the operating system's; this process is the only one that sees them changed."""
    fsync, replace, open_path = os.fsync, os.replace, open

    def doomed_open(path: Any, *arguments: Any, **more: Any) -> Any:
        if Path(str(path)).name.startswith(".episode_"):
            return executioner.around("temporary file", lambda: open_path(path, *arguments, **more))
        return open_path(path, *arguments, **more)

    os.fsync = lambda file: executioner.around("fsync", lambda: fsync(file))  # type: ignore[arg-type]
    os.replace = lambda path, target: executioner.around("rename", lambda: replace(path, target))  # type: ignore
    builtins.open = doomed_open


def run_until_killed(*arguments: Any) -> int | None:
    """Runs ``evaluate_and_write`` in a separate process; returns its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ingest.dying"])
    process = context.Process(target=evaluate_and_write, args=arguments)
    process.start()
    process.join(DEADLINE_SECS)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the worker that should have died still ran after {DEADLINE_SECS:g} s")
    return process.exitcode
