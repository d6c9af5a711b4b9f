"""Memory for 256 calls of ``record_batch``: each call copies its arrays into one row, the publisher turns rows
into columns of lanes.

One thread writes rows, one reads those below ``n_rows``; a row is complete before ``n_rows`` counts it, so no lock is
needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_STEPS

__all__ = ["NEVER_ARRIVED", "NO_STEP", "BatchBlock", "BatchKind"]

NO_STEP = -1
"""In the place of an episode's id: the lane has no step in this call."""

NEVER_ARRIVED = -2
"""The same in a row whose values never arrived; the intake refuses it, and counts its steps."""

BatchKind = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Column name to dtype and shape with the leading lane axis."""

_MAX_BLOCK_BYTES = 32 * 2**20
"""With large observations a block holds fewer rows. Each value stands in it twice: as it came, and by lane."""


class BatchBlock:
    """Columns ``dtype[n_rows, n_lanes, …]`` that are filled row by row.

    Args:
        kind: the columns.
        lanes: ``int64[n_lanes]``, the lane of each place.
    """

    def __init__(self, kind: BatchKind, lanes: NDArray[np.int64]) -> None:
        self.kind = kind
        self.lanes = lanes
        row_bytes = sum(dtype.itemsize * math.prod(shape) for dtype, shape in kind.values()) or 1
        self.step_bytes = max(1, row_bytes // len(lanes))
        """Memory that one step of one lane takes."""
        self.chunk_steps = max(1, min(MAX_CHUNK_STEPS, MAX_CHUNK_BYTES // self.step_bytes))
        self.max_rows = max(1, min(MAX_CHUNK_STEPS, _MAX_BLOCK_BYTES // (2 * row_bytes)))
        # A row is one piece of memory: a call touches few lines of it, and it travels as it is.
        places = (np.dtype(np.int64), lanes.shape)
        layout = np.dtype([(str(index), *of) for index, of in enumerate((places, places, *kind.values()))], align=True)
        self._rows = np.empty(self.max_rows, layout)
        self.episode_ids, self.steps, *columns = (self._rows[field] for field in layout.names or ())
        self.columns: dict[str, NDArray[Any]] = dict(zip(kind, columns, strict=True))
        self._by_lane = {
            name: np.empty((shape[0], self.max_rows, *shape[1:]), dtype) for name, (dtype, shape) in kind.items()
        }
        self._n_turned = 0
        self.n_rows = 0

    def write(self, episode_ids: Any, steps: Any, arrays: Mapping[str, NDArray[Any]]) -> int:
        """Copy one call's arrays into the next row; returns its index."""
        row = self.n_rows
        self.episode_ids[row] = episode_ids
        self.steps[row] = steps
        columns = self.columns
        for name, array in arrays.items():
            columns[name][row] = array
        self.n_rows = row + 1
        return row

    def retire(self) -> None:
        """Have no room for further rows; from any thread."""
        self.max_rows = 0

    def raw_rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """``uint8[n_bytes]``: rows as they lie in memory, a view; the same in every block of this kind and number of lanes."""
        return self._rows[start:stop].view(np.uint8)

    def turn(self, n_rows: int) -> None:
        """Put the rows up to ``n_rows`` beside those of their lane: all lanes at once, while the rows are fresh."""
        new = slice(self._n_turned, n_rows)
        for name, by_lane in self._by_lane.items():
            by_lane[:, new] = self.columns[name][new].swapaxes(0, 1)
        self._n_turned = n_rows

    def steps_of(self, name: str, place: int, start: int, stop: int) -> NDArray[Any]:
        """``dtype[stop - start, …]``: a column of one lane, a view; the rows have been turned."""
        return self._by_lane[name][place, start:stop]
