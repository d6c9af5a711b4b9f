from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.episode import EpisodeMetadata, Substrate
from worker.video.canvas.geometry import Rect
from worker.video.panels.parts.board import make_board

AREA = Rect(10, 20, 400, 300)


def board_of(positions, *, affordances=(), gap=10, **metadata):
    array = np.array(positions, np.float64).reshape(len(positions), -1)
    return make_board(AREA, array, affordances, EpisodeMetadata(**metadata), gap=gap)


def test_a_cell_is_drawn_at_its_column_and_row() -> None:
    board = board_of([(0, 0)], grid_size=8)
    floor = board.floors[0]
    assert (board.n_columns, board.n_rows) == (8, 8)
    assert board.place((0, 0)) == (floor.x + board.cell[0] / 2, floor.y + board.cell[1] / 2)
    assert board.place((7, 0))[0] == floor.right - board.cell[0] / 2
    assert board.place((0, 7))[1] == floor.bottom - board.cell[1] / 2


def test_a_grid_grows_to_contain_positions_outside_its_declared_size() -> None:
    board = board_of([(0, 0), (9, 2)], affordances=[(3, 12)], grid_size=8)
    assert (board.n_columns, board.n_rows) == (10, 13)


def test_a_one_dimensional_world_is_one_row() -> None:
    board = board_of([(0,), (4,)], grid_size=6)
    assert (board.n_columns, board.n_rows) == (6, 1)
    assert board.place((4,))[1] == board.floors[0].center[1]


def test_a_three_dimensional_world_is_drawn_as_floors() -> None:
    board = board_of([(0, 0, 0), (2, 2, 2)], grid_size=3)
    assert len(board.floors) == 3
    assert board.floor_of((1, 1, 2)) == 2
    assert board.floors[2].contains(Rect(*map(int, board.place((1, 1, 2))), 1, 1))
    for i, one in enumerate(board.floors):
        assert AREA.contains(one)
        assert not any(one.overlaps(other) for other in board.floors[i + 1 :])


def test_a_tower_of_too_many_floors_is_seen_from_above() -> None:
    assert len(board_of([(0, 0, 0), (1, 1, 40)]).floors) == 1


def test_fractional_positions_make_a_plane() -> None:
    board = board_of([(0.25, 0.5), (3.75, 2.0)])
    assert not board.has_cells
    assert board.floors[0].contains(Rect(*map(int, board.place((3.75, 2.0))), 1, 1))


def test_a_continuous_substrate_keeps_its_declared_size() -> None:
    board = board_of([(1, 1), (2, 2)], substrate=Substrate("continuous", 2, 10, 5))
    floor = board.floors[0]
    assert floor.width == pytest.approx(2 * floor.height, abs=2)
    assert board.place((10, 5)) == pytest.approx((floor.right, floor.bottom), abs=2)


def test_a_nan_position_is_not_drawn() -> None:
    board = board_of([(math.nan, 0), (3, 3)])
    assert board.place((math.nan, 0)) is None
    assert board.place((math.inf, 0)) is None


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=20))
def test_every_position_is_within_the_area(positions: list[tuple[float, float]]) -> None:
    board = board_of(positions)
    for position in positions:
        x, y = board.place(position)
        assert AREA.x - 1 <= x <= AREA.right + 1
        assert AREA.y - 1 <= y <= AREA.bottom + 1
