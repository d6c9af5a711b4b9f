"""The card before an episode: its main numbers in large letters, and its place in the run."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.values.number_format import DECIMALS, format_count, format_number
from recorder.wording import reason_in_words
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.series import EpisodeSeries, LearningPoint
from worker.video.layout import Layout
from worker.video.panels.learning import draw_learning_curve
from worker.video.panels.panel import BODY, HEADING, TITLE, fitted

__all__ = ["draw_title_card"]


def draw_title_card(
    picture: Surface,
    series: EpisodeSeries,
    layout: Layout,
    theme: Theme,
    *,
    caption: str,
    learning_curve: Sequence[LearningPoint],
) -> None:
    """Draw the card.

    Args:
        caption: a line above the title; empty for none.
    """
    metadata = series.metadata
    picture.fill(layout.frame, theme.page)
    middle = layout.frame.width / 2
    width = layout.frame.width - 2 * layout.header.x
    title_size = round(layout.px(TITLE) * 2.0)
    baseline = round(layout.frame.height * (0.23 if learning_curve else 0.46))
    size = layout.px(BODY + 8)
    picture.text(
        fitted(caption, width, size), middle, baseline - round(title_size * 1.35), size, theme.accent, align="center"
    )
    title = fitted(f"Episode {metadata.episode_id}", width, title_size, bold=True)
    picture.text(title, middle, baseline, title_size, theme.ink, bold=True, align="center")
    facts = [
        ("steps", format_count(int(series.step_numbers[-1]) + 1)),
        ("return", format_number(metadata.total_reward)),
    ]
    if metadata.curriculum_stage is not None:
        facts.insert(0, ("stage", str(metadata.curriculum_stage)))
    if series.intrinsic_so_far is not None:
        facts.append(("task reward", format_number(metadata.extrinsic_reward)))
        weight = metadata.intrinsic_weight
        label = (
            "intrinsic reward" if weight is None else f"intrinsic reward × {format_number(weight, DECIMALS['weight'])}"
        )
        facts.append((label, format_number(metadata.intrinsic_reward)))
    if metadata.env_steps:
        facts.append(("environment steps", format_count(metadata.env_steps)))
    columns = Rect(round(middle - width * 0.36), 0, round(width * 0.72), 1).columns(len(facts), layout.px(16))
    value_size, label_size = layout.px(TITLE - 4), layout.px(HEADING)
    for (label, value), column in zip(facts, columns, strict=True):
        x = column.center[0]
        value = fitted(value, column.width, value_size, bold=True)
        picture.text(value, x, baseline + layout.px(100), value_size, theme.ink, bold=True, align="center")
        picture.text(
            fitted(label, column.width, label_size),
            x,
            baseline + layout.px(134),
            label_size,
            theme.muted,
            align="center",
        )
    line = baseline + layout.px(190)
    why = ", ".join(map(reason_in_words, series.reasons))
    for text in (f"Kept: {why}" if why else "", f"run {metadata.run_id}" if metadata.run_id else ""):
        if text:
            picture.text(
                fitted(text, width, layout.px(BODY)), middle, line, layout.px(BODY), theme.muted, align="center"
            )
            line += layout.px(34)
    if learning_curve:
        top = line + layout.px(10)
        plate = Rect(round(middle - width * 0.36), top, round(width * 0.72), layout.frame.height - layout.px(60) - top)
        draw_learning_curve(picture, plate, learning_curve, series.learning_point, layout, theme)
