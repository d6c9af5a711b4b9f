"""``Catalog``, the interface of the SQL index; ``operations`` has a module for each table."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.catalog.engine import Engines, parse_url, refuse_missing_folder
from recorder.catalog.filesystem import MOUNTS_FILE
from recorder.catalog.open_file import OpenFile
from recorder.catalog.operations.agents import AgentOperations
from recorder.catalog.operations.annotations import AnnotationOperations, TagOperations
from recorder.catalog.operations.episodes import EpisodeOperations
from recorder.catalog.operations.evaluation import EvaluationOperations
from recorder.catalog.operations.imports import ImportOperations, import_rows
from recorder.catalog.operations.installation import InstallationOperations
from recorder.catalog.operations.parked import ParkedOperations
from recorder.catalog.operations.recordings import RecordingOperations
from recorder.catalog.operations.runs import RunOperations
from recorder.catalog.operations.unreadable import UnreadableOperations
from recorder.catalog.operations.video_job import VideoJobOperations
from recorder.catalog.operations.video_segments import VideoSegmentOperations
from recorder.catalog.operations.videos import VideoOperations
from recorder.catalog.operations.write_job import WriteJobOperations
from recorder.catalog.original import OriginalRows, read_original
from recorder.catalog.schema import SCHEMA_VERSION, check_version, migrate, read_version, refuse_foreign_version
from recorder.errors import CatalogError, CatalogUnavailableError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Catalog"]

_log = logging.getLogger(__name__)


class Catalog(
    RunOperations,
    EvaluationOperations,
    EpisodeOperations,
    WriteJobOperations,
    ParkedOperations,
    RecordingOperations,
    AgentOperations,
    ImportOperations,
    TagOperations,
    VideoOperations,
    VideoJobOperations,
    VideoSegmentOperations,
    AnnotationOperations,
    InstallationOperations,
    UnreadableOperations,
):
    """The index of recordings, in SQLite or PostgreSQL.

    Opening it for writing creates or migrates the tables. Threads and forked processes can share one object. If another
    file replaces the open one, the catalog logs that and uses the new file; while the file is missing, calls fail.

    Args:
        url_or_path: path of a SQLite file, ``sqlite:///PATH``, ``postgresql://USER:PASSWORD@HOST/DATABASE``, or
            ``sqlite://`` for a database in memory.
        read_only: refuse changes; the catalog must exist.
        busy_timeout_secs: longest wait for a lock or a connection.
        mounts_file: the system's mount table, to recognise network file systems.

    Attributes:
        url: location without a password, for messages.
        is_original: whether it is a database of the original recorder, whose rows were copied into memory.

    Raises:
        UsageError: the URL is not supported.
        CatalogError: the SQLite file would be on a network file system, its folder is missing, or with ``read_only``
            the catalog is missing.
        CatalogVersionError: it was made by a newer version, or with ``read_only`` it needs a migration.
        CatalogUnavailableError: it is locked or can't be reached.
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
            self._file.open(self._open_file)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, url_or_path: str | Path | Catalog) -> Catalog:
        """``url_or_path`` if it is a catalog, else the catalog there, opened for writing."""
        return url_or_path if isinstance(url_or_path, Catalog) else cls(url_or_path)

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._read_only

    @property
    def n_opened(self) -> int:
        """How many files were opened: 1, plus 1 for each that replaced another."""
        return self._file.n_opened

    def recreate_if_deleted(self) -> None:
        """Create a new catalog if the open one was deleted.

        Raises:
            CatalogError: it can't be created.
        """
        if not self._file.is_deleted:
            return
        if self._engines.path is not None:
            refuse_missing_folder(self._engines.path)
        if self._file.reopen(self._open_file, even_if_deleted=True):
            _log.error(
                "the catalog was deleted while it was in use; a new one was created. To add the existing recordings, "
                "run 'hamlet-recorder reindex': %s",
                self.url,
            )

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow_file(self) -> None:
        if self._file.is_current:
            return
        if self._file.reopen(self._open_file):
            _log.warning("the open catalog was replaced by another file, which is used now: %s", self.url)
        elif self._file.is_deleted and not self._file.is_opening:
            raise CatalogUnavailableError(
                f"the catalog was deleted or moved while it was open; a worker, or opening it again, creates a new one: "
                f"{self.url}"
            )

    def _open_file(self) -> None:
        self._engines.dispose()
        self._engines = self._own_engines  # an original database is read again
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
            self._copy_to_memory(original)
        elif self._read_only:
            check_version(version, self.url)
        elif version != SCHEMA_VERSION:
            with self._writing() as connection:
                migrate(connection, self.url)

    def _copy_to_memory(self, original: OriginalRows) -> None:
        """Copy the rows into a catalog in memory, for all read operations."""
        if not self._read_only:
            command = f"reindex --original {self._engines.url.database} --database NEW.db --recordings DIR"
            raise CatalogError(
                "this database was written by the original recorder and can only be read: give another --database, or run "
                f"'hamlet-recorder {command}' to import it: {self.url}"
            )
        self._engines.dispose()
        self._engines = self._engines.in_memory()
        with self._engines.writer.begin() as connection:
            migrate(connection, self.url)
            import_rows(connection, original)
        self.is_original = True
