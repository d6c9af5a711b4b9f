"""Delete recordings that are too old, or the oldest until the rest fits. The episodes' rows stay."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative, positive_number
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.errors import UsageError
from recorder.storage import open_recordings, split_packed

if TYPE_CHECKING:
    from recorder.catalog import RecordingRow

EXAMPLE = """\
prune --max-age-days 30 --dry-run
prune --max-bytes 10000000000"""

_SECS_A_DAY = 86400.0
_ROWS_AT_ONCE = 500
"""Recordings deleted together, so that a pack is written again once and not for each of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-age-days", type=positive_number, help="delete older recordings (default: recording.retention)"
    )
    parser.add_argument(
        "--max-bytes", type=non_negative, help="delete the oldest until the rest fits (default: recording.retention)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")


def run(args: argparse.Namespace) -> int:
    """Delete the files that exceed the limits, then their rows."""
    settings = settings_of(args)
    output = Output.of(args)
    max_age_days = settings.retention.max_age_days if args.max_age_days is None else args.max_age_days
    max_bytes = settings.retention.max_bytes if args.max_bytes is None else args.max_bytes
    if max_age_days is None and max_bytes is None:
        raise UsageError("no limit is set: give --max-age-days or --max-bytes, or set recording.retention")
    storage = open_recordings(settings)
    n_recordings = n_bytes = 0
    with open_catalog(settings, read_only=args.dry_run) as catalog:
        run_id = run_of(args, catalog)
        victims = choose_victims(
            catalog.iterate_oldest_recordings(run_id),
            n_bytes=catalog.recordings_size(run_id)[1],
            now=time.time(),
            max_age_days=max_age_days,
            max_bytes=max_bytes,
        )

        def delete_victims() -> Iterator[dict[str, Any]]:
            nonlocal n_recordings, n_bytes
            chosen = output.progress(victims, "reading" if args.dry_run else "deleting")
            while rows := list(islice(chosen, _ROWS_AT_ONCE)):
                for of_file in _by_file(rows):
                    if not args.dry_run:
                        # The file first: readers report a row without a file, but reindex restores a file without a row.
                        storage.delete_all(row.file_path for row in of_file)
                    for row in of_file:
                        if not args.dry_run:
                            catalog.delete_recording(row.run_id, row.episode_id)
                        n_recordings += 1
                        n_bytes += row.compressed_size_bytes
                        yield {"run_id": row.run_id, "episode_id": row.episode_id}

        output.growing_document(
            "recordings",
            delete_victims(),
            lambda: {"deleted": not args.dry_run, "n_recordings": n_recordings, "n_bytes": n_bytes},
        )
    done = "would delete" if args.dry_run else "deleted"
    output.note(f"{done} {counted(n_recordings, 'recording')}, {human_bytes(n_bytes)}")
    return ExitStatus.OK


def choose_victims(
    oldest_first: Iterable[RecordingRow],
    *,
    n_bytes: int,
    now: float,
    max_age_days: float | None,
    max_bytes: int | None,
) -> Iterator[RecordingRow]:
    """Recordings to delete, oldest first; streamed.

    Args:
        oldest_first: all recordings; those with a NaN timestamp last.
        n_bytes: total size of them on disk.
        now: seconds since 1970; a recording with a NaN timestamp counts as new.
        max_age_days: delete older ones; None sets no limit.
        max_bytes: delete the oldest until the rest fits; None sets no limit.
    """
    for row in oldest_first:
        too_old = max_age_days is not None and now - _time_of(row) > max_age_days * _SECS_A_DAY
        too_much = max_bytes is not None and n_bytes > max_bytes
        if not too_old and not too_much:
            return
        yield row
        n_bytes -= row.compressed_size_bytes


def _by_file(rows: Iterable[RecordingRow]) -> Iterable[list[RecordingRow]]:
    """Rows together whose recordings are in one pack."""
    by_file: dict[str, list[RecordingRow]] = {}
    for row in rows:
        split = split_packed(row.file_path)
        by_file.setdefault(row.file_path if split is None else split[0], []).append(row)
    return by_file.values()


def _time_of(row: RecordingRow) -> float:
    return math.inf if math.isnan(row.timestamp) else row.timestamp
