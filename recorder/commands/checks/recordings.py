"""Checks the newest recordings' files the way ``verify`` does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.terminal.output import counted
from recorder.errors import MissingExtraError, RecorderError
from recorder.recordings.file_reader import FileReader
from recorder.recordings.verify import AGAIN_AFTER_SECS, verify_listed
from recorder.settings import Settings
from recorder.storage import open_recordings

if TYPE_CHECKING:
    from recorder.catalog import RecordingRow

__all__ = ["check_recordings"]

_N_READ = 200
"""Recordings to read completely, which takes about a second; ``verify`` reads all."""
_READ_BYTES = 64 * 2**20
"""Total size to read, so that large recordings don't slow the check down."""
_N_NAMED = 3


def check_recordings(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """Report missing and damaged files. Another check reports a catalog that can't be read."""
    try:
        from recorder.catalog import RecordingRow  # lazy: loads SQLAlchemy
        from recorder.recordings.reindex import file_exists, has_recordings

        if not has_catalog(settings):
            return
        with open_catalog(settings) as catalog:
            n_recordings = sum(run.n_recordings for run in catalog.list_runs())
            rows = _within_budget([RecordingRow(**row) for row in catalog.query_recordings(limit=_N_READ)])
            storage = open_recordings(settings)
            missing = [row for row in rows if not file_exists(storage, row.file_path)]
            if missing:
                time.sleep(AGAIN_AFTER_SECS)
                missing = catalog.unchanged_recordings(missing)
            gone = {row.file_path for row in missing}
            files = FileReader(storage)
            reports = verify_listed(files, catalog, (row for row in rows if row.file_path not in gone))
            damaged = [report for report in reports if not report.is_sound]
        is_mounted = not missing or has_recordings(storage)
    except MissingExtraError:
        return
    except RecorderError as error:
        yield Finding("warn", "recorded files", "can't be checked", str(error))
        return
    extent = (
        f"{len(rows)} of {counted(n_recordings, 'recording')}, newest first"
        if len(rows) < n_recordings
        else (counted(n_recordings, "recording"))
    )
    if missing:
        yield Finding(
            "warn",
            "missing files",
            f"{len(missing)} of {extent}: {_named([row.file_path for row in missing])}",
            "remove them from the catalog: hamlet-recorder reindex --forget-missing"
            if is_mounted
            else f"no recording file found; check that this is the right folder and is mounted: {storage.root}",
        )
    if damaged:
        yield Finding(
            "warn",
            "damaged files",
            f"{len(damaged)} of {extent}: {_named([f'{report.file} ({report.problems[0]})' for report in damaged])}",
            "list all: hamlet-recorder verify",
        )
    if rows and not missing and not damaged:
        yield Finding("ok", "recorded files", f"{extent}, no damage found")


def _within_budget(rows: list[RecordingRow]) -> list[RecordingRow]:
    """The first rows whose files fit ``_READ_BYTES``, at least one."""
    sizes = accumulate(row.compressed_size_bytes for row in rows)
    n_read = sum(size <= _READ_BYTES for size in sizes)
    return rows[: max(1, n_read)]


def _named(files: list[str]) -> str:
    more = len(files) - _N_NAMED
    return ", ".join(files[:_N_NAMED]) + (f" and {more} more" if more > 0 else "")
