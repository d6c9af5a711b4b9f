"""List the episodes that could not be written, with their error; let workers retry them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import add_command
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted

if TYPE_CHECKING:
    from recorder.commands.arguments.parsing import Subparsers

NAME = "parked"

_COLUMNS = {"run_id": "run", "episode_id": "episode", "attempts": "attempts", "error": "error"}


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, NAME, description=__doc__, example="parked\nparked --retry --run my-run")
    parser.add_argument("--retry", action="store_true", help="let workers retry them")


def run(args: argparse.Namespace) -> int:
    """List them; with ``--retry``, queue them again."""
    output = Output.of(args)
    with open_catalog(settings_of(args), read_only=not args.retry) as catalog:
        run_id = run_of(args, catalog)
        rows = [row for row in catalog.parked_writes() if run_id in (None, row.run_id)]
        if args.retry:
            catalog.retry_parked(run_id)
    parked = [{name: getattr(row, name) for name in _COLUMNS} for row in rows]
    output.document({"retried": args.retry, "episodes": parked})
    output.table(
        f"{counted(len(parked), 'episode')} could not be written",
        _COLUMNS,
        parked,
        folded="error",
        spared=("attempts",),
    )
    if parked:
        output.note("workers retry them" if args.retry else "after you have fixed the cause: --retry")
    return ExitStatus.OK
