"""Draws any frame of an episode's video."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.outline import EpisodeEvents, Event, Marker, Outline, ShownPicture, picture_before, shown_conversation
from recorder.outline.agents import find_agent
from recorder.video.kinds import check_kinds
from recorder.video.options import STATES
from recorder.video.timeline import Timeline, make_timeline
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import find_theme
from worker.video.cards.emphasis import Emphasis
from worker.video.cards.end_card import end_card_of, hook_of
from worker.video.cards.title_card import draw_title_card
from worker.video.episode.scales import scales_of
from worker.video.episode.series import EpisodeSeries, LearningPoint
from worker.video.layout import make_layout
from worker.video.panels.clock import ClockPanel
from worker.video.panels.conversation import ConversationPanel
from worker.video.panels.curve import CurvePanel
from worker.video.panels.grid import GridPanel
from worker.video.panels.header import HeaderPanel
from worker.video.panels.history import HistoryPanel
from worker.video.panels.info import InfoPanel
from worker.video.panels.learning import draw_learning_curve
from worker.video.panels.meters import MetersPanel
from worker.video.panels.panel import Panel
from worker.video.panels.parts.board import Board
from worker.video.panels.picture import PictureOf, PicturePanel
from worker.video.panels.progress import ProgressPanel
from worker.video.panels.q_values import QValuesPanel

__all__ = ["EpisodeVideoRenderer"]

_OF_ALL_AGENTS = ("died", "joined", "left")
"""Markers that are shown for every agent; others only for the one whose numbers are shown."""

_DRAWN_LATER = "drawn by the environment when the video is made"
"""Of recorded states, in a still."""

_BETWEEN = 20
"""Design units between a picture and the board below it."""


class EpisodeVideoRenderer:
    """Draws the frames of one episode: static parts once, then only what changes.

    A frame depends only on its number, in whatever order frames are drawn.

    Args:
        episode: an opened recording.
        width: of the frame in pixels, even; omitted with a ``canvas``.
        height: of the frame in pixels, even; omitted with a ``canvas``. 16:9 looks best.
        style: ``dark`` or ``light``.
        timeline: which step each frame shows; None for one step per frame.
        learning_curve: the run's episodes, shown in a panel and on the title card.
        caption: a line on the title card.
        coming: a line on the card at the end: what comes next.
        canvas: draw on this one instead of a new one.
        source: what the largest panel shows, one of ``SOURCES``; None for pictures where there are any, else the board.
        emphasis: zoom and pulse while a meter is critical, and a card with the outcome at the end.
        captions: write what happens into the picture.
        beside: episodes in the same picture: scales cover their values too.
        agent: of several agents, the id of the one whose numbers are shown; None for the one with the highest return.
        drawn: gives the pictures that the environment draws, for the source ``states``.

    Attributes:
        canvas: what is drawn on.
        timeline: which step each frame shows.
        layout: the panels' rectangles.
        board: maps positions to pixels; None for a world without positions.

    Raises:
        UsageError: the size or the style is invalid, or the recording has no steps, or no pictures where only they are to be
            shown, or no such agent.
        EpisodeFileCorruptError: the recording is broken.
    """

    def __init__(
        self,
        episode: Episode,
        *,
        width: int = 1920,
        height: int = 1080,
        style: str = "dark",
        timeline: Timeline | None = None,
        learning_curve: Sequence[LearningPoint] = (),
        caption: str = "",
        coming: str = "",
        canvas: Canvas | None = None,
        beside: Sequence[Episode] = (),
        source: str | None = None,
        emphasis: bool = False,
        captions: bool = False,
        agent: str | None = None,
        drawn: PictureOf | None = None,
    ) -> None:
        check_kinds(width=width, height=height, style=style, agent=agent)
        if canvas is not None:
            width, height = canvas.width, canvas.height
        self.timeline = make_timeline(episode.n_steps) if timeline is None else timeline
        theme = find_theme(style)
        series = EpisodeSeries(episode, agent)
        scales = scales_of(series, [EpisodeSeries(other, agent) for other in beside])
        layout = make_layout(
            width,
            height,
            n_meters=series.meters.shape[1],
            n_q_values=0 if series.q_values is None else series.q_values.shape[1],
            has_clock=series.time_of_day is not None,
            has_learning_curve=bool(learning_curve),
        )
        self.canvas = Canvas.blank(width, height) if canvas is None else canvas
        still = self.canvas.still
        still.fill(layout.frame, theme.page)
        panels: list[Panel] = [
            HeaderPanel(series, layout, theme, still, is_paced=bool(self.timeline.spans)),
            InfoPanel(series, layout, theme, still),
            CurvePanel(
                series,
                scales,
                layout,
                theme,
                still,
                layout.curve,
                turns=_turns(episode, series.agent_id) if emphasis else (),
            ),
            ProgressPanel(series, layout, theme, still),
        ]
        self.board: Board | None = None
        self._grid: GridPanel | None = None
        pictures = _pictures_of(episode, _pictures(series.pictures, has_choice=agent is not None), source, drawn)
        agent_info = find_agent(episode.metadata.agents, agent)
        said = [] if pictures or source == "board" else shown_conversation(episode, agent_info)
        has_board = not (pictures or said) or source == "both"
        places = layout.board.rows(len(pictures) + bool(said) + has_board, layout.px(_BETWEEN))
        missing = _DRAWN_LATER if source == STATES else "no picture of this step"
        for picture_of, place in zip(pictures, places, strict=False):
            panels.append(PicturePanel(picture_of, layout, theme, still, place, missing=missing))
        if said:
            panels.append(ConversationPanel(episode, said, layout, theme, still, places[0]))
        if has_board and series.positions.shape[1]:
            grid = GridPanel(series, layout, theme, still, places[-1])
            self.board, self._grid = grid.board, grid
            panels.append(grid)
        elif has_board:
            panels.append(HistoryPanel(series, scales, layout, theme, still, places[-1]))
        if layout.clock is not None:
            panels.append(ClockPanel(series, layout, theme, still, layout.clock))
        if layout.meters is not None:
            panels.append(MetersPanel(series, scales, layout, theme, still, layout.meters))
        if layout.q_values is not None:
            panels.append(QValuesPanel(series, scales, layout, theme, still, layout.q_values))
        if layout.learning is not None:
            draw_learning_curve(still, layout.learning, learning_curve, series.learning_point, layout, theme)
        self._panels = panels
        self.layout = layout
        self._emphasis: Emphasis | None = None
        if emphasis or captions:
            self._emphasis = Emphasis(
                [marker for marker in Outline.of(episode).markers() if _is_shown(marker, series.agent_id)],
                self.timeline,
                layout,
                theme,
                places[-1] if has_board else layout.board,
                end_card=end_card_of(series, coming)
                if emphasis and self.timeline.end_index == series.n_steps
                else None,
                has_captions=captions,
                has_zoom=emphasis,
            )
        self._card: Surface | None = None
        if self.timeline.n_title_frames:
            self._card = Surface(still.pixels.copy())
            draw_title_card(
                self._card,
                series,
                layout,
                theme,
                caption=caption or (hook_of(series, learning_curve) if emphasis else ""),
                learning_curve=learning_curve,
            )
        self._behind_card: NDArray[np.uint8] | None = None
        self.canvas.restore(layout.frame)

    @property
    def n_frames(self) -> int:
        """Number of frames of the whole video."""
        return self.timeline.n_frames

    def draw(self, frame: int) -> None:
        """Draw a frame on the canvas.

        Raises:
            UsageError: there is no such frame.
        """
        moment = self.timeline.moment(frame)
        if self._emphasis is not None:
            self._emphasis.take_back(self.canvas)
        if moment is None:
            self._show_card()
            return
        self._hide_card()
        for panel in self._panels:
            panel.draw(self.canvas, moment)
        if self._emphasis is not None:
            self._emphasis.draw(self.canvas, frame, None if self._grid is None else self._grid.place(moment))

    def _show_card(self) -> None:
        if self._behind_card is None and self._card is not None:
            self._behind_card = self.canvas.pixels.copy()
            self.canvas.pixels[:] = self._card.pixels
            self.canvas.touch(self.layout.frame)

    def _hide_card(self) -> None:
        if self._behind_card is not None:
            self.canvas.pixels[:] = self._behind_card
            self.canvas.touch(self.layout.frame)
            self._behind_card = None

    def frame(self, frame: int) -> NDArray[np.uint8]:
        """Return the pixels of a frame.

        Returns:
            ``uint8[height, width, 3]``, RGB; a view that the next call changes.

        Raises:
            UsageError: there is no such frame.
        """
        self.draw(frame)
        return self.canvas.pixels


def _pictures_of(
    episode: Episode, pictures: Sequence[ShownPicture], source: str | None, drawn: PictureOf | None
) -> list[PictureOf]:
    """What gives the pictures that the largest panel shows.

    Raises:
        UsageError: there are no pictures.
    """
    if source == STATES:
        if drawn is None:
            raise UsageError("source 'states' is for the video of one episode, not for a comparison or a reel")
        return [drawn]
    if source == "picture" and not pictures:
        raise UsageError("source 'picture': this recording has no pictures")
    return [] if source == "board" else [partial(picture_before, episode, picture) for picture in pictures]


def _is_shown(marker: Marker, agent_id: str | None) -> bool:
    return not marker.agent or marker.agent == agent_id or marker.kind in _OF_ALL_AGENTS


def _pictures(pictures: Sequence[ShownPicture], *, has_choice: bool) -> list[ShownPicture]:
    """The first one, and below it what a chosen agent sees."""
    own = [
        picture for picture in pictures[1:] if has_choice and picture.agent is not None and pictures[0].agent is None
    ]
    return [*pictures[:1], *own[:1]]


def _turns(episode: Episode, agent_id: str | None) -> list[Event]:
    """Rewards that stand out, at which the return turns."""
    return [event for event in EpisodeEvents(episode, agent_id).events if event.kind in ("reward_up", "reward_down")]
