"""Finds, reads and opens a recording by its episode id, with a helpful message if that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from recorder.episode_file import MAX_FILE_BYTES, Episode, open_episode
from recorder.errors import EpisodeFileError, RecordingNotFoundError, StorageError

if TYPE_CHECKING:  # the catalog needs SQLAlchemy, which a trainer may not have
    from recorder.catalog import Catalog, RecordingRow
    from recorder.storage import Storage

__all__ = [
    "find_recording",
    "naming_file",
    "open_checked_recording",
    "open_recording",
    "open_recording_file",
    "read_recording",
]


def find_recording(catalog: Catalog, run_id: str | None, episode_id: int) -> RecordingRow:
    """The catalog's row; without ``run_id``, of the newest run that has the episode.

    Raises:
        RecordingNotFoundError: no such recording; the message says why.
    """
    try:
        return catalog.get_recording(run_id, episode_id)
    except RecordingNotFoundError as error:
        raise RecordingNotFoundError(
            f"Recording not found: {_reason(catalog, run_id, episode_id)}: {catalog.url}"
        ) from error


def read_recording(storage: Storage, row: RecordingRow) -> bytes:
    """Read the file.

    Raises:
        RecordingNotFoundError: the file is missing.
        StorageError: the file can't be read.
        EpisodeFileTooLargeError: the file is larger than ``MAX_FILE_BYTES``.
    """
    with _expecting_file(storage, row):
        return storage.read(row.file_path, max_bytes=MAX_FILE_BYTES)


def open_recording_file(storage: Storage, row: RecordingRow) -> BinaryIO:
    """Open the file for reading with seeks; the caller closes it.

    Raises:
        RecordingNotFoundError: the file is missing.
        StorageError: the file can't be read.
    """
    with _expecting_file(storage, row):
        return storage.open(row.file_path)


def open_recording(
    catalog: Catalog, storage: Storage, run_id: str | None, episode_id: int
) -> tuple[RecordingRow, Episode]:
    """Find, read and open a recording.

    Raises:
        RecordingNotFoundError: no row, or no file.
        EpisodeFileError: the file is corrupt, too large, or of an unknown version.
        StorageError: the file can't be read.
    """
    row = find_recording(catalog, run_id, episode_id)
    data = read_recording(storage, row)
    with naming_file(storage.location(row.file_path)):
        return row, open_episode(data)


def open_checked_recording(
    catalog: Catalog, storage: Storage, run_id: str | None, episode_id: int
) -> tuple[RecordingRow, Episode]:
    """As ``open_recording``, and check all chunks, so that damage shows before work begins.

    Raises:
        RecordingNotFoundError, EpisodeFileError, StorageError: as ``open_recording``.
        EpisodeFileCorruptError: a part is damaged.
    """
    row, episode = open_recording(catalog, storage, run_id, episode_id)
    with naming_file(storage.location(row.file_path)):
        episode.check()
    return row, episode


@contextmanager
def naming_file(location: str) -> Iterator[None]:
    """Add the file's location to read errors, also those of chunks that are read later."""
    try:
        yield
    except EpisodeFileError as error:
        raise type(error)(f"{error}: {location}") from error


@contextmanager
def _expecting_file(storage: Storage, row: RecordingRow) -> Iterator[None]:
    """Turn a missing file into ``RecordingNotFoundError``."""
    try:
        yield
    except StorageError as error:
        if not error.is_missing_file:
            raise
        raise RecordingNotFoundError(
            f"Recording not found: the catalog has episode {row.episode_id} of run {row.run_id!r}, but its file was "
            "moved or deleted; check recordings_dir; 'hamlet-recorder reindex' lists such recordings, and with "
            f"--forget-missing removes them: {storage.location(row.file_path)}"
        ) from error


def _reason(catalog: Catalog, run_id: str | None, episode_id: int) -> str:
    name = f"episode {episode_id}" if run_id is None else f"episode {episode_id} of run {run_id!r}"
    try:
        episode = catalog.find_episode(episode_id, run_id)
    except RecordingNotFoundError:
        return f"the catalog has no {name}; check the id, the run, and which database is open"
    if episode.parked:
        return f"{name} can't be written: {episode.error}"
    match episode.decision:
        case "held":
            return f"{name} is held until no criterion can claim it; try again later"
        case "skipped":
            return f"{name} was not kept by any criterion; 'hamlet-recorder why {episode_id}' explains"
        case "deleted":
            return f"{name} was kept and later deleted; 'hamlet-recorder why {episode_id}' says why it was kept"
        case _:
            return f"{name} is kept and about to be written; try again in a moment"
