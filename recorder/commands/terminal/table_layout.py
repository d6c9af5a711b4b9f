"""Chooses the columns of a table that fit a terminal, from their widths alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["GAP_WIDTH", "TableLayout", "lay_out"]

GAP_WIDTH = 2
"""Characters between two columns."""

_LEAST_FOLDED_WIDTH = 20
"""Narrowest folded column; on a narrower terminal the lines wrap."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Which columns are shown, and how wide.

    Args:
        widths: width of each shown column by key, in order.
        left_out: keys of the hidden columns, in order.
        is_cut: whether the folded text is cut to one line.
    """

    widths: Mapping[str, int]
    left_out: Sequence[str]
    is_cut: bool

    @property
    def width(self) -> int:
        """Width of the table."""
        return _total(self.widths)


def lay_out(
    widths: Mapping[str, int],
    room: int | None,
    *,
    folded: str | None = None,
    spared: Sequence[str] = (),
    cuts: bool = False,
) -> TableLayout:
    """Choose the columns, and the width of the folded one.

    A column that is neither folded nor spared is always shown at its full width.

    Args:
        widths: full width of each column by key, heading included.
        room: columns of the terminal; None sets no limit.
        folded: key of the column that may be narrower.
        spared: keys of columns that may be hidden, in this order.
        cuts: cut the folded text to one line once a column is hidden.
    """
    if room is None:
        return TableLayout(widths, (), is_cut=False)
    shown = dict(widths)
    for key in spared:
        if _total(shown) - _spare_width(shown, folded) <= room:
            break
        shown.pop(key, None)
    if folded in shown:
        shown[folded] -= min(_spare_width(shown, folded), max(0, _total(shown) - room))
    left_out = [key for key in widths if key not in shown]
    return TableLayout(shown, left_out, is_cut=cuts and bool(left_out))


def _spare_width(widths: Mapping[str, int], folded: str | None) -> int:
    """How much narrower the folded column may get."""
    return 0 if folded is None or folded not in widths else max(0, widths[folded] - _LEAST_FOLDED_WIDTH)


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP_WIDTH * max(0, len(widths) - 1)
