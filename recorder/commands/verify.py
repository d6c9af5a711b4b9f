"""Read recordings completely, and compare checksums, hash and counts with their metadata and the catalog.

The exit status is 1 if anything is wrong. Steps that were lost during recording are reported, but are no error.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.episode_file import MAX_FILE_BYTES
from recorder.errors import RecorderError
from recorder.recordings.file_reader import FileReader
from recorder.recordings.verify import FileReport, verify_bytes, verify_listed
from recorder.storage import Pack, is_pack, open_recordings, read_file, read_pack

EXAMPLE = """\
verify --run my-run
verify recordings/my-run/*.lz4"""

_MAX_SHOWN = 1000
"""Most broken files in the table: a folder that is not mounted has as many as the catalog."""

_COLUMNS = {"file": "file", "problem": "problem"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="paths or URLs, also of packs (default: all in the catalog)"
    )


def run(args: argparse.Namespace) -> int:
    """Verify the files and print the problems."""
    output = Output.of(args)
    found = _Found()
    reports = _verify_files(args, output) if args.files else _verify_catalog(args, output)
    output.growing_document(
        "files",
        (found.count(report) for report in reports),
        lambda: {"n_files": found.n_files, "n_broken": found.n_broken},
    )
    if found.n_broken:
        title = f"{found.n_broken} of {found.n_files} recordings are damaged or missing"
        if found.n_broken > _MAX_SHOWN:
            title += f"; the first {_MAX_SHOWN} (--json has all)"
        output.table(title, _COLUMNS, found.shown, folded="problem")
    output.note(
        f"verified {counted(found.n_files, 'recording')}, {human_bytes(found.n_bytes)}: "
        f"{found.n_files - found.n_broken} OK, {found.n_broken} damaged or missing, {found.n_with_gaps} with gaps"
    )
    return ExitStatus.FAILED if found.n_broken else ExitStatus.OK


@dataclasses.dataclass(slots=True)
class _Found:
    """Totals so far, and the broken files to show."""

    n_files: int = 0
    n_broken: int = 0
    n_with_gaps: int = 0
    n_bytes: int = 0
    shown: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def count(self, report: FileReport) -> dict[str, object]:
        """Add a report; returns it as a document."""
        self.n_files += 1
        self.n_with_gaps += bool(report.gaps)
        self.n_bytes += report.n_bytes or 0
        if not report.is_sound:
            self.n_broken += 1
            if self.n_broken <= _MAX_SHOWN:
                self.shown += [{"file": report.file, "problem": problem} for problem in report.problems]
        return {**dataclasses.asdict(report), "sound": report.is_sound}


def _verify_files(args: argparse.Namespace, output: Output) -> Iterator[FileReport]:
    for file in output.progress(args.files, "verifying"):
        try:
            data = read_file(file, max_bytes=MAX_FILE_BYTES)
            yield from _verify_pack(read_pack(data), file) if is_pack(file) else (verify_bytes(data, file),)
        except RecorderError as error:
            yield FileReport(file, (str(error),))


def _verify_pack(pack: Pack, file: str) -> Iterator[FileReport]:
    if pack.damaged_at and not pack.lost:
        yield FileReport(file, (f"damaged at byte {pack.damaged_at[0]}; every recording in it can still be read",))
    for name in pack.names:
        try:
            yield verify_bytes(pack.get(name) or b"", f"{file}/{name}")
        except RecorderError as error:
            yield FileReport(f"{file}/{name}", (str(error),))


def _verify_catalog(args: argparse.Namespace, output: Output) -> Iterator[FileReport]:
    settings = settings_of(args)
    files = FileReader(open_recordings(settings))
    with open_catalog(settings) as catalog:
        run_id = run_of(args, catalog)
        n_recordings, _ = catalog.recordings_size(run_id)
        rows = output.progress(catalog.iterate_recordings(run_id), "verifying", total=n_recordings)
        yield from verify_listed(files, catalog, rows)
