"""``RecordingWriter``: the workers' own functions on a thread in the trainer, for recording without a server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recorder.capture import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.errors import RecorderError, UsageError
from recorder.settings import CriteriaSettings
from recorder.storage import open_storage
from worker.criteria import build_criteria
from worker.ingest import (
    IngestContext,
    IngestLimits,
    claim_and_write,
    evaluate_run,
    sweep,
    write_batches,
    write_episodes,
)

__all__ = ["RecordingWriter"]

_log = logging.getLogger(__name__)

_TICK_SECS = 0.25
"""Pause between two looks at the stream; an episode is on disk about this long after its decision."""

_SWEEP_TICKS = 40

_GRACE_SECS = 2.0
"""What the tick that is under way may take beyond the time that ``stop`` was given."""


class RecordingWriter:
    """Decides, writes and indexes what a recorder without a server holds in memory.

    Example::

        recorder = EpisodeRecorder()
        writer = RecordingWriter(recorder=recorder, database="demo.db", recordings_dir="recordings")
        writer.start()
        ...
        recorder.close()
        writer.stop()

    Args:
        recorder: one that records within this process.
        database: the catalog, or a path or URL of one.
        recordings_dir: a folder or an fsspec URL.
        criteria: as under ``recording: criteria:`` in a configuration; the defaults when left out.
        limits: batch sizes and the file's format.

    Raises:
        UsageError: the recorder sends to a server, where workers do this.
        SettingsError: the criteria can't work.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder,
        database: Catalog | str | Path,
        recordings_dir: str | Path,
        *,
        criteria: Mapping[str, Any] | None = None,
        limits: IngestLimits | None = None,
    ) -> None:
        if recorder.stream.is_remote:
            raise UsageError(
                "this recorder sends to a server, where workers write its episodes: start one with 'python -m recorder worker', "
                "or leave the URL out of EpisodeRecorder(...)"
            )
        config = CriteriaSettings().model_dump() if criteria is None else dict(criteria)
        config.update(config.pop("custom", {}))
        build_criteria(config)
        self._owns_catalog = not isinstance(database, Catalog)
        self._context = IngestContext(
            stream=recorder.stream,
            catalog=Catalog.open(database),
            storage=open_storage(recordings_dir),
            make_criteria=lambda: build_criteria(config),
            limits=limits or IngestLimits(),
        )
        self._recorder = recorder
        self._wake = threading.Event()
        self._is_stopping = False
        self._is_complete = False
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="recording-writer", daemon=True)

    def start(self) -> None:
        """Begin.

        Raises:
            UsageError: it was started before; after ``stop`` another writer begins.
        """
        if self._thread.ident is not None:
            state = "runs already" if self._thread.is_alive() else "was stopped: make another one"
            raise UsageError(f"RecordingWriter.start() was called twice: this writer {state}")
        self._thread.start()

    def stop(self, timeout_secs: float = 30.0) -> bool:
        """Write what is left and stop; closes the recorder first, which ends the run.

        Returns:
            False when time ran out first, or an episode could not be written; the log says why. So when episodes are
            left held, because another recorder on the stream has not ended the run.
        """
        self._deadline = time.monotonic() + timeout_secs
        self._recorder.close(timeout_secs)
        self._is_stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, self._deadline - time.monotonic()) + _GRACE_SECS)
        if self._owns_catalog and not self._thread.is_alive():
            self._context.catalog.close()
        return self._is_complete and not self._thread.is_alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        n_ticks = 0
        while True:
            is_stopping = self._is_stopping
            try:
                self.tick(sweeps=is_stopping or n_ticks % _SWEEP_TICKS == 0)
                if is_stopping and not self._has_more_to_do():
                    return
            except RecorderError as error:
                _log.error("recording writer: will try again: %s", error)
            except Exception:  # noqa: BLE001 - the thread must outlive a defect
                _log.exception("recording writer: a defect; will try again")
            if is_stopping and time.monotonic() > self._deadline:
                return
            n_ticks += 1
            if self._wake.wait(_TICK_SECS):
                self._wake.clear()

    def tick(self, *, sweeps: bool) -> None:
        """One look: evaluate what has ended, write what is kept.

        Args:
            sweeps: also look for what earlier ticks have left.

        Raises:
            RecorderError: this tick was cut short; the next one goes on.
        """
        context, run_id = self._context, self._recorder.run_id
        context.catalog.begin_anew_if_deleted()
        evaluate_run(context, run_id)
        if sweeps:
            for swept_id, rows in sweep(context).to_write.items():
                for episode_ids in write_batches(rows, context.limits.write_batch_episodes):
                    write_episodes(context, swept_id, episode_ids)
        while claim_and_write(context, run_id):
            pass

    def _has_more_to_do(self) -> bool:
        """Whether another tick may decide or write something; notes whether all is decided and written."""
        context, run_id = self._context, self._recorder.run_id
        cursor = context.catalog.load_run_state(run_id).cursor
        unread = context.stream.read_finished(run_id, after=cursor, limit=1)
        unwritten = context.catalog.list_episodes(run=run_id, decision="kept", recorded=False, limit=100).episodes
        self._is_complete = not unread and not unwritten and not context.catalog.held_episodes(run_id)
        return bool(unread) or not all(row.parked for row in unwritten)
