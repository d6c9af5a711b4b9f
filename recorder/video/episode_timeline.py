"""The timeline of an episode's video, at the pace that the options ask for."""

from __future__ import annotations

from recorder.episode_file import Episode
from recorder.outline import Outline, said_in, shown_conversation
from recorder.outline.agents import find_agent
from recorder.video.options import VideoOptions
from recorder.video.pace import reading_spans, story_spans
from recorder.video.timeline import Timeline

__all__ = ["timeline_of"]


def timeline_of(episode: Episode, options: VideoOptions) -> Timeline:
    """Which step each frame shows.

    Raises:
        UsageError: no step is shown, there are too many frames, or a rate is invalid.
        EpisodeFileError: the file is damaged.
    """
    if options.pace == "steady" or not episode.n_steps:
        return options.timeline(episode.n_steps)
    said: list[str] = []
    if options.source in (None, "both"):
        said = shown_conversation(episode, find_agent(episode.metadata.agents, options.agent))
    shown = range(episode.n_steps)[max(options.first_step, 0) : options.end_step]
    if said and shown:
        n_letters = [sum(len(it.text) for it in said_in(episode, said, index)) for index in shown]
        spans = reading_spans(n_letters, options.steps_per_second or options.fps)
        moved = ((shown.start + at if at else 0, factor) for at, factor in spans)
        return options.timeline(episode.n_steps, spans=tuple(moved))
    outline = Outline.of(episode)
    return options.timeline(episode.n_steps, spans=story_spans(outline.markers(), outline.dull(), episode.n_steps))
