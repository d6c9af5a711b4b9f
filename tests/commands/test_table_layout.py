"""Which columns a table shows, and how wide they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.commands.terminal.table_layout import lay_out

WIDTHS = {"run": 10, "reward": 6, "reasons": 50, "file": 30}
"""With the gaps between them 102."""
SPARED = ("file", "reward")


@pytest.mark.parametrize(
    ("room", "shown", "is_cut"),
    [
        (None, [10, 6, 50, 30], False),
        (102, [10, 6, 50, 30], False),
        (101, [10, 6, 49, 30], False),
        (72, [10, 6, 20, 30], False),
        (71, [10, 6, 50], True),
        (40, [10, 6, 20], True),
        (39, [10, 27], True),
        (5, [10, 20], True),
    ],
)
def test_a_table_folds_first_and_then_leaves_out_the_least_important_columns(
    room: int | None, shown: list[int], is_cut: bool
) -> None:
    layout = lay_out(WIDTHS, room, folded="reasons", spared=SPARED, cuts=True)
    assert list(layout.widths.values()) == shown
    assert [*layout.widths, *layout.left_out] == [key for key in WIDTHS if key in layout.widths] + list(layout.left_out)
    assert layout.is_cut == is_cut


def test_a_folded_column_can_be_left_out_too() -> None:
    layout = lay_out(WIDTHS, 50, folded="reasons", spared=("reasons", "file"))
    assert (list(layout.widths), list(layout.left_out), layout.is_cut) == (
        ["run", "reward", "file"],
        ["reasons"],
        False,
    )


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1), st.integers(1, 200), st.data())
def test_a_table_fits_its_terminal_while_columns_can_be_left_out(
    widths: dict[str, int], room: int, data: st.DataObject
) -> None:
    spared = data.draw(st.permutations(sorted(widths)))
    layout = lay_out(widths, room, folded=min(widths), spared=spared)
    assert layout.width <= room or not layout.widths
    assert sorted([*layout.widths, *layout.left_out]) == sorted(widths)
