"""``Catalog``: the door to the SQL index; its operations stand in one module a table."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from recorder.catalog.engine import Engines, parse_url, refuse_missing_folder
from recorder.catalog.filesystem import MOUNTS_FILE
from recorder.catalog.open_file import OpenFile
from recorder.catalog.operations.annotations import AnnotationOperations
from recorder.catalog.operations.episodes import EpisodeOperations
from recorder.catalog.operations.evaluation import EvaluationOperations
from recorder.catalog.operations.installation import InstallationOperations
from recorder.catalog.operations.recordings import RecordingOperations, import_rows
from recorder.catalog.operations.runs import RunOperations
from recorder.catalog.operations.tags import TagOperations
from recorder.catalog.operations.video_segments import VideoSegmentOperations
from recorder.catalog.operations.videos import VideoOperations
from recorder.catalog.operations.write_job import WriteJobOperations
from recorder.catalog.original import OriginalRows, read_original
from recorder.catalog.schema import SCHEMA_VERSION, check_version, migrate, read_version, refuse_foreign_version
from recorder.errors import CatalogError, CatalogUnavailableError

__all__ = ["Catalog"]

_log = logging.getLogger(__name__)


class Catalog(
    RunOperations,
    EvaluationOperations,
    EpisodeOperations,
    WriteJobOperations,
    RecordingOperations,
    TagOperations,
    VideoOperations,
    VideoSegmentOperations,
    AnnotationOperations,
    InstallationOperations,
):
    """The index of what was recorded, in SQLite or PostgreSQL.

    Opening it for writing makes the tables or brings them up to date. One object serves all threads of a process, and
    goes on working in processes that are forked from it. It goes by the path: when another file has taken the place of the one
    that is open, it says so in the log and uses that one; while there is none, its calls fail.

    Args:
        url_or_path: path of a SQLite file, ``sqlite:///PATH``, ``postgresql://USER:PASSWORD@HOST/DATABASE``, or
            ``sqlite://`` for one in memory.
        read_only: True refuses every change, and needs a catalog that is there.
        busy_timeout_secs: how long a call waits for another's lock, or for a connection.
        mounts_file: the system's mount table, where a network filesystem is recognised.

    Attributes:
        url: where the catalog is, without a password: for messages.
        is_original: whether this is a database of the original recorder, opened for reading: its rows are held in memory.

    Raises:
        UsageError: the URL is of no database that this can use.
        CatalogError: a SQLite file would lie on a network filesystem; its folder, or with ``read_only`` the catalog, is
        missing. CatalogVersionError: the catalog was made by a newer version; or ``read_only``, and it needs to be
        migrated. CatalogUnavailableError: it is locked or can't be reached.
    """

    def __init__(
        self,
        url_or_path: str | Path,
        *,
        read_only: bool = False,
        busy_timeout_secs: float = 10.0,
        mounts_file: Path = MOUNTS_FILE,
    ) -> None:
        url = parse_url(url_or_path)
        self.url = url.render_as_string(hide_password=True)
        self.is_original = False
        self._read_only = read_only
        if read_only and url.drivername == "sqlite" and not (url.database and Path(url.database).is_file()):
            raise CatalogError(
                f"there is no catalog here yet: record an episode, or run 'hamlet-recorder reindex': {self.url}"
            )
        self._engines = self._own_engines = Engines(url, busy_timeout_secs=busy_timeout_secs, mounts_file=mounts_file)
        self._file = OpenFile(self._engines.path)
        try:
            self._file.open(self._open_what_is_there)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, url_or_path: str | Path | Catalog) -> Catalog:
        """The catalog itself, or the one at a URL or path, opened for writing."""
        return url_or_path if isinstance(url_or_path, Catalog) else cls(url_or_path)

    @property
    def read_only(self) -> bool:
        """Whether it refuses every change."""
        return self._read_only

    @property
    def n_opened(self) -> int:
        """How often the catalog was opened: once, and again for each file that took the place of another."""
        return self._file.n_opened

    def begin_anew_if_deleted(self) -> None:
        """Make a catalog where the one that was open has been deleted, for whoever must go on recording.

        Raises:
            CatalogError: it can't be made there.
        """
        if not self._file.is_deleted:
            return
        if self._engines.path is not None:
            refuse_missing_folder(self._engines.path)
        if self._file.reopen(self._open_what_is_there, even_if_deleted=True):
            _log.error(
                "the catalog was deleted while it was in use, and with it what it knew; a new one is begun. 'hamlet-recorder "
                "reindex' takes in the recordings that are still there: %s",
                self.url,
            )

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def _follow_file(self) -> None:
        if self._file.is_current:
            return
        if self._file.reopen(self._open_what_is_there):
            _log.warning("another file has taken the place of the catalog that was open, and is used now: %s", self.url)
        elif self._file.is_deleted and not self._file.is_opening:
            raise CatalogUnavailableError(
                f"the catalog was deleted or moved away while it was open; a worker or opening it again begins a new one: "
                f"{self.url}"
            )

    def _open_what_is_there(self) -> None:
        self._engines.dispose()
        self._engines = self._own_engines  # rows that were held in memory are read anew
        self.is_original = False
        self._prepare_schema()

    def _prepare_schema(self) -> None:
        with self._reading() as connection:
            version = read_version(connection)
            refuse_foreign_version(version, self.url)
            original = None
            if version is None:
                original = read_original(
                    connection,
                    run_id=Path(self._engines.url.database or "").stem,
                    url=self.url,
                    is_read_only=self._read_only,
                )
        if original is not None:
            self._hold(original)
        elif self._read_only:
            check_version(version, self.url)
        elif version != SCHEMA_VERSION:
            with self._writing() as connection:
                migrate(connection, self.url)

    def _hold(self, original: OriginalRows) -> None:
        """Keep the rows in memory, in the catalog's own tables, so that all that reads can read them."""
        if not self._read_only:
            command = f"reindex --original {self._engines.url.database} --database NEW.db --recordings DIR"
            raise CatalogError(
                "this is a database of the original recorder, which is read and never changed: give --database another place; "
                f"'hamlet-recorder {command}' makes a catalog of it and its files: {self.url}"
            )
        self._engines.dispose()
        self._engines = self._engines.in_memory()
        with self._engines.writer.begin() as connection:
            migrate(connection, self.url)
            import_rows(connection, original)
        self.is_original = True
