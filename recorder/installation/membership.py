"""Joins a process to an installation, and keeps checking that catalog, recordings and Redis belong together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.errors import StorageError, StreamError
from recorder.installation.folder_mark import (
    MARK_NAME,
    FolderMark,
    read_mark,
    read_store_mark,
    refuse_other_catalog,
    write_mark,
    write_store_mark,
)
from recorder.installation.ownership import take_ownership
from recorder.installation.record import Installation, describe_replacement
from recorder.redis_server.embedded import running_redis_url
from recorder.step_stream import StepStream
from recorder.storage import Storage
from recorder.urls import redact

if TYPE_CHECKING:  # the catalog needs SQLAlchemy, which a trainer may not have
    from recorder.catalog import Catalog

__all__ = ["Membership", "make_folder"]

_log = logging.getLogger(__name__)

_CHECK_SECS = 1.0
_STORE_CHECK_SECS = 60.0
"""A store answers each request in tens of milliseconds, and may charge for it."""


class Membership:
    """The installation that one process belongs to.

    Args:
        catalog: opened for writing.
        stream: on Redis.
        folder: local recordings folder; None if recordings are in a store by URL.
        store: the store; None if recordings are in a local folder.
        own_server_dir: data folder of the embedded Redis, if that is used; None if the URL of Redis was given.
        writes_folder: create the folder, and mark folder or store.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        stream: StepStream,
        folder: Path | None,
        *,
        store: Storage | None = None,
        own_server_dir: Path | None,
        writes_folder: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog, self._stream, self._folder, self._store = catalog, stream, folder, store
        self._own_server_dir, self._writes_folder = own_server_dir, writes_folder
        self._clock = clock
        self._checked_at = self._checked_at_store = float("-inf")
        self._n_opened = -1
        self._has_marked = False

    def confirm(self) -> None:
        """Check that catalog, recordings and Redis belong together, and mark those that have no mark. Call it for each task.

        It checks once a second, a store once a minute. A folder or a catalog that was deleted is created again.

        Raises:
            CatalogError: the recordings belong to another catalog, or the catalog can't be used.
            StreamError: Redis belongs to another installation, or can't be reached.
            StorageError: the folder can't be created or marked.
        """
        if self._writes_folder and self._folder is not None:
            make_folder(self._folder)
        self._catalog.recreate_if_deleted()
        is_first = self._catalog.n_opened != self._n_opened
        if not is_first and self._clock() - self._checked_at < _CHECK_SECS:
            return
        ours = self._catalog.join_installation()
        if self._folder is not None:
            self._compare_folder(self._folder, ours, is_first=is_first)
        if self._store is not None and (is_first or self._clock() - self._checked_at_store >= _STORE_CHECK_SECS):
            self._compare_store(self._store, ours, is_first=is_first)
        if self._own_server_dir is not None:
            self._check_own_redis(self._own_server_dir)
        take_ownership(self._stream, ours, replaces_other=self._own_server_dir is not None, renames=is_first)
        self._n_opened, self._checked_at = self._catalog.n_opened, self._clock()

    def _check_own_redis(self, data_dir: Path) -> None:
        url = running_redis_url(data_dir)
        if url is None or redact(url) != self._stream.where:
            raise StreamError(
                "Redis no longer runs on this worker's folder: the folder was moved or deleted and Redis will restart soon, or "
                f"another installation's folder has replaced it: {data_dir}"
            )

    def _compare_folder(self, folder: Path, ours: Installation, *, is_first: bool) -> None:
        mark = read_mark(folder)
        if self._is_valid(mark, ours, str(folder), str(folder / MARK_NAME), is_first=is_first):
            return
        if mark is None and self._has_marked:
            _log.error(
                "the recordings folder was deleted or replaced while it was in use; recordings go into the new folder: %s",
                folder,
            )
        write_mark(folder, ours)
        self._has_marked = True

    def _compare_store(self, store: Storage, ours: Installation, *, is_first: bool) -> None:
        """Check the store's mark. A store that can't be reached does not stop decisions; writers report it."""
        self._checked_at_store = self._clock()
        try:
            mark = read_store_mark(store)
            if not self._is_valid(mark, ours, store.root, store.location(MARK_NAME), is_first=is_first):
                write_store_mark(store, ours)
        except StorageError as error:
            _log.warning("can't check which installation the recordings belong to: %s", error)

    def _is_valid(
        self, mark: FolderMark | None, ours: Installation, where: str, mark_place: str, *, is_first: bool
    ) -> bool:
        """Whether the mark can stay.

        Raises:
            CatalogError: the recordings belong to another catalog.
        """
        if mark is not None and not mark.is_copied:
            is_ours = mark.installation.installation_id == ours.installation_id
            if is_ours and (not is_first or mark.installation.catalog == ours.catalog):
                self._has_marked = True
                return True
            if mark.installation.differs_from(ours):
                refuse_other_catalog(mark, ours, mark_place)
                _log.warning("the catalog %s: %s", describe_replacement(mark.installation, ours), where)
        return not self._writes_folder


def make_folder(folder: Path) -> None:
    """Create the recordings folder.

    Raises:
        StorageError: it can't be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the recordings folder can't be created ({error.strerror}): {folder}") from error
