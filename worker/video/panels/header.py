"""The header: the episode, why it was kept, and the current step."""

from __future__ import annotations

from recorder.values.number_format import format_count
from recorder.video.pace import DULL_FACTOR, SLOW_FACTOR
from recorder.video.timeline import Moment
from recorder.wording import reason_in_words, status_in_words
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import rounded, text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, HEADING, TITLE, fitted
from worker.video.panels.parts.readout import Readout

__all__ = ["HeaderPanel"]

_PACE_WORDS = {float(DULL_FACTOR): f"{float(DULL_FACTOR):g}× faster", float(SLOW_FACTOR): "slow motion"}


_MAX_CHIP_LETTERS = 40


class HeaderPanel:
    """Title, chips, step counter, and the pace where it is not the usual one.

    Args:
        is_paced: leave room for the pace.
    """

    def __init__(
        self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface, *, is_paced: bool = False
    ) -> None:
        self._numbers = series.step_numbers
        self._theme, self._layout = theme, layout
        self._shown = -1
        rect = layout.header
        size = layout.px(TITLE)
        last = int(series.step_numbers[-1])
        total = f" / {format_count(last)}"
        self._number_right = rect.right - text_width(total, layout.px(BODY))
        number_width = text_width(f"{format_count(last)} ", size, bold=True)
        left = self._number_right - number_width - text_width("step ", layout.px(BODY))
        self._baseline = rect.y + size
        self._number = Readout(self._number_right, self._baseline, theme.page, align="right")
        self._label: Rect | None = None
        self._label_right = -1
        self._pace: Readout | None = None
        if is_paced:
            left -= layout.px(24)
            self._pace = Readout(left, self._baseline, theme.page, align="right")
            left -= max(text_width(text, layout.px(BODY)) for text in _PACE_WORDS.values())
        metadata = series.metadata
        title = fitted(f"Episode {metadata.episode_id}", max(0, left - rect.x - layout.px(24)), size, bold=True)
        still.text(title, rect.x, self._baseline, size, theme.ink, bold=True)
        still.text(total, self._number_right, self._baseline, layout.px(BODY), theme.muted)
        self._draw_chips(series, still)

    def _draw_chips(self, series: EpisodeSeries, still: Surface) -> None:
        """Draw as many of stage, status and reasons as fit, then the run's name."""
        layout, theme, metadata = self._layout, self._theme, series.metadata
        chips: list[tuple[str, Color]] = []
        if series.look is not None and series.agent_id is not None:
            chips.append((series.agent_id[:_MAX_CHIP_LETTERS], theme.agents[series.look.number]))
        if metadata.curriculum_stage is not None:
            chips.append((f"stage {metadata.curriculum_stage}", theme.ink))
        if metadata.status != "complete":
            chips.append((status_in_words(metadata.status), theme.empty))
        for name, word in (("env_id", ""), ("seed", "seed ")):
            if (value := metadata.info.get(name)) is not None:
                chips.append((f"{word}{value}"[:_MAX_CHIP_LETTERS], theme.ink))
        chips += [(reason_in_words(reason), theme.muted) for reason in series.reasons]
        size, padding = layout.px(HEADING), layout.px(12)
        height = layout.px(30)
        x, y = layout.header.x, layout.header.bottom - height
        for text, color in chips:
            width = text_width(text, size) + 2 * padding
            if x + width > layout.header.right:
                break
            still.stamp(rounded(width, height, height // 2), x, y, theme.well)
            still.text(text, x + padding, y + round(height * 0.70), size, color)
            x += width + layout.px(10)
        run = fitted(f"run {metadata.run_id}", layout.header.right - x - layout.px(10), size) if metadata.run_id else ""
        if run:
            still.text(run, layout.header.right, y + round(height * 0.70), size, theme.muted, align="right")

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show the pace, and the step's number; the first is step 0, as everywhere."""
        if self._pace is not None:
            self._show_pace(canvas, self._pace, moment.factor)
        number = int(self._numbers[moment.step_index])
        if number == self._shown:
            return
        self._shown = number
        layout, theme, size = self._layout, self._theme, self._layout.px(TITLE)
        text = format_count(number)
        right = self._number_right - text_width(text, size, bold=True) - layout.px(8)
        has_moved = right != self._label_right
        if has_moved and self._label is not None:
            canvas.restore(self._label)
        self._number.show(canvas, text, size, theme.ink, bold=True)
        if has_moved:
            self._label_right = right
            self._label = canvas.text("step", right, self._baseline, layout.px(BODY), theme.muted, align="right")

    def _show_pace(self, canvas: Canvas, pace: Readout, factor: float) -> None:
        text = _PACE_WORDS.get(factor)
        if text is None:
            pace.hide(canvas)
        else:
            color = self._theme.muted if factor > 1 else self._theme.empty
            pace.show(canvas, text, self._layout.px(BODY), color)
