"""Verifies that a recording is complete: reads every byte, and compares hash, counts and the catalog's row."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder.episode import Gap
from recorder.episode_file import Episode, open_episode
from recorder.errors import EpisodeFileError, RecorderError, RecordingNotFoundError
from recorder.storage import split_packed

if TYPE_CHECKING:  # the catalog needs SQLAlchemy, which files can be verified without
    from recorder.catalog import Catalog, RecordingRow
    from recorder.recordings.file_reader import FileReader

__all__ = ["AGAIN_AFTER_SECS", "FileReport", "verify_bytes", "verify_listed", "verify_recording"]

AGAIN_AFTER_SECS = 0.5
"""``prune`` deletes a row within this time after its file."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """Findings about one file. Fields after ``n_bytes`` are None if the file can't be opened.

    Args:
        file: path, URL, or name below the root.
        problems: empty if the file is sound.
        gaps: steps lost during recording, which is no damage.
        n_bytes: size on disk.
    """

    file: str
    problems: tuple[str, ...]
    n_bytes: int | None = None
    version: int | None = None
    compression: str | None = None
    run_id: str | None = None
    episode_id: int | None = None
    status: str | None = None
    n_steps: int | None = None
    n_chunks: int | None = None
    gaps: tuple[Gap, ...] = field(default=())
    content_hash: str | None = None

    @property
    def is_sound(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def verify_bytes(data: bytes, file: str, *, row: RecordingRow | None = None) -> FileReport:
    """Verify a file.

    Args:
        data: the file.
        file: its name, for the report.
        row: the catalog's row to compare with; None compares nothing.
    """
    try:
        episode = open_episode(data)
    except EpisodeFileError as error:
        return FileReport(file, (str(error),), len(data))
    return FileReport(
        file,
        tuple(_problems(episode, row, len(data))),
        len(data),
        episode.version,
        episode.compression,
        episode.metadata.run_id,
        episode.metadata.episode_id,
        str(episode.metadata.status),
        episode.n_steps,
        len(episode.chunks),
        tuple(episode.gaps),
        episode.content_hash,
    )


def verify_recording(files: FileReader, row: RecordingRow) -> FileReport:
    """Verify a recording of the catalog. A file that can't be read is a problem, too."""
    try:
        return verify_bytes(files.read(row.file_path)[0], row.file_path, row=row)
    except RecorderError as error:
        return FileReport(row.file_path, (str(error),), run_id=row.run_id, episode_id=row.episode_id)


def verify_listed(files: FileReader, catalog: Catalog, rows: Iterable[RecordingRow]) -> Iterator[FileReport]:
    """Verify recordings of the catalog while other programs may delete or replace them.

    Before one is reported as broken, it is read again: ``prune`` deletes a file before its row. So broken ones come
    later than others, and one that is not in the catalog any more has no report.

    Raises:
        CatalogError: the catalog can't be read.
    """
    broken: deque[tuple[float, RecordingRow]] = deque()  # the time at which each is read again

    def read_again() -> Iterator[FileReport]:
        report = _verify_again(files, catalog, broken.popleft()[1])
        if report is not None:
            yield report

    for row in rows:
        report = verify_recording(files, row)
        if report.is_sound:
            yield report
        else:
            broken.append((time.monotonic() + AGAIN_AFTER_SECS, row))
        while broken and broken[0][0] <= time.monotonic():
            yield from read_again()
    if broken:
        time.sleep(max(0.0, broken[-1][0] - time.monotonic()))
    while broken:
        yield from read_again()


def _verify_again(files: FileReader, catalog: Catalog, row: RecordingRow) -> FileReport | None:
    """Verify a recording until its row stays the same; None if it is not in the catalog any more."""
    while not (report := verify_recording(files, row)).is_sound and not catalog.unchanged_recordings([row]):
        try:
            row = catalog.get_recording(row.run_id, row.episode_id)
        except RecordingNotFoundError:
            return None
    return report


def _problems(episode: Episode, row: RecordingRow | None, n_bytes: int) -> Iterator[str]:
    if episode.torn_at is not None:
        yield f"torn: the file ends before step {episode.torn_at}, without a footer"
    try:
        episode.check()
    except EpisodeFileError as error:
        yield str(error)
    metadata = episode.metadata
    if episode.is_whole and metadata.n_steps not in (0, episode.n_steps):
        yield f"the file has {episode.n_steps} steps, but its metadata says {metadata.n_steps}"
    if row is None:
        return
    compared = [
        ("run", metadata.run_id or row.run_id, row.run_id),  # files of the original recorder have no run id
        ("episode", metadata.episode_id, row.episode_id),
        ("steps", episode.n_steps, row.n_steps),
        ("bytes", n_bytes, row.compressed_size_bytes if split_packed(row.file_path) is None else row.file_size_bytes),
        ("version", episode.version, row.format_version),
    ]
    if episode.content_hash:
        compared.append(("hash", episode.content_hash, row.content_hash))
    for what, found, expected in compared:
        if found != expected:
            yield f"{what}: the file has {found!r}, the catalog {expected!r}"
