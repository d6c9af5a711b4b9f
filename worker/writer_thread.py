"""The thread of a ``RecordingWriter``: reads the stream, decides and writes, until the run has ended or it is
stopped."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from recorder.errors import RecorderError
from recorder.runtime.process_end import at_process_end
from recorder.step_stream import has_closed, trainer_names
from worker.ingest import (
    IngestContext,
    claim_and_write,
    evaluate_run,
    report_known_run,
    sweep,
    write_batches,
    write_episodes,
)

__all__ = ["WriterThread"]

_log = logging.getLogger(__name__)

_TICK_SECS = 0.25
"""Pause between two ticks. An episode is on disk about this long after its decision."""

_SWEEP_TICKS = 40

_GRACE_SECS = 2.0
"""Time that a running tick may take beyond the time-out of ``stop``."""


class WriterThread:
    """Holds the stream but not the recorder: a recorder that is garbage collected ends its run, and with it this
    thread.

    Args:
        context: of the ingest functions.
        run_id: the run.
        owns_catalog: close the catalog at the end.
    """

    def __init__(self, context: IngestContext, run_id: str, *, owns_catalog: bool) -> None:
        self._context = context
        self._run_id = run_id
        self._owns_catalog = owns_catalog
        self._forget_end: Callable[[], None] | None = None
        """Cancel the action at the exit of the process."""
        self._pid = os.getpid()
        self._wake = threading.Event()
        self._is_stopping = False
        self.is_complete = False
        """Whether everything is decided and written; valid after it has ended."""
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run_to_end, name="recording-writer", daemon=True)

    @property
    def was_started(self) -> bool:
        """Whether it was started."""
        return self._thread.ident is not None

    @property
    def is_alive(self) -> bool:
        """Whether it is running."""
        return self._thread.is_alive()

    @property
    def is_in_fork(self) -> bool:
        """Whether this process is a fork of the one that made it, so that there is no such thread."""
        return os.getpid() != self._pid

    def start(self, at_process_end_do: Callable[[], object]) -> None:
        """Start.

        Args:
            at_process_end_do: called if the process exits before the thread ends.
        """
        self._forget_end = at_process_end(at_process_end_do)
        self._context.stream.expect_reader()
        self._thread.start()

    def stop(self, timeout_secs: float) -> bool:
        """Finish the work and stop; return False if something is left undone, which is logged."""
        self._deadline = time.monotonic() + timeout_secs
        self._is_stopping = True
        self._wake.set()
        if not self.was_started:
            self._close_all()
            return False
        self.wait(timeout_secs + _GRACE_SECS)
        if self._thread.is_alive():
            _log.error(
                "recording writer: run_id=%s: still working after %.0f s; it continues", self._run_id, timeout_secs
            )
            return False
        return self.is_complete

    def wait(self, timeout_secs: float) -> None:
        """Wait until it has ended by itself."""
        self._thread.join(timeout_secs)

    def tick(self, *, sweeps: bool) -> None:
        """Evaluate ended episodes and write the kept ones.

        Args:
            sweeps: also look for what earlier ticks left undone.

        Raises:
            RecorderError: this tick failed; the next one continues.
        """
        context, run_id = self._context, self._run_id
        context.catalog.recreate_if_deleted()
        evaluate_run(context, run_id)
        if sweeps:
            for swept_id, rows in sweep(context).to_write.items():
                for episode_ids in write_batches(rows, context.limits.write_batch_episodes):
                    write_episodes(context, swept_id, episode_ids)
        while claim_and_write(context, run_id):
            pass

    def _run_to_end(self) -> None:
        try:
            self._run()
        finally:
            if not self.is_complete:
                _log.error(
                    "recording writer: run_id=%s: it has ended, but episodes are undecided or unwritten; "
                    "see 'hamlet-recorder list' and 'hamlet-recorder parked'",
                    self._run_id,
                )
            self._close_all()

    def _run(self) -> None:
        try:
            report_known_run(self._context, self._run_id)
        except RecorderError as error:
            _log.error("recording writer: can't find out whether the run exists already: %s", error)
        n_ticks = 0
        while True:
            is_stopping = self._is_stopping
            try:
                is_last = is_stopping or self._is_run_over()
                self.tick(sweeps=is_last or n_ticks % _SWEEP_TICKS == 0)
                if is_last and not self._has_more_to_do():
                    return
            except RecorderError as error:
                _log.error("recording writer: will try again: %s", error)
            except Exception:  # noqa: BLE001 - the thread must survive any error
                _log.exception("recording writer: unexpected error; will try again")
            if is_stopping and time.monotonic() > self._deadline:
                return
            n_ticks += 1
            if self._wake.wait(_TICK_SECS):
                self._wake.clear()

    def _close_all(self) -> None:
        if self._forget_end is not None:
            self._forget_end()
        if self._owns_catalog:
            self._context.catalog.close()

    def _is_run_over(self) -> bool:
        """Return whether all recorders of the run are closed."""
        info = self._context.stream.run_info(self._run_id)
        names = trainer_names(info)
        return bool(names) and all(has_closed(info, name) for name in names)

    def _has_more_to_do(self) -> bool:
        """Return whether another tick may have something to do; set whether everything is decided and written."""
        context, run_id = self._context, self._run_id
        cursor = context.catalog.load_run_state(run_id).cursor
        unread = context.stream.read_finished(run_id, after=cursor, limit=1)
        unwritten = context.catalog.list_episodes(run=run_id, decision="kept", recorded=False, limit=100).episodes
        self.is_complete = not unread and not unwritten and not context.catalog.has_held_episodes(run_id)
        return bool(unread) or not all(row.parked for row in unwritten)
