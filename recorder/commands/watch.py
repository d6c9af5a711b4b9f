"""Play an episode in the terminal, also over SSH: board, meters, Q-values and the page's keys."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from recorder.commands.arguments.episode_source import add_episode_source, open_episode_source
from recorder.commands.arguments.parsing import non_negative, positive_number
from recorder.commands.terminal.colors import has_colors
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.errors import MissingExtraError, OutputError, UsageError
from recorder.recordings.find import naming_file
from recorder.values.number_format import format_number

if TYPE_CHECKING:
    from recorder.episode_file import Episode

EXAMPLE = """\
watch 500 --run my-run
watch episode_000500.msgpack.lz4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_episode_source(parser)
    parser.add_argument("--from", dest="first", type=non_negative, default=0, metavar="STEP", help="start at this step")
    parser.add_argument("--speed", type=positive_number, default=1.0, help="1 is 5 steps a second (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Play the episode until the reader quits.

    Raises:
        UsageError: standard input or output is no terminal, or the episode has no steps.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("watch needs a terminal; to print the steps: hamlet-recorder cat EPISODE")
    try:
        from recorder.terminal_player import Film, Playback, play_episode
    except ImportError as error:
        if error.name in ("termios", "tty"):
            raise UsageError("watch needs a POSIX terminal: use WSL, or hamlet-recorder serve") from error
        raise MissingExtraError("Playing an episode in the terminal", "catalog") from error
    place, episode = open_episode_source(args)
    with naming_file(place):
        if not episode.n_steps:
            raise UsageError(f"the recording has no steps: {place}")
        film = Film(episode, _title(episode))
        index = int(np.searchsorted(episode.step_numbers, args.first))
    playback = Playback(
        film.n_steps,
        [marker.index for marker in film.markers],
        film.dull,
        index=index,
        speed=args.speed,
        n_agents=len(film.agents),
        agent=film.first_agent,
    )
    try:
        play_episode(film, playback, colors=has_colors())
    except OSError as error:
        raise OutputError(error) from error
    return ExitStatus.OK


def _title(episode: Episode) -> str:
    metadata = episode.metadata
    run = metadata.run_id if metadata.run_id.isprintable() else repr(metadata.run_id)
    return f"{run} · episode {metadata.episode_id} · return {format_number(metadata.total_reward)}"
