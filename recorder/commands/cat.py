"""Print the steps of an episode as NDJSON: one JSON object a line, with the keys of a version 1 file."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from recorder.commands.arguments.episode_source import add_episode_source, open_episode_source
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.recordings.find import naming_file
from recorder.recordings.steps import blocks_of, step_maps
from recorder.schema import EXTRAS_PREFIX, STEP_COLUMNS

EXAMPLE = """\
cat 500 --run my-run --from 10 --to 20
cat episode_000500.msgpack.lz4 --fields reward,q_values"""

_MANY_STEPS = 1_000_000
"""More take minutes to print. A small file can hold, or claim, many times as many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_episode_source(parser)
    parser.add_argument("--from", dest="first", type=non_negative, metavar="STEP", help="number of the first step")
    parser.add_argument(
        "--to", dest="end", type=non_negative, metavar="STEP", help="number of the step after the last one"
    )
    parser.add_argument("--fields", metavar="A,B", help="only these fields and the step number")


def run(args: argparse.Namespace) -> int:
    """Print the steps; with ``--json``, as one list."""
    output = Output.of(args)
    place, episode = open_episode_source(args)
    with naming_file(place):
        fields = _fields(args.fields, episode)
        numbers = episode.step_numbers
        start = 0 if args.first is None else int(np.searchsorted(numbers, args.first))
        stop = episode.n_steps if args.end is None else int(np.searchsorted(numbers, args.end))
        if stop - start > _MANY_STEPS:
            output.warn(f"prints {stop - start} steps; choose a range with --from and --to: {place}")
        steps = (
            _selected(step, fields)
            for first, end in blocks_of(episode, start, stop)
            for step in step_maps(episode, first, end)
        )
        if output.as_json:
            output.sequence(steps)
        else:
            for step in steps:
                output.line(step)
    if (end_step := episode.torn_at) is not None:
        output.warn(f"the recording is torn: the file ends before step {end_step}: {place}")
    return ExitStatus.OK


def _fields(text: str | None, episode: Episode) -> list[str] | None:
    if text is None:
        return None
    fields = [field.strip() for field in text.split(",") if field.strip()]
    known = {*STEP_COLUMNS, "step", "extras", *episode.names}
    if unknown := [field for field in fields if field not in known]:
        raise UsageError(f"unknown field {unknown[0]!r}; the episode has: {', '.join(episode.names)}")
    return fields


def _selected(step: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    if fields is None:
        return step
    chosen: dict[str, Any] = {"step": step["step"]}
    for field in fields:
        if field.startswith(EXTRAS_PREFIX):
            chosen[field] = step.get("extras", {}).get(field.removeprefix(EXTRAS_PREFIX))
        else:
            chosen[field] = step.get(field)
    return chosen
