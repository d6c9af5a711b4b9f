"""What one worker process works with: made when it is first needed, anew in each process of a pool."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from recorder.catalog import Catalog
from recorder.errors import StorageError
from recorder.server_status import read_queue_lengths
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream, StepStream
from recorder.storage import open_storage
from worker.criteria import Criterion, build_criteria
from worker.ingest import IngestContext, IngestLimits

__all__ = ["WorkerProcess", "collect_rarely", "ingest_limits"]


def collect_rarely() -> None:
    """Let Python look for objects that only refer to each other a hundred times as rarely as it does.

    A batch of episodes makes some hundred thousand objects, hardly any of that kind, and looking took a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(70_000, 20, 20)


def ingest_limits(settings: Settings) -> IngestLimits:
    """The limits of ingest, from the settings."""
    ingest = settings.ingest
    return IngestLimits(
        batch_episodes=ingest.batch_episodes,
        write_batch_episodes=ingest.write_batch_episodes,
        lease_secs=ingest.lease_secs,
        max_attempts=ingest.max_attempts,
        abandoned_after_secs=ingest.abandoned_after_secs,
        compact_below_steps=ingest.compact_below_steps,
        format=settings.format,
        compression=settings.compression,
    )


class WorkerProcess:
    """Connections and criteria of this process; a child of a fork makes its own.

    Args:
        settings: all of them.
        redis_url: the server with the streams.
    """

    def __init__(self, settings: Settings, *, redis_url: str) -> None:
        self.settings = settings
        self.redis_url = redis_url
        self._pid = 0
        self._ingest: IngestContext | None = None
        self._stream: StepStream | None = None

    @property
    def broker_url(self) -> str:
        """Where the queues lie."""
        return self.settings.redis.broker_url or self.redis_url

    def stream(self) -> StepStream:
        """The step stream."""
        self._forget_parent()
        if self._stream is None:
            redis = self.settings.redis
            self._stream = RedisStepStream(
                self.redis_url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs
            )
        return self._stream

    def ingest(self) -> IngestContext:
        """What the functions of ingest work on.

        Raises:
            CatalogError, StorageError, SettingsError: something that the settings name can't be used.
        """
        self._forget_parent()
        if self._ingest is None:
            collect_rarely()
            _make_folder(self.settings.local_recordings_dir)
            self._ingest = IngestContext(
                stream=self.stream(),
                catalog=Catalog.open(self.settings.catalog_url),
                storage=open_storage(self.settings.recordings_dir),
                make_criteria=self.make_criteria,
                limits=ingest_limits(self.settings),
            )
        return self._ingest

    def check(self) -> None:
        """Find out now, rather than task by task, whether the settings can work.

        The catalog is closed again: SQLite's connections must not be carried over the fork of a pool.

        Raises:
            RecorderError: the server or the broker does not answer, the catalog or a criterion can't be used.
        """
        self.make_criteria()
        self.stream().server_memory()
        redis = self.settings.redis
        if redis.broker_url is not None:
            read_queue_lengths(
                redis.broker_url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs
            )
        self.ingest().catalog.close()
        self._ingest = None

    def make_criteria(self) -> list[Criterion]:
        """A fresh set of the configured criteria."""
        config = self.settings.criteria.model_dump()
        for name, custom in config.pop("custom", {}).items():
            config[name] = custom
        return build_criteria(config)

    def _forget_parent(self) -> None:
        if self._pid != os.getpid():
            self._pid, self._ingest, self._stream = os.getpid(), None, None


def _make_folder(folder: Path | None) -> None:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the recordings folder can't be made ({error.strerror}): {folder}") from error
