"""Rebuild the catalog from the files: add what it lacks, keep what it knows, name the files that cannot be read.

The exit status is 1 if a file cannot be read, or is missing and its row stays. Episodes that were not kept have no file, so they
are not rebuilt. If no recording file is found, --forget-missing removes nothing: the folder may not be mounted.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import add_command
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted
from recorder.errors import UsageError
from recorder.storage import open_recordings

if TYPE_CHECKING:
    from recorder.commands.arguments.parsing import Subparsers

NAME = "reindex"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = add_command(
        subparsers,
        NAME,
        description=__doc__,
        example="reindex --recordings recordings/\nreindex --forget-missing --run my-run\n"
        "reindex --original demo.db --database catalog.db --recordings recordings/",
    )
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
    from recorder.recordings.reindex import files_below, has_recordings, reindex  # lazy: loads SQLAlchemy

    if args.allow_empty and not args.forget_missing:
        raise UsageError("--allow-empty goes with --forget-missing")
    settings = settings_of(args)
    output = Output.of(args)
    run_id = getattr(args, "run", None)
    storage = open_recordings(settings)
    reasons = {} if args.original is None else _original_reasons(args.original)
    names = files_below(storage, run_id)
    with open_catalog(settings, read_only=False) as catalog:
        if not names:
            run_of(args, catalog)  # a run of which there is neither a file nor a row is a mistake
        report = reindex(
            storage,
            catalog,
            output.progress(names, "reading"),
            run_id=run_id,
            reasons=reasons,
            forget_missing=args.forget_missing,
            allow_empty=args.allow_empty,
        )
    output.document(dataclasses.asdict(report))
    if report.unreadable:
        rows = [{"file": name, "problem": problem} for name, problem in report.unreadable.items()]
        output.table(
            f"{counted(len(rows), 'file')} can't be read",
            {"file": "file", "problem": "problem"},
            rows,
            folded="problem",
        )
    if report.missing:
        rows = [{"file": name} for name in report.missing]
        if args.forget_missing:
            fate = "taken out of it"
        elif has_recordings(storage):
            fate = "take them out of it with --forget-missing"
        else:
            fate = f"is it mounted? {settings.recordings_dir}"
        output.table(f"{counted(len(rows), 'recording')} of the catalog without a file: {fate}", {"file": "file"}, rows)
    if without_file := sorted(reasons.keys() - set(names)):
        output.note(
            f"{counted(len(without_file), 'episode')} of {args.original} without a file: {', '.join(without_file[:3])} …"
        )
    output.note(
        f"{counted(report.n_files, 'file')}: {counted(report.n_imported, 'recording')} in the catalog, "
        f"{len(report.replaced)} replaced by a later play, {len(report.unreadable)} unreadable"
    )
    is_well = not report.unreadable and (args.forget_missing or not report.missing)
    return ExitStatus.OK if is_well else ExitStatus.FAILED


def _original_reasons(path: str) -> dict[str, tuple[str, ...]]:
    """Why the original recorder kept its episodes, by file."""
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    with Catalog(path, read_only=True) as original:
        if not original.is_original:
            raise UsageError(f"--original: this is a catalog already; name it with --database: {path}")
        return {row.file_path: row.reasons for row in original.iterate_recordings()}
