"""The renderer of an episode, with what its video shows of the run."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.catalog import Catalog
from recorder.episode_file import Episode
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import shows_captions
from worker.video.cards.end_card import coming_after
from worker.video.episode.series import LearningPoint
from worker.video.panels.picture import PictureOf
from worker.video.renderer import EpisodeVideoRenderer

__all__ = ["learning_points", "make_renderer", "renderer_in_run"]

_CURVE_POINTS = 1000


def learning_points(catalog: Catalog, run_id: str) -> list[LearningPoint]:
    """Return the run's episodes, thinned for a plot."""
    return [
        LearningPoint(point.episode_id, point.total_reward) for point in catalog.learning_curve(run_id, _CURVE_POINTS)
    ]


def renderer_in_run(
    catalog: Catalog, run_id: str, episode: Episode, options: VideoOptions, *, drawn: PictureOf | None = None
) -> EpisodeVideoRenderer:
    """Return the renderer with what the options show of the run; raises as ``make_renderer``, and if the catalog can't be
    read."""
    curve = learning_points(catalog, run_id) if options.learning_curve else ()
    coming = coming_after(catalog, run_id, episode.metadata) if options.emphasis else ""
    return make_renderer(episode, options, learning_curve=curve, coming=coming, drawn=drawn)


def make_renderer(
    episode: Episode,
    options: VideoOptions,
    *,
    learning_curve: Sequence[LearningPoint] = (),
    coming: str = "",
    drawn: PictureOf | None = None,
) -> EpisodeVideoRenderer:
    """Return the renderer for the options.

    Raises:
        UsageError: the options are invalid, or do not fit this episode.
    """
    return EpisodeVideoRenderer(
        episode,
        width=options.width,
        height=options.height,
        style=options.style,
        timeline=timeline_of(episode, options),
        learning_curve=learning_curve,
        coming=coming,
        source=options.source,
        agent=options.agent,
        emphasis=options.emphasis,
        captions=shows_captions(options.emphasis, options.captions, options.narrate),
        drawn=drawn,
    )
