"""The recordings that the catalog has: whether their files are there, and sound, as ``verify`` finds them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import has_catalog, open_catalog
from recorder.commands.checks.finding import Finding
from recorder.commands.terminal.output import counted
from recorder.errors import MissingExtraError, RecorderError
from recorder.recordings.verify import verify_recording
from recorder.settings import Settings
from recorder.storage import open_recordings

if TYPE_CHECKING:
    from recorder.catalog import RecordingRow

__all__ = ["check_recordings"]

_N_READ = 200
"""Recordings that are read whole, about a second's work; ``verify`` reads all."""
_READ_BYTES = 64 * 2**20
"""Large recordings are fewer: a probe runs this too."""
_N_NAMED = 3


def check_recordings(settings: Settings) -> Iterator[Finding]:
    """What is wrong with the newest recordings; other checks tell of a catalog that can't be read."""
    try:
        from recorder.catalog import RecordingRow  # lazy: loads SQLAlchemy
        from recorder.recordings.reindex import has_recordings, is_there

        if not has_catalog(settings):
            return
        with open_catalog(settings) as catalog:
            n_recordings = sum(run.n_recordings for run in catalog.list_runs())
            rows = _within_budget([RecordingRow(**row) for row in catalog.query_recordings(limit=_N_READ)])
        storage = open_recordings(settings)
        missing = [row for row in rows if not is_there(storage, row.file_path)]
        gone = {row.file_path for row in missing}
        damaged = []
        for row in rows:
            if row.file_path not in gone and not (report := verify_recording(storage, row)).is_sound:
                damaged.append(report)
        is_mounted = not missing or has_recordings(storage)
    except MissingExtraError:
        return
    except RecorderError as error:
        yield Finding("warn", "recorded files", "can't be looked at", str(error))
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
            "take them out of the catalog: hamlet-recorder reindex --forget-missing"
            if is_mounted
            else f"no recording lies there: is it mounted, or is it another folder? {storage.root}",
        )
    if damaged:
        yield Finding(
            "warn",
            "damaged files",
            f"{len(damaged)} of {extent}: {_named([f'{report.file} ({report.problems[0]})' for report in damaged])}",
            "see all of them: hamlet-recorder verify",
        )
    if rows and not missing and not damaged:
        yield Finding("ok", "recorded files", f"{extent}, read and sound")


def _within_budget(rows: list[RecordingRow]) -> list[RecordingRow]:
    """The first of them that can be read in a moment; one in any case."""
    sizes = accumulate(row.compressed_size_bytes for row in rows)
    n_read = sum(size <= _READ_BYTES for size in sizes)
    return rows[: max(1, n_read)]


def _named(files: list[str]) -> str:
    more = len(files) - _N_NAMED
    return ", ".join(files[:_N_NAMED]) + (f" and {more} more" if more > 0 else "")
