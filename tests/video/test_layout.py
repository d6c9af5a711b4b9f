from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.video.options import size_at_dpi
from worker.video.layout import make_layout

EVEN = st.integers(80, 2000).map(lambda half: 2 * half)


@given(
    width=EVEN,
    height=EVEN,
    n_meters=st.integers(0, 3),
    n_q_values=st.integers(0, 3),
    has_clock=st.booleans(),
    learning=st.booleans(),
)
def test_panels_never_overlap_and_stay_within_the_frame(
    width: int, height: int, n_meters: int, n_q_values: int, has_clock: bool, learning: bool
) -> None:
    layout = make_layout(
        width, height, n_meters=n_meters, n_q_values=n_q_values, has_clock=has_clock, has_learning_curve=learning
    )
    parts = [layout.header, *layout.panels, layout.progress]
    for part in parts:
        assert layout.frame.contains(part), part
        assert part.width > 0
        assert part.height > 0
    for one, other in combinations(parts, 2):
        assert not one.overlaps(other), (one, other)
    assert (layout.clock is not None) == has_clock
    if layout.clock is not None:
        assert layout.info.contains(layout.clock)


def test_panels_of_one_row_are_aligned() -> None:
    layout = make_layout(1920, 1080, n_meters=8, n_q_values=6, has_clock=True, has_learning_curve=True)
    assert layout.board.y == layout.info.y
    assert layout.board.bottom == layout.curve.bottom == layout.learning.bottom
    assert layout.meters.y == layout.q_values.y
    assert layout.info.right == layout.q_values.right == layout.learning.right == layout.header.right
    assert layout.meters.right == layout.curve.right


@pytest.mark.parametrize(
    ("dpi", "size"), [(80, (1280, 720)), (100, (1600, 900)), (120, (1920, 1080)), (150, (2400, 1350))]
)
def test_dpi_gives_the_promised_sizes(dpi: int, size: tuple[int, int]) -> None:
    assert size_at_dpi(dpi) == size


def test_every_dpi_gives_even_sides() -> None:
    for dpi in range(20, 513):
        assert [side % 2 for side in size_at_dpi(dpi)] == [0, 0]


@pytest.mark.parametrize(("width", "height"), [(1921, 1080), (1920, 1081), (0, 0), (100, 100), (20000, 1080)])
def test_an_impossible_size_is_refused(width: int, height: int) -> None:
    with pytest.raises(UsageError, match="an even number of pixels from 160 to 8192"):
        make_layout(width, height, n_meters=1, n_q_values=1, has_clock=False, has_learning_curve=False)
