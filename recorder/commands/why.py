"""Explain why an episode was kept or not: each criterion, its value and its threshold."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.terminal.colors import GOOD
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.wording import explanation_in_words, reason_in_words

if TYPE_CHECKING:
    from recorder.catalog import EpisodeRow

EXAMPLE = "why 500 --run my-run"

_COLUMNS = {
    "criterion": "criterion",
    "keep": "keeps it",
    "value": "value",
    "threshold": "threshold",
    "detail": "detail",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("episode_id", type=non_negative, help="without --run, in the newest run that has it")


def run(args: argparse.Namespace) -> int:
    """Print the decision and every criterion's explanation."""
    output = Output.of(args)
    with open_catalog(settings_of(args)) as catalog:
        episode = catalog.find_episode(args.episode_id, run_of(args, catalog))
    output.document(
        {
            "run_id": episode.run_id,
            "episode_id": episode.episode_id,
            "decision": episode.decision,
            "reasons": episode.reasons,
            "criteria": episode.why,
            "parked": episode.parked,
            "error": episode.error,
        }
    )
    colors = {"keep": lambda keeps: GOOD if keeps else ""}
    rows = [{**entry, "criterion": explanation_in_words(entry).title} for entry in episode.why]
    output.table(_verdict(episode), _COLUMNS, rows, folded="detail", colors=colors)
    return ExitStatus.OK


def _verdict(episode: EpisodeRow) -> str:
    reasons = ", ".join(map(reason_in_words, episode.reasons))
    decision = {
        "held": "is held: a criterion may still claim it",
        "kept": f"was kept: {reasons}",
        "skipped": "was not kept",
        "deleted": f"was kept and later deleted: {reasons}",
    }.get(episode.decision, f"has the unknown decision {episode.decision!r}")
    given_up = f"; it can't be written: {episode.error}" if episode.parked else ""
    return f"episode {episode.episode_id} of run {episode.run_id} {decision}{given_up}"
