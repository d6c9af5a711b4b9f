"""Read recordings to the last byte, and compare checksums, hash and counts with their metadata and the catalog.

Exit status 1 when anything is wrong. Steps that were lost while recording are told, but they are no fault of the file.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from recorder.commands.exit_status import ExitStatus
from recorder.commands.opening import open_catalog, run_of, settings_of
from recorder.commands.output import Output, counted, human_bytes
from recorder.commands.parsing import add_command
from recorder.episode_file import MAX_FILE_BYTES
from recorder.errors import RecorderError
from recorder.storage import open_recordings, read_file
from recorder.verification import FileReport, verify_bytes

if TYPE_CHECKING:
    from recorder.commands.parsing import Subparsers

NAME = "verify"

_COLUMNS = {"file": "file", "problem": "problem"}


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = add_command(
        subparsers, NAME, description=__doc__, example="verify --run my-run\nverify recordings/my-run/*.lz4"
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="paths or URLs (default: all that the catalog has)")


def run(args: argparse.Namespace) -> int:
    """Verify the files, and print what is wrong."""
    output = Output.of(args)
    reports = list(_verify_files(args, output) if args.files else _verify_catalog(args, output))
    broken = [report for report in reports if not report.is_sound]
    with_gaps = sum(bool(report.gaps) for report in reports)
    n_bytes = sum(report.n_bytes or 0 for report in reports)
    output.document({"n_files": len(reports), "n_broken": len(broken), "files": map_reports(reports)})
    if broken:
        rows = [{"file": report.file, "problem": problem} for report in broken for problem in report.problems]
        output.table(f"{len(broken)} of {len(reports)} recordings are not sound", _COLUMNS, rows, folded="problem")
    output.note(
        f"verified {counted(len(reports), 'recording')}, {human_bytes(n_bytes)}: "
        f"{len(reports) - len(broken)} sound, {len(broken)} not; {with_gaps} have gaps"
    )
    return ExitStatus.FAILED if broken else ExitStatus.OK


def map_reports(reports: list[FileReport]) -> list[dict[str, object]]:
    """The reports for programs."""
    return [{**dataclasses.asdict(report), "sound": report.is_sound} for report in reports]


def _verify_files(args: argparse.Namespace, output: Output) -> Iterator[FileReport]:
    for file in output.progress(args.files, "verifying"):
        try:
            yield verify_bytes(read_file(file, max_bytes=MAX_FILE_BYTES), file)
        except RecorderError as error:
            yield FileReport(file, (str(error),))


def _verify_catalog(args: argparse.Namespace, output: Output) -> Iterator[FileReport]:
    settings = settings_of(args)
    storage = open_recordings(settings)
    with open_catalog(settings) as catalog:
        rows = list(catalog.iterate_recordings(run_of(args, catalog)))
    for row in output.progress(rows, "verifying"):
        try:
            yield verify_bytes(storage.read(row.file_path, max_bytes=MAX_FILE_BYTES), row.file_path, row=row)
        except RecorderError as error:
            yield FileReport(row.file_path, (str(error),), run_id=row.run_id, episode_id=row.episode_id)
