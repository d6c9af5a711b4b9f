"""The timeline of an episode's video, at the pace that the options ask for."""

from __future__ import annotations

from recorder.episode_file import Episode
from recorder.outline import Outline
from recorder.video.options import VideoOptions
from recorder.video.pace import story_spans
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
    outline = Outline.of(episode)
    return options.timeline(episode.n_steps, spans=story_spans(outline.markers(), outline.dull(), episode.n_steps))
