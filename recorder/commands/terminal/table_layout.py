"""Which columns of a table a terminal has room for. It knows widths alone: what stands in a cell is its user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["GAP_WIDTH", "TableLayout", "lay_out"]

GAP_WIDTH = 2
"""Columns of the terminal between two columns of a table."""

_LEAST_FOLDED_WIDTH = 20
"""What folded text keeps on the narrowest terminal, whose own line breaks do the rest."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What is shown, and how wide.

    Args:
        widths: of each column that is shown, by its key, in their order.
        left_out: keys of the others, in their order.
        is_cut: whether the folded text has one line, and not as many as it takes.
    """

    widths: Mapping[str, int]
    left_out: Sequence[str]
    is_cut: bool

    @property
    def width(self) -> int:
        """Of the whole table."""
        return _total(self.widths)


def lay_out(
    widths: Mapping[str, int],
    room: int | None,
    *,
    folded: str | None = None,
    spared: Sequence[str] = (),
    cuts: bool = False,
) -> TableLayout:
    """Choose the columns, and how wide the one is whose text may be folded.

    Nothing is left out that has room. A column that is neither folded nor spared keeps its width even where the
    terminal has less.

    Args:
        widths: what each column takes, heading included, by its key.
        room: columns of the terminal; None is as many as the table takes.
        folded: key of the column that may be narrower.
        spared: keys of columns that may be left out, the first to go first.
        cuts: give the folded text one line once a column is left out.
    """
    if room is None:
        return TableLayout(widths, (), is_cut=False)
    shown = dict(widths)
    for key in spared:
        if _total(shown) - _spare_width(shown, folded) <= room:
            break
        del shown[key]
    if folded in shown:
        shown[folded] -= min(_spare_width(shown, folded), max(0, _total(shown) - room))
    left_out = [key for key in widths if key not in shown]
    return TableLayout(shown, left_out, is_cut=cuts and bool(left_out))


def _spare_width(widths: Mapping[str, int], folded: str | None) -> int:
    """By how much the folded column can be narrower."""
    return 0 if folded is None or folded not in widths else max(0, widths[folded] - _LEAST_FOLDED_WIDTH)


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP_WIDTH * max(0, len(widths) - 1)
