"""What the sound of a video is made of: notes, and the script of its narration. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from recorder.episode_file import Episode
from recorder.outline import EpisodeEvents
from recorder.video.timeline import Timeline
from worker.video.narration.script import Script, episode_script
from worker.video.sound.score import Note, make_score
from worker.video.sound.waves import RATE

__all__ = ["EpisodeProgramme", "Programme", "seed_of"]


class Programme(Protocol):
    """A kind of video has one: an episode, a reel, a comparison.

    Attributes:
        secs: length of the video.
        seed: of the sound: the same video sounds the same everywhere.
    """

    @property
    def secs(self) -> Fraction: ...

    @property
    def seed(self) -> int: ...

    @property
    def affordances(self) -> Sequence[str]:
        """Names, which select the motifs."""

    @property
    def action_names(self) -> Sequence[str]:
        """Names, for which there may be sounds of yours."""

    def notes(self) -> list[Note]:
        """The effects, in order."""

    def script(self) -> Script:
        """The facts that a narration speaks of."""


class EpisodeProgramme:
    """The sound of one episode.

    Args:
        timeline: of the episode.
        agent: of several agents, the id of the one that is heard; None for the one with the highest return.
        start: seconds at which it begins within the video.

    Raises:
        EpisodeFileError: at the first use, the recording is damaged.
        UsageError: at the first use, the episode has no such agent.
    """

    def __init__(
        self, episode: Episode, timeline: Timeline, *, agent: str | None, start: Fraction = Fraction(0)
    ) -> None:
        self.episode, self.timeline, self.agent, self.start = episode, timeline, agent, start
        self.secs = timeline.n_frames / timeline.fps
        self.seed = seed_of(episode)

    @cached_property
    def events(self) -> EpisodeEvents:
        """What happens."""
        return EpisodeEvents(self.episode, self.agent)

    @property
    def affordances(self) -> Sequence[str]:
        """Names, which select the motifs."""
        return list(self.events.scene.affordances)

    @property
    def action_names(self) -> Sequence[str]:
        """Names, for which there may be sounds of yours."""
        return self.events.scene.action_names

    def notes(self) -> list[Note]:
        """The effects, in order."""
        first = round(self.start * RATE)
        return [replace(note, at=note.at + first) for note in make_score(self.events, self.timeline)]

    def script(self) -> Script:
        """The facts of the part that is shown."""
        return episode_script(self.episode, self.events, self.timeline, start=float(self.start))


def seed_of(*episodes: Episode) -> int:
    """Return the seed of the sound of these episodes."""
    names = "\0".join(f"{episode.metadata.run_id}/{episode.metadata.episode_id}" for episode in episodes)
    return zlib.crc32(names.encode("utf-8", "surrogatepass"))
