"""``RecordingWriter``: the workers' own functions on a thread in the trainer, for recording without a server."""

from __future__ import annotations

import logging
import threading
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
from worker.ingest import IngestContext, IngestLimits, evaluate_run, sweep, write_episodes

__all__ = ["RecordingWriter"]

_log = logging.getLogger(__name__)

_TICK_SECS = 0.25
"""Pause between two looks at the stream; an episode is on disk about this long after its decision."""

_SWEEP_TICKS = 40


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
        self._thread = threading.Thread(target=self._run, name="recording-writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_secs: float = 30.0) -> bool:
        """Write what is left and stop; closes the recorder first, which ends the run.

        Returns:
            False when time ran out first.
        """
        self._recorder.close(timeout_secs)
        self._is_stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_secs)
        is_done = not self._thread.is_alive()
        if is_done and self._owns_catalog:
            self._context.catalog.close()
        return is_done

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
            is_last = self._is_stopping
            try:
                self.tick(sweeps=n_ticks % _SWEEP_TICKS == 0 or is_last)
            except RecorderError as error:
                _log.error("recording writer: will try again: %s", error)
            if is_last:
                return
            n_ticks += 1
            self._wake.wait(_TICK_SECS)

    def tick(self, *, sweeps: bool) -> None:
        """One look: evaluate what has ended, write what is kept.

        Args:
            sweeps: also look for what earlier ticks have left.

        Raises:
            RecorderError: this tick was cut short; the next one goes on.
        """
        context = self._context
        evaluate_run(context, self._recorder.run_id)
        if sweeps:
            for run_id, episode_ids in sweep(context).to_write.items():
                write_episodes(context, run_id, episode_ids)
        while rows := context.catalog.claim_writes(
            now=context.now(),
            lease_secs=context.limits.lease_secs,
            limit=context.limits.write_batch_episodes,
            run_id=self._recorder.run_id,
            max_attempts=context.limits.max_attempts,
        ):
            write_episodes(context, self._recorder.run_id, [row.episode_id for row in rows])
