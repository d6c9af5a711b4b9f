"""What any recorder in Python costs the example trainer that copies a step before the call returns: the copies, and nothing else.

Nothing is checked, sent, or kept. A recorder can't be this quick; it shows what is left to win.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["BareRecorder"]

_N_ROWS = 256


class BareRecorder:
    """Takes the calls that the example trainer makes, all of one kind; each overwrites one 256 calls before."""

    def __init__(self) -> None:
        self._rows: np.ndarray[Any, np.dtype[Any]] | None = None
        self._row = 0

    def record_batch(self, *values: Any, lanes: Any, **named_values: Any) -> None:
        """Copy the arrays into one row; the lanes never change."""
        del lanes
        arrays = (*values, *named_values.values())
        if self._rows is None:
            kinds = [np.asarray(array) for array in arrays]
            layout = np.dtype([(str(index), kind.dtype, kind.shape) for index, kind in enumerate(kinds)], align=True)
            self._rows = np.empty(_N_ROWS, layout)
            self._columns = [self._rows[name] for name in layout.names or ()]
        row = self._row = (self._row + 1) % _N_ROWS
        for column, array in zip(self._columns, arrays, strict=True):
            column[row] = array if array.__class__ is np.ndarray else array.numpy()

    def keep(self, *_of_episode: Any) -> None:
        """Nothing."""

    def finish_episode(self, *_of_episode: Any) -> None:
        """Nothing."""
