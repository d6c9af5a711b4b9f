"""Lines beside the board: facts of the step, meters, Q-values, and the key to the board."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from recorder.outline import meter_level
from recorder.outline.looks import DARK
from recorder.terminal_player.board import affordance_marks
from recorder.terminal_player.film import Moment
from recorder.values.number_format import DECIMALS, format_change, format_meter, format_number

__all__ = ["bar", "draw_panels"]

_NAME_WIDTH = 14
_BAR_WIDTH = 12
_MAX_ROWS = 12
"""Most meters and most actions; the actions with the highest values are shown."""


def draw_panels(outline: Mapping[str, Any], moment: Moment) -> list[Text]:
    """All lines, the most important first."""
    action = "" if moment.action is None else _action_name(_names(outline, moment, "action_names"), moment.action)
    facts = Text.assemble(
        ("return so far ", "bright_black"), format_number(moment.return_so_far), "  ",
        ("reward ", "bright_black"), format_change(moment.reward),
    )  # fmt: skip
    lines = [facts]
    if moment.agent:
        lines.insert(0, Text.assemble(("agent ", "bright_black"), (_printable(moment.agent), moment.color)))
    if action:
        lines.append(Text.assemble(("action ", "bright_black"), action))
    return [*lines, *_meters(outline, moment), *_q_values(outline, moment), *_key(outline)]


def bar(share: float, width: int) -> str:
    """A bar of eighths of characters, filled to ``0 <= share <= 1``."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


def _meters(outline: Mapping[str, Any], moment: Moment) -> list[Text]:
    rows = list(
        zip(outline["meter_labels"], moment.meters, outline["meter_ranges"], outline["meter_levels"], strict=False)
    )
    if not rows:
        return []
    lines = [Text(), Text("Meters", "bold")]
    for name, value, (low, high), has_levels in rows[:_MAX_ROWS]:
        share = (value - low) / (high - low) if math.isfinite(value) else 0.0
        level = meter_level(share) if has_levels and math.isfinite(value) else "good"
        lines.append(
            Text.assemble(
                _named(name), (bar(share, _BAR_WIDTH), getattr(DARK, level)), f" {format_meter(value, low, high):>6}",
                (" ▼" if level == "critical" else "", DARK.critical),
            )
        )  # fmt: skip
    return [*lines, *_more(len(rows))]


def _q_values(outline: Mapping[str, Any], moment: Moment) -> list[Text]:
    values = {number: value for number, value in enumerate(moment.q_values) if math.isfinite(value)}
    if not values:
        return []
    low, high = min(values.values()), max(values.values())
    ranked = sorted(values, key=lambda number: (number != moment.action, -values[number]))
    shown = sorted(ranked[:_MAX_ROWS])
    lines = [Text(), Text("Q-values", "bold")]
    labels = _names(outline, moment, "action_labels")
    for number in shown:
        share = (values[number] - low) / (high - low) if high > low else 1.0
        is_masked = number < len(moment.is_masked) and moment.is_masked[number]
        style = "strike bright_black" if is_masked else "bold" if number == moment.action else ""
        line = Text.assemble(("▶ " if number == moment.action else "  ", DARK.agent))
        line.append(_named(_action_name(labels, number), _NAME_WIDTH - 2), style)
        line.append(bar(share, _BAR_WIDTH), DARK.agent if number == moment.action else "bright_black")
        line.append(f" {format_number(values[number], DECIMALS['q_value']):>6}", style)
        lines.append(line)
    return [*lines, *_more(len(values))]


def _key(outline: Mapping[str, Any]) -> list[Text]:
    """Which letter is which kind of affordance."""
    kinds = outline["affordance_kinds"]
    one_of = {kind: name for name, kind in reversed(kinds.items())}
    marks = affordance_marks(dict.fromkeys(kinds.values()))
    if not marks or not outline["substrate"]["position_dim"]:
        return []
    colors = DARK.affordances
    lines = [Text(), Text("Places", "bold")]
    for kind in list(marks)[:_MAX_ROWS]:
        color = colors[outline["affordance_numbers"][one_of[kind]] % len(colors)]
        lines.append(Text.assemble((f"{marks[kind]} ", color), _printable(kind)))
    return [*lines, *_more(len(marks))]


def _more(n: int) -> list[Text]:
    return [Text(f"{n - _MAX_ROWS} more", "bright_black")] if n > _MAX_ROWS else []


def _names(outline: Mapping[str, Any], moment: Moment, kind: str) -> Sequence[str]:
    """The names or labels of the actions of the agent whose numbers are shown."""
    own = (row[kind] for row in outline["agents"] if row["id"] == moment.agent)
    found: Sequence[str] = next(own, ()) or outline[kind]
    return found


def _action_name(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"action {number}"


def _named(name: str, width: int = _NAME_WIDTH) -> str:
    """The name in a column; a long one is cut in the middle, since similar names differ at their ends."""
    name = _printable(name)
    if len(name) > width - 1:
        tail = (width - 2) // 2
        name = f"{name[: width - 2 - tail]}…{name[-tail:]}"
    return name.ljust(width)


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)
