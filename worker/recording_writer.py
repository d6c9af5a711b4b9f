"""``RecordingWriter``: the worker's functions on a thread of the trainer, for recording without Redis."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.capture import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.errors import UsageError
from recorder.installation.membership import make_folder
from recorder.settings import Settings, load_settings, loaded_settings
from recorder.storage import LocalStorage, open_storage
from worker.criteria import GivenCriteria, criteria_factory
from worker.ingest import IngestContext, IngestLimits
from worker.process import ingest_limits
from worker.writer_thread import WriterThread

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RecordingWriter"]

_END_SECS = 30.0
"""How long the exit of the process may be delayed to write everything."""


class RecordingWriter:
    """Decides, writes and indexes the episodes that a recorder without Redis holds in memory.

    Example::

        recorder = EpisodeRecorder()
        writer = RecordingWriter(recorder=recorder, database="demo.db", recordings_dir="recordings")
        writer.start()
        ...
        writer.stop()

    It also stops, with everything written, when the recorder is closed or garbage collected, and at the exit of the
    process, which waits up to 30 seconds. If the process is killed, unwritten episodes are lost; with Redis and a
    worker they are not.

    If ``criteria`` or ``limits`` is omitted, it comes from the configuration: the settings that the recorder was made
    from; else those that this process last loaded from a file with the same ``recordings_dir``; else the environment's
    (``HAMLET_RECORDER_CONFIG`` and the other variables); else the defaults.

    Args:
        recorder: one that records within this process.
        database: the catalog, or its path or URL.
        recordings_dir: a folder, which is created if it is missing, or an fsspec URL.
        criteria: the settings or their ``criteria``; a mapping as under ``recording: criteria:`` in a configuration;
            or criteria such as ``[PeriodicCriterion(interval=100)]``.
        limits: batch sizes and the file format.

    Raises:
        UsageError: an argument is invalid, or the recorder sends to Redis, where workers write the episodes.
        SettingsError: the criteria or the configuration are invalid.
        StorageError: the folder can't be created.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder,
        database: Catalog | str | Path,
        recordings_dir: str | Path,
        *,
        criteria: GivenCriteria | None = None,
        limits: IngestLimits | None = None,
    ) -> None:
        _check_arguments(recorder, database, recordings_dir)
        settings = criteria if isinstance(criteria, Settings) else _settings_for(recorder, recordings_dir)
        make_criteria = criteria_factory(settings if criteria is None else criteria)
        storage = open_storage(recordings_dir)
        if isinstance(storage, LocalStorage):
            make_folder(Path(storage.root))  # before the catalog, which may be in it
        self._recorder = recorder
        self._thread = WriterThread(
            IngestContext(
                stream=recorder.stream,
                catalog=Catalog.open(database),
                storage=storage,
                make_criteria=make_criteria,
                limits=limits or ingest_limits(settings),
            ),
            recorder.run_id,
            owns_catalog=not isinstance(database, Catalog),
        )

    def start(self) -> None:
        """Start.

        Raises:
            UsageError: it was started before.
        """
        if self._thread.was_started:
            state = "is running" if self._thread.is_alive else "was stopped: create another one"
            raise UsageError(f"RecordingWriter.start() was called twice: this writer {state}")
        self._thread.start(partial(_finish, weakref.ref(self._recorder), self._thread))

    def stop(self, timeout_secs: float = 30.0) -> bool:
        """Write what is left and stop. Closes the recorder first, which ends the run. Does nothing in a forked
        process.

        Returns:
            False if time ran out, an episode could not be written, or episodes stay held because another recorder on
            the stream has
            not ended the run. The log says which.
        """
        if self._thread.is_in_fork:
            return False
        deadline = time.monotonic() + timeout_secs
        self._recorder.close(timeout_secs)
        return self._thread.stop(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __reduce__(self) -> tuple[Any, ...]:
        return CopiedWriter, ()


class CopiedWriter(RecordingWriter):
    """Stands in for a copied or pickled writer. It writes nothing, as a copied recorder records nothing."""

    def __init__(self) -> None:
        pass

    def start(self) -> None:
        """Do nothing: the original starts itself."""

    def stop(self, timeout_secs: float = 30.0) -> bool:  # noqa: ARG002 - nothing takes no time
        """Do nothing."""
        return True


def _finish(recorder: Callable[[], EpisodeRecorder | None], thread: WriterThread) -> None:
    """End the run at the exit of the process, and write what is left."""
    held = recorder()
    if held is None:
        thread.wait(_END_SECS)  # its run has ended already, and the thread ends with it
    else:
        held.close(_END_SECS)
    thread.stop(_END_SECS)


def _settings_for(recorder: EpisodeRecorder, recordings_dir: str | Path) -> Settings:
    return recorder.settings or loaded_settings(recordings_dir) or load_settings()


def _check_arguments(recorder: object, database: object, recordings_dir: object) -> None:
    if not isinstance(recorder, EpisodeRecorder):
        raise UsageError(f"recorder: expected an EpisodeRecorder, found {type(recorder).__name__}")
    if recorder.is_copy:
        raise UsageError("recorder: this is a copy, which records nothing: pass the recorder itself")
    if not isinstance(database, Catalog | str | PathLike):
        raise UsageError(
            f"database: expected a Catalog, or its path or URL such as 'demo.db', found {type(database).__name__}"
        )
    if not isinstance(recordings_dir, str | PathLike):
        raise UsageError(f"recordings_dir: expected a folder or a URL, found {type(recordings_dir).__name__}")
    if recorder.stream.is_remote:
        raise UsageError(
            "this recorder sends to Redis, where workers write its episodes: start one with 'hamlet-recorder worker', "
            "or create EpisodeRecorder(...) without a URL"
        )
