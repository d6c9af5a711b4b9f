"""Draws the board as characters: two a cell, or scaled to the room there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from recorder.outline.looks import DARK
from recorder.terminal_player.film import Moment

__all__ = ["affordance_marks", "draw_board"]

_AGENT = "●"
_TRAIL = "·"
_EMPTY = " "
_MAX_MARKS = 26
_MAX_SCALE = 4
"""Characters in the height of a cell, at most."""


def affordance_marks(kinds: Iterable[str]) -> dict[str, str]:
    """A letter for each kind of affordance: the first free one of its name, else the next free one of the alphabet."""
    marks: dict[str, str] = {}
    alphabet = [chr(ord("A") + number) for number in range(_MAX_MARKS)]
    for name in kinds:
        wanted = [letter for letter in name.upper() if letter in alphabet]
        free = [letter for letter in (*wanted, *alphabet) if letter not in marks.values()]
        marks[name] = free[0] if free else "*"
    return marks


def draw_board(outline: Mapping[str, Any], moment: Moment, width: int, height: int) -> list[Text]:
    """The board within a frame; empty if the episode has no positions.

    Args:
        outline: as ``Outline.to_map`` gives it.
        width, height: room in characters.
    """
    low, high = outline["bounds"]["low"][:2], outline["bounds"]["high"][:2]
    if not low or width < 6 or height < 3:
        return []
    if len(low) == 1:
        low, high = [*low, 0.0], [*high, 1.0]
    across, down = high[0] - low[0], high[1] - low[1]
    n_columns, n_rows = _size(across, down, width - 2, height - 2)
    cells = [[(_EMPTY, "")] * n_columns for _ in range(n_rows)]

    def put(position: Sequence[float], sign: str, color: str) -> None:
        x, y = position[0], position[1] if len(position) > 1 else 0.0  # NaN is nowhere
        if not (low[0] <= x <= high[0] and low[1] <= y <= high[1]):
            return
        column = min(int((x - low[0]) / across * n_columns), n_columns - 1)
        row = min(int((y - low[1]) / down * n_rows), n_rows - 1)
        cells[row][column] = (sign, color)

    for position in moment.trail:
        put(position, _TRAIL, moment.color)
    kinds = outline["affordance_kinds"]
    marks = affordance_marks(dict.fromkeys(kinds.values()))
    colors = DARK.affordances
    for name, cell in outline["affordances"].items():
        if len(cell) == outline["substrate"]["position_dim"]:
            put(cell, marks[kinds[name]], colors[outline["affordance_numbers"][name] % len(colors)])
    for figure in moment.others:
        put(figure.position, figure.sign, figure.color)
    if moment.position:
        put(moment.position, _AGENT, moment.color)
    is_wide = 2 * n_columns <= width - 2
    scale = min((width - 2) // (2 * n_columns), (height - 2) // n_rows, _MAX_SCALE) if is_wide else 1
    return _framed(cells, scale, is_wide=is_wide)


def _size(across: float, down: float, width: int, height: int) -> tuple[int, int]:
    """Columns and rows: one for each cell if they fit at two characters a cell, else in proportion."""
    if 2 * across <= width and down <= height:
        return max(1, round(across)), max(1, round(down))
    scale = min(width / (2 * across), height / down)
    return max(1, min(int(2 * across * scale), width)), max(1, min(int(down * scale), height))


def _framed(cells: list[list[tuple[str, str]]], scale: int, *, is_wide: bool) -> list[Text]:
    """The cells in a frame; a cell's sign stands in the middle of ``scale`` lines."""
    cell_width = 2 * scale if is_wide else 1
    edge = "─" * (len(cells[0]) * cell_width)
    lines = [Text(f"┌{edge}┐", "bright_black")]
    blank = f"│{' ' * len(edge)}│"
    for row in cells:
        line = Text.assemble(("│", "bright_black"))
        for sign, color in row:
            line.append(sign.rjust(scale).ljust(cell_width), color)
        lines += [Text(blank, "bright_black")] * ((scale - 1) // 2)
        lines.append(line.append("│", "bright_black"))
        lines += [Text(blank, "bright_black")] * (scale // 2)
    return [*lines, Text(f"└{edge}┘", "bright_black")]
