"""Say what happened in a run: its facts, and the episodes that matter."""

from __future__ import annotations

import argparse
import dataclasses

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.errors import RecordingNotFoundError
from recorder.highlights import find_highlights
from recorder.wording import MEASURE_CHOICES, is_measure, measure_of, reason_in_words

EXAMPLE = "summary --run my-run --measure steps"

_COLUMNS = {"title": "which", "episode": "episode", "text": "number", "reasons": "kept because"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--measure",
        type=_measure,
        metavar="MEASURE",
        help=f"what makes an episode the best: {MEASURE_CHOICES} (default: as the page opens)",
    )


def _measure(name: str) -> str:
    if not is_measure(name):
        raise argparse.ArgumentTypeError(f"expected one of {MEASURE_CHOICES}, found {name!r:.60}")
    return name


def run(args: argparse.Namespace) -> int:
    """Print the sentence and the episodes; without ``--run``, of the run with the latest activity."""
    output = Output.of(args)
    with open_catalog(settings_of(args)) as catalog:
        run_id = run_of(args, catalog)
        if run_id is None:
            newest = catalog.list_runs(limit=1)
            if not newest:
                raise RecordingNotFoundError(f"nothing is recorded yet: {catalog.url}")
            run_id = newest[0].run_id
        found = find_highlights(catalog, run_id, args.measure)
    output.document(dataclasses.asdict(found))
    rows = [
        {
            "title": each.title,
            "episode": each.episode.episode_id,
            "text": each.text,
            "reasons": ", ".join(map(reason_in_words, each.episode.reasons)),
        }
        for each in found.highlights
    ]
    output.note(f"run {run_id}", found.sentence, "")
    output.table(f"by {measure_of(found.measure).title.lower()}", _COLUMNS, rows, folded="text")
    return ExitStatus.OK
