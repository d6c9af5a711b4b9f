"""The run's learning curve with this episode marked; static."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import disc, polyline
from worker.video.canvas.surface import Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.scales import value_range
from worker.video.episode.series import LearningPoint
from worker.video.layout import Layout
from worker.video.panels.curve import PlotArea
from worker.video.panels.panel import draw_plate

__all__ = ["draw_learning_curve"]

_SMOOTHED_SHARE = 20
"""The line is the mean over a twentieth of the run around each episode."""


def draw_learning_curve(
    still: Surface, rect: Rect, points: Sequence[LearningPoint], shown: LearningPoint, layout: Layout, theme: Theme
) -> None:
    """Draw every episode's return as a dot, their moving mean as a line, and this episode as a large dot.

    Args:
        points: the run's episodes by episode id, at least one; thinned if there are many.
        shown: the video's episode; need not be among the points.
    """
    area = draw_plate(still, rect, layout, theme, "Learning curve of the run")
    returns = np.array([point.total_reward for point in points], np.float64)
    ids = np.array([point.episode_id for point in points], np.float64)
    plot = PlotArea(area, *value_range(np.append(returns, shown.total_reward)), layout, theme, still)
    first, last = min(ids[0], shown.episode_id), max(ids[-1], shown.episode_id)
    xs = (ids - first) / max(1.0, last - first)
    places = plot.line(xs, returns)
    small = disc(max(1.0, 1.7 * layout.unit))
    for x, y in places[np.isfinite(places).all(axis=1)]:
        still.stamp_center(small, plot.rect.x + x, plot.rect.y + y, theme.quiet, 120)
    window = max(1, len(returns) // _SMOOTHED_SHARE)
    known = np.isfinite(returns)
    kernel = np.ones(2 * window + 1)
    weights = np.convolve(known.astype(np.float64), kernel)[window : window + len(returns)]
    sums = np.convolve(np.where(known, returns, 0.0), kernel)[window : window + len(returns)]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / weights
    line = plot.line(xs, means)
    still.stamp(
        polyline(line, plot.rect.width, plot.rect.height, max(1.5, 3 * layout.unit)),
        plot.rect.x,
        plot.rect.y,
        theme.muted,
    )
    if math.isfinite(shown.total_reward):
        here = np.array([(shown.episode_id - first) / max(1.0, last - first)])
        ((x, y),) = plot.line(here, np.array([shown.total_reward]))
        still.stamp_center(disc(max(4.0, 9 * layout.unit)), plot.rect.x + x, plot.rect.y + y, theme.panel)
        still.stamp_center(disc(max(2.5, 6.5 * layout.unit)), plot.rect.x + x, plot.rect.y + y, theme.accent)
