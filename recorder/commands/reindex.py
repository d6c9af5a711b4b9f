"""Rebuild the catalog from the files: add missing rows, keep existing ones, list files that can't be read.

The exit status is 1 if a file can't be read, or if a row's file is missing and the row stays. Episodes that were not
kept have no file, so they are not restored. If no recording file is found, --forget-missing removes nothing: the folder
may not be mounted.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted
from recorder.errors import CatalogError, CatalogUnavailableError, CatalogVersionError, UsageError
from recorder.recordings import reindex_report
from recorder.storage import open_recordings
from recorder.urls import is_url

EXAMPLE = """\
reindex --recordings recordings/
reindex --forget-missing --run my-run
reindex --original demo.db --database catalog.db --recordings recordings/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--original", metavar="FILE", help="database of the original recorder, to import its reasons")
    parser.add_argument(
        "--forget-missing",
        action="store_true",
        help="remove recordings whose file is missing from the catalog; their episodes stay, as deleted",
    )
    parser.add_argument(
        "--allow-empty", action="store_true", help="with --forget-missing: also if no recording file is found"
    )


def run(args: argparse.Namespace) -> int:
    """Read all files and write their rows."""
    from recorder.recordings.reindex import has_recordings, recording_names, reindex  # lazy: loads SQLAlchemy

    if args.allow_empty and not args.forget_missing:
        raise UsageError("--allow-empty goes with --forget-missing")
    settings = settings_of(args)
    output = Output.of(args)
    run_id = getattr(args, "run", None)
    storage = open_recordings(settings)
    reasons = {} if args.original is None else _original_reasons(args.original)
    with recording_names(storage, run_id) as names, open_catalog(settings, read_only=False) as catalog:
        if not names:
            run_of(args, catalog)  # a run with neither files nor rows is a mistake
        report = reindex(
            storage,
            catalog,
            output.progress(names, "reading"),
            run_id=run_id,
            reasons=reasons,
            forget_missing=args.forget_missing,
            allow_empty=args.allow_empty,
        )
        without_file = sorted(name for name in reasons if name not in names)
    output.document(dataclasses.asdict(report))
    if report.unreadable:
        rows = [{"file": name, "problem": problem} for name, problem in report.unreadable.items()]
        output.table(
            f"{counted(report.n_unreadable, 'file')} can't be read{_first_of(report.n_unreadable)}",
            {"file": "file", "problem": "problem"},
            rows,
            folded="problem",
        )
    if report.missing:
        rows = [{"file": name} for name in report.missing]
        if args.forget_missing:
            fate = "removed"
        elif has_recordings(storage):
            fate = "remove them with --forget-missing"
        else:
            fate = f"no recording file found; is the folder mounted? {settings.recordings_dir}"
        title = f"{counted(report.n_missing, 'recording')} in the catalog without a file: {fate}"
        output.table(f"{title}{_first_of(report.n_missing)}", {"file": "file"}, rows)
    if without_file:
        output.note(
            f"{counted(len(without_file), 'episode')} of {args.original} without a file: {', '.join(without_file[:3])} …"
        )
    output.note(
        f"{counted(report.n_files, 'file')}: {counted(report.n_imported, 'recording')} in the catalog, "
        f"{report.n_replaced} replaced by a later play, {report.n_unreadable} unreadable"
    )
    is_well = not report.n_unreadable and (args.forget_missing or not report.n_missing)
    return ExitStatus.OK if is_well else ExitStatus.FAILED


def _first_of(n_files: int) -> str:
    return f"; the first {reindex_report.MAX_NAMED}" if n_files > reindex_report.MAX_NAMED else ""


def _original_reasons(path: str) -> dict[str, tuple[str, ...]]:
    """Reasons in the original recorder's database, by file."""
    from recorder.catalog import ORIGINAL_COLUMNS, Catalog  # lazy: loads SQLAlchemy

    if not is_url(path) and not Path(path).is_file():
        raise UsageError(f"--original: there is no such file: {path}")
    try:
        with Catalog(path, read_only=True) as original:
            if original.is_original:
                return {row.file_path: row.reasons for row in original.iterate_recordings()}
    except CatalogVersionError:
        pass  # a catalog, of another version
    except CatalogUnavailableError:
        raise
    except CatalogError as error:
        raise UsageError(
            "--original: expected a database of the original recorder, with a table 'recordings' that has the columns "
            f"{', '.join(ORIGINAL_COLUMNS)}: {path}"
        ) from error
    raise UsageError(f"--original: this is a catalog of this project; pass it as --database: {path}")
