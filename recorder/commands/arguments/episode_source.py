"""The argument EPISODE: an episode's id, or the path or URL of a recording."""

from __future__ import annotations

import argparse

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.episode_file import Episode, open_episode
from recorder.recordings.find import open_recording
from recorder.storage import open_recordings

__all__ = ["add_episode_source", "open_episode_source"]


def add_episode_source(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument(
        "source", type=_source, metavar="EPISODE", help="an episode's id, or the path or URL of a recording"
    )


def open_episode_source(args: argparse.Namespace) -> tuple[str, Episode]:
    """Location of the recording, and the recording.

    Raises:
        RecordingNotFoundError: the catalog has no such recording.
        EpisodeFileError, StorageError: it can't be read.
    """
    if isinstance(args.source, str):
        return args.source, open_episode(args.source)
    settings = settings_of(args)
    with open_catalog(settings) as catalog:
        storage = open_recordings(settings)
        row, episode = open_recording(catalog, storage, run_of(args, catalog), args.source)
    return storage.location(row.file_path), episode


def _source(text: str) -> int | str:
    return non_negative(text) if text.isdecimal() else text
