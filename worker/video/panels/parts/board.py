"""Maps positions in the world to pixels, as a grid of cells or as a plane. Pure.

In a grid y points down, as in an array. A three-dimensional world shows its floors side by side; with more dimensions
or too many floors it is seen from above. Fractional positions, or a substrate called continuous, give a plane without
cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.episode import EpisodeMetadata
from worker.video.canvas.geometry import Rect

__all__ = ["Board", "make_board"]

_MAX_CELLS = 512
"""Cells along one side; a larger world is drawn as a plane."""
_MAX_FLOORS = 16


@dataclass(frozen=True, slots=True)
class Board:
    """How positions become pixels.

    Args:
        floors: the rectangle of each floor; more than one only in three dimensions.
        cell: width and height of a cell, or of one unit of a plane, in pixels.
        origin: the position at a floor's upper left corner.
        n_columns: cells along x; 0 on a plane.
        n_rows: cells along y; 0 on a plane.
        first_floor: the z of the first floor.
    """

    floors: tuple[Rect, ...]
    cell: tuple[float, float]
    origin: tuple[float, float]
    n_columns: int
    n_rows: int
    first_floor: int = 0

    @property
    def has_cells(self) -> bool:
        """Whether the world is a grid."""
        return self.n_columns > 0

    def place(self, position: Sequence[float] | NDArray[np.float64]) -> tuple[float, float] | None:
        """Return a position's pixel ``(x, y)``; None if it is NaN or infinite."""
        x = float(position[0]) if len(position) > 0 else 0.0
        y = float(position[1]) if len(position) > 1 else 0.0
        z = float(position[2]) if len(position) > 2 and len(self.floors) > 1 else float(self.first_floor)
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
            return None
        floor = self.floors[min(max(round(z) - self.first_floor, 0), len(self.floors) - 1)]
        middle = 0.5 if self.has_cells else 0.0
        return (
            floor.x + (x - self.origin[0] + middle) * self.cell[0],
            floor.y + (y - self.origin[1] + middle) * self.cell[1],
        )

    def floor_of(self, position: Sequence[float] | NDArray[np.float64]) -> int:
        """Return the index of a position's floor."""
        if len(position) < 3 or len(self.floors) == 1 or not math.isfinite(position[2]):
            return 0
        return min(max(round(float(position[2])) - self.first_floor, 0), len(self.floors) - 1)


def make_board(
    area: Rect,
    positions: NDArray[np.float64],
    affordances: Sequence[Sequence[float]],
    metadata: EpisodeMetadata,
    *,
    gap: int,
) -> Board:
    """Fit the world into an area.

    Args:
        positions: ``float64[n_steps, n_coordinates]``, at least one coordinate.
        affordances: their cells.
        gap: pixels between floors.
    """
    n_coordinates = positions.shape[1]
    points = [positions, *(np.array([cell]) for cell in affordances if len(cell) == n_coordinates)]
    points_array = np.concatenate(points)
    points_array = points_array[np.isfinite(points_array).all(axis=1)]
    if len(points_array) == 0:
        points_array = np.zeros((1, n_coordinates))
    low, high = points_array.min(axis=0), points_array.max(axis=0)
    width, height = _declared_size(metadata, n_coordinates)
    continuous = metadata.substrate is not None and metadata.substrate.type == "continuous"
    whole = bool((points_array == np.round(points_array)).all())
    if (
        continuous
        or not whole
        or max(high[0], width) - min(low[0], 0) >= _MAX_CELLS
        or (n_coordinates > 1 and max(high[1], height) - min(low[1], 0) >= _MAX_CELLS)
    ):
        return _plane(area, low, high, (width, height), n_coordinates)
    left, top = int(min(0, low[0])), int(min(0, low[1])) if n_coordinates > 1 else 0
    n_columns = max(width, int(high[0]) + 1) - left
    n_rows = max(height, int(high[1]) + 1) - top if n_coordinates > 1 else 1
    first_floor, n_floors = 0, 1
    if n_coordinates == 3:
        first_floor = int(min(0, low[2]))
        n_floors = int(high[2]) + 1 - first_floor
        if n_floors > _MAX_FLOORS:
            first_floor, n_floors = 0, 1
    # choose the arrangement of floors with the largest cells
    across = max(
        range(1, n_floors + 1),
        key=lambda n: _cell_side(area, n, math.ceil(n_floors / n), n_columns, n_rows, gap),
    )
    down = math.ceil(n_floors / across)
    side = _cell_side(area, across, down, n_columns, n_rows, gap)
    floor_width, floor_height = max(1, int(side * n_columns)), max(1, int(side * n_rows))
    x = area.x + (area.width - across * floor_width - (across - 1) * gap) // 2
    y = area.y + (area.height - down * floor_height - (down - 1) * gap) // 2
    floors = tuple(
        Rect(
            x + (i % across) * (floor_width + gap), y + (i // across) * (floor_height + gap), floor_width, floor_height
        )
        for i in range(n_floors)
    )
    return Board(floors, (side, side), (left, top), n_columns, n_rows, first_floor)


def _cell_side(area: Rect, across: int, down: int, n_columns: int, n_rows: int, gap: int) -> float:
    """Return the side of the largest cell that fits; an integer if cells are large enough for that to be visible."""
    side = min((area.width - (across - 1) * gap) / across / n_columns, (area.height - (down - 1) * gap) / down / n_rows)
    side = max(side, 1e-3)
    return float(math.floor(side)) if side >= 8 else side


def _plane(
    area: Rect, low: NDArray[np.float64], high: NDArray[np.float64], size: tuple[int, int], n_coordinates: int
) -> Board:
    """Return a plane that contains all positions; in one dimension a horizontal line in the middle."""
    spans = []
    for axis in range(2):
        if axis >= n_coordinates:
            spans.append((0.0, 0.0))
        elif size[axis] and low[axis] >= 0 and high[axis] <= size[axis]:
            spans.append((0.0, float(size[axis])))
        else:
            border = 0.05 * (high[axis] - low[axis]) or 0.5
            spans.append((float(low[axis] - border), float(high[axis] + border)))
    (left, right), (top, bottom) = spans
    scale = area.width / (right - left)
    if n_coordinates > 1:
        scale = min(scale, area.height / (bottom - top))
    width = max(1, int((right - left) * scale))
    height = max(1, int((bottom - top) * scale)) if n_coordinates > 1 else max(1, area.height // 4)
    floor = Rect(area.x + (area.width - width) // 2, area.y + (area.height - height) // 2, width, height)
    if n_coordinates == 1:
        top = -height / 2 / scale
    return Board((floor,), (scale, scale), (left, top), 0, 0)


def _declared_size(metadata: EpisodeMetadata, n_coordinates: int) -> tuple[int, int]:
    """Return width and height from the metadata, or 0."""
    substrate, grid = metadata.substrate, metadata.grid_size
    if substrate is not None and substrate.width:
        return substrate.width, substrate.height or (substrate.width if n_coordinates > 1 else 1)
    if isinstance(grid, int):
        return grid, grid
    if grid:
        return int(grid[0]), int(grid[1]) if len(grid) > 1 else int(grid[0])
    return 0, 0
