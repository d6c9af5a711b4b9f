"""The connections and criteria of one worker process, created when first needed, in each process of a pool."""

from __future__ import annotations

import logging
import os

from recorder.catalog import Catalog
from recorder.errors import StorageUnavailableError
from recorder.framing import check_zstd
from recorder.installation import Installation
from recorder.installation.membership import Membership, make_folder
from recorder.installation.ownership import check_owner
from recorder.redis_server.client import check_server
from recorder.redis_server.status import read_queue_lengths, repair_queues
from recorder.runtime.garbage_collection import relax_garbage_collection
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream, StepStream
from recorder.storage import Storage, UrlStorage, check_drivers, open_recordings, open_videos
from worker.criteria import criteria_factory
from worker.ingest import IngestContext, IngestLimits

__all__ = ["WorkerProcess", "ingest_limits"]

_log = logging.getLogger(__name__)


def ingest_limits(settings: Settings) -> IngestLimits:
    """Return the limits of ingest from the settings.

    Raises:
        MissingExtraError: they ask for a compression that is not installed.
    """
    if settings.compression == "zstd":
        check_zstd()
    return IngestLimits(**settings.ingest.model_dump(), format=settings.format, compression=settings.compression)


class WorkerProcess:
    """Connections and criteria of this process. A forked child makes new ones.

    Args:
        settings: all settings.
        redis_url: the Redis with the streams.
    """

    def __init__(self, settings: Settings, *, redis_url: str) -> None:
        self.settings = settings
        self.redis_url = redis_url
        self._pid = 0
        self._ingest: IngestContext | None = None
        self._stream: StepStream | None = None
        self._membership: Membership | None = None
        self._installation: Installation | None = None
        """As found by ``check``; the processes of the pool inherit it."""

    @property
    def broker_url(self) -> str:
        """URL of the Redis with the queues."""
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
        """The context of the ingest functions. Get it for each task, because its folders may be deleted in between.

        Raises:
            CatalogError, StorageError, SettingsError: a place or option in the settings can't be used.
            StreamError: Redis can't be reached, or belongs to another installation.
        """
        self._forget_parent()
        if self._ingest is None:
            relax_garbage_collection()
            if self.settings.local_recordings_dir is not None:
                make_folder(self.settings.local_recordings_dir)
            self._ingest = IngestContext(
                stream=self.stream(),
                catalog=Catalog.open(self.settings.catalog_url),
                storage=open_recordings(self.settings),
                make_criteria=criteria_factory(self.settings),
                limits=ingest_limits(self.settings),
            )
            self._membership = self.join(self._ingest.catalog, writes_folder=True)
        if self._membership is not None:
            self._membership.confirm()
        return self._ingest

    def join(self, catalog: Catalog, *, writes_folder: bool) -> Membership:
        """Return this process's view of the installation.

        Args:
            catalog: opened for writing.
            writes_folder: create the recordings folder if it is missing, and mark it.
        """
        settings = self.settings
        return Membership(
            catalog,
            self.stream(),
            settings.local_recordings_dir,
            store=open_recordings(settings) if settings.local_recordings_dir is None else None,
            own_server_dir=settings.embedded_server_dir if settings.redis.url is None else None,
            writes_folder=writes_folder,
        )

    def check_owner(self) -> None:
        """Check that Redis still belongs to this installation. Does not open the catalog, so it may be called before a
        fork.

        Raises:
            StreamError: it belongs to another one, or can't be reached.
        """
        if self._installation is not None and self.settings.redis.url is not None:
            check_owner(self.stream(), self._installation)

    def check(self) -> None:
        """Check at the start that the settings work.

        The catalog is closed again: SQLite connections must not be carried over a fork.

        Raises:
            RecorderError: Redis or the broker does not answer, or the catalog or a criterion can't be used.
        """
        criteria_factory(self.settings)
        self.check_servers()
        check_drivers(self.settings, writes=True)
        ingest_limits(self.settings)
        for storage in (open_recordings(self.settings), open_videos(self.settings)):
            _check_bucket(storage)
        self.stream().server_memory()
        redis = self.settings.redis
        if redis.broker_url is not None:
            read_queue_lengths(
                redis.broker_url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs
            )
        catalog = self.ingest().catalog
        self._installation = catalog.installation()
        catalog.close()
        self._ingest = self._membership = None

    def check_servers(self) -> None:
        """Check that the Redis servers are of a supported kind. They may be away.

        Raises:
            SettingsError: one is of a kind that can't work.
        """
        for url in {self.redis_url, self.broker_url}:
            check_server(url, socket_timeout_secs=self.settings.redis.socket_timeout_secs)

    def repair_queues(self) -> None:
        """Repair the keys of the queues if another program has overwritten them.

        Raises:
            StreamError: call again later.
        """
        redis = self.settings.redis
        repair_queues(self.broker_url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs)

    def _forget_parent(self) -> None:
        if self._pid != os.getpid():
            self._pid, self._ingest, self._stream, self._membership = os.getpid(), None, None, None


def _check_bucket(storage: Storage) -> None:
    """Check the store. A missing bucket is an error; an unreachable store is only logged."""
    if isinstance(storage, UrlStorage):
        try:
            storage.check_bucket()
        except StorageUnavailableError as error:
            _log.warning("it will be tried again when needed: %s", error)
