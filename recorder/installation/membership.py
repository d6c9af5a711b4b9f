"""A worker's part in an installation: it joins catalog, folder and server, and keeps looking whether they belong together."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.errors import CatalogError, StorageError, StreamError
from recorder.installation.folder_mark import MARK_NAME, read_mark, write_mark
from recorder.installation.ownership import take_ownership
from recorder.installation.record import Installation, what_became_of
from recorder.redis_server.embedded import running_redis_url
from recorder.step_stream import StepStream
from recorder.urls import redact

if TYPE_CHECKING:  # the catalog needs SQLAlchemy, which a trainer may not have
    from recorder.catalog import Catalog

__all__ = ["Membership", "make_folder"]

_log = logging.getLogger(__name__)

_LOOK_SECS = 1.0


class Membership:
    """What one process has joined.

    Args:
        catalog: opened for writing.
        stream: the server.
        folder: of the recordings; None where they lie behind a URL.
        own_server_dir: the data folder beside the recordings, when the server was found by it or started on it; None when
            its URL was given.
        writes_folder: make the folder, and mark it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        stream: StepStream,
        folder: Path | None,
        *,
        own_server_dir: Path | None,
        writes_folder: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog, self._stream, self._folder = catalog, stream, folder
        self._own_server_dir, self._writes_folder = own_server_dir, writes_folder
        self._clock = clock
        self._looked_at = float("-inf")
        self._n_opened = -1
        self._has_marked = False

    def confirm(self) -> None:
        """See that all three belong together, and note it in those that know of none; for each task, looked at once a second.

        A folder or a catalog that was deleted meanwhile is begun anew.

        Raises:
            CatalogError: the folder is another catalog's; or the catalog can't be used.
            StreamError: the server's keys are another installation's; or it can't be reached.
            StorageError: the folder can't be made or marked.
        """
        if self._writes_folder and self._folder is not None:
            make_folder(self._folder)
        self._catalog.begin_anew_if_deleted()
        if self._catalog.n_opened == self._n_opened and self._clock() - self._looked_at < _LOOK_SECS:
            return
        ours = self._catalog.join_installation()
        if self._folder is not None:
            self._compare_folder(self._folder, ours)
        if self._own_server_dir is not None:
            self._see_that_it_is_still_ours(self._own_server_dir)
        take_ownership(self._stream, ours, even_anothers=self._own_server_dir is not None)
        self._n_opened, self._looked_at = self._catalog.n_opened, self._clock()

    def _see_that_it_is_still_ours(self, data_dir: Path) -> None:
        url = running_redis_url(data_dir)
        if url is None or redact(url) != self._stream.where:
            raise StreamError(
                "the server doesn't run on this worker's folder any more: the folder was moved or deleted, and the server begins "
                f"anew in a moment, or another installation's folder has taken its place: {data_dir}"
            )

    def _compare_folder(self, folder: Path, ours: Installation) -> None:
        mark = read_mark(folder)
        if mark is not None and not mark.is_copied and mark.installation == ours:
            self._has_marked = True
            return
        if mark is not None and not mark.is_copied and mark.installation.is_another_than(ours):
            if not _is_gone(mark.installation.catalog):
                raise CatalogError(
                    f"the recordings in this folder belong to another catalog, {mark.installation.catalog}, and not to "
                    f"{ours.catalog}: use that one (recording.database), or another folder (recording.recordings_dir). If this "
                    f"catalog is to take the other's place for good, delete {folder / MARK_NAME}"
                )
            _log.warning("the folder's catalog %s: %s", what_became_of(mark.installation, ours), folder)
        if not self._writes_folder:
            return
        if mark is None and self._has_marked:
            _log.error(
                "the recordings folder was deleted, or another put in its place, while it was in use; recordings go into "
                "what lies there now: %s",
                folder,
            )
        write_mark(folder, ours)
        self._has_marked = True


def _is_gone(catalog: str) -> bool:
    """Whether it is known that a catalog is no longer where it was noted: that takes to be on its machine."""
    host, colon, path = catalog.partition(":/")
    return bool(colon) and host == socket.gethostname() and not Path(f"/{path}").exists()


def make_folder(folder: Path) -> None:
    """Make the recordings folder.

    Raises:
        StorageError: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the recordings folder can't be made ({error.strerror}): {folder}") from error
