"""List the episodes that could not be written, with their error; let workers retry them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted

EXAMPLE = """\
parked
parked --retry --run my-run"""

_MAX_SHOWN = 1000

_COLUMNS = {"run_id": "run", "episode_id": "episode", "attempts": "attempts", "error": "error"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--retry", action="store_true", help="let workers retry them")


def run(args: argparse.Namespace) -> int:
    """List them; with ``--retry``, queue them again."""
    output = Output.of(args)
    with open_catalog(settings_of(args), read_only=not args.retry) as catalog:
        run_id = run_of(args, catalog)
        n_parked = 0
        shown: list[dict[str, Any]] = []

        def parked() -> Iterator[dict[str, Any]]:
            nonlocal n_parked
            for row in catalog.iterate_parked(run_id):
                n_parked += 1
                found = {name: getattr(row, name) for name in _COLUMNS}
                if n_parked <= _MAX_SHOWN:
                    shown.append(found)
                yield found

        output.growing_document("episodes", parked(), lambda: {"retried": args.retry})
        if args.retry:
            catalog.retry_parked(run_id)
    title = f"{counted(n_parked, 'episode')} could not be written"
    output.table(
        f"{title}; the first {_MAX_SHOWN} (--json has all)" if n_parked > _MAX_SHOWN else title,
        _COLUMNS,
        shown,
        folded="error",
        spared=("attempts",),
    )
    if n_parked:
        output.note("workers retry them" if args.retry else "after you have fixed the cause: --retry")
    return ExitStatus.OK
