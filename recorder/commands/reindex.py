"""Rebuild the catalog from the files: add what it lacks, keep what it knows, say which files can't be read.

Exit status 1 when a file can't be read. Episodes that were not kept have no file, and can't be found again.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from recorder.commands.exit_status import ExitStatus
from recorder.commands.opening import open_catalog, settings_of
from recorder.commands.output import Output
from recorder.commands.parsing import add_command
from recorder.storage import open_storage

if TYPE_CHECKING:
    from recorder.commands.parsing import Subparsers

NAME = "reindex"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    add_command(subparsers, NAME, description=__doc__, example="reindex --recordings recordings/")


def run(args: argparse.Namespace) -> int:
    """Read all files and write their rows."""
    from recorder.reindex import files_below, reindex  # lazy: loads SQLAlchemy

    settings = settings_of(args)
    output = Output.of(args)
    run_id = getattr(args, "run", None)
    storage = open_storage(settings.recordings_dir)
    names = files_below(storage, run_id)
    with open_catalog(settings, read_only=False) as catalog:
        report = reindex(storage, catalog, output.progress(names, "reading"), run_id=run_id)
    output.document(dataclasses.asdict(report))
    if report.unreadable:
        rows = [{"file": name, "problem": problem} for name, problem in report.unreadable.items()]
        output.table(f"{len(rows)} files can't be read", {"file": "file", "problem": "problem"}, rows, folded="problem")
    if report.missing:
        rows = [{"file": name} for name in report.missing]
        output.table(f"{len(rows)} recordings of the catalog have no file", {"file": "file"}, rows)
    output.note(
        f"{report.n_files} files: {report.n_imported} recordings in the catalog, "
        f"{len(report.replaced)} replaced by a later play, {len(report.unreadable)} unreadable"
    )
    return ExitStatus.FAILED if report.unreadable else ExitStatus.OK
