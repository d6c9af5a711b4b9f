"""Write a recording in another version or compression. A damaged recording is refused; a torn one gets a gap at its
end.

Version 1 loses only the widths of dtypes. With --in-place the file keeps its name; 'reindex' then updates its row in
the catalog.
"""

from __future__ import annotations

import argparse

from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, human_bytes
from recorder.episode_file import MAX_FILE_BYTES
from recorder.errors import EpisodeFileError, UsageError
from recorder.recordings.convert import convert_bytes
from recorder.storage import read_file, write_file

EXAMPLE = """\
convert --to 1 episode_000500.msgpack.lz4 old.msgpack.lz4
convert --to 2 --in-place old.msgpack.lz4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=int, choices=(1, 2), default=2, help="version of the file (default: %(default)s)")
    parser.add_argument(
        "--compression",
        choices=("lz4", "zstd", "none"),
        default="lz4",
        help="compression of the file (default: %(default)s)",
    )
    parser.add_argument("--in-place", action="store_true", help="replace the file")
    parser.add_argument("source", metavar="SRC", help="path or URL of a recording")
    parser.add_argument("destination", metavar="DST", nargs="?", help="path or URL of the new file")


def run(args: argparse.Namespace) -> int:
    """Convert one file."""
    if (args.destination is None) != args.in_place:
        raise UsageError("give either a destination or --in-place")
    destination = args.source if args.in_place else args.destination
    data = read_file(args.source, max_bytes=MAX_FILE_BYTES)
    try:
        converted = convert_bytes(data, version=args.to, compression=args.compression)
    except EpisodeFileError as error:
        raise type(error)(f"{error}: {args.source}") from error
    write_file(destination, converted.data)
    output = Output.of(args)
    output.document(
        {
            "source": args.source,
            "destination": destination,
            "version": args.to,
            "compression": args.compression,
            "n_bytes_before": len(data),
            "n_bytes": len(converted.data),
            "losses": converted.losses,
        }
    )
    sizes = f"{human_bytes(len(data))} to {human_bytes(len(converted.data))}"
    output.note(f"wrote version {args.to}, {args.compression}, {sizes}: {destination}")
    for loss in converted.losses:
        output.note(f"note: {loss}")
    return ExitStatus.OK
