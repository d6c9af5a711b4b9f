"""Columns that readers refuse, and with them the whole file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recorder.chunk import MAX_FRAME_BYTES, ColumnData
from recorder.errors import EpisodeFileError
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding

__all__ = ["unreadable"]

_MAX_CHUNK_COLUMNS = MAX_COLUMNS // 2
"""The other half is room for columns that later chunks add."""

_MAX_STEP_BYTES = MAX_FRAME_BYTES // 2
"""A step that is larger, all columns together, would make a frame that readers refuse."""


def unreadable(columns: Mapping[str, ColumnData]) -> list[tuple[str, str]]:
    """Names of the columns that a chunk must not have (a name too long, a value too large, one column too many), and why."""
    found = []
    step_bytes = n_columns = 0
    for name, data in columns.items():
        values = data.values
        encoding = Encoding.BITS if values.dtype == np.bool_ else Encoding.PLAIN
        try:
            spec = ColumnSpec.from_list([name, values.dtype.str, list(values.shape[1:]), str(encoding)])
        except EpisodeFileError as error:
            found.append((name, str(error)))
            continue
        n_columns += 1
        step_bytes += spec.step_bytes
        if n_columns > _MAX_CHUNK_COLUMNS or step_bytes > _MAX_STEP_BYTES:
            problem = f"{name}: more than {_MAX_CHUNK_COLUMNS} columns, or {_MAX_STEP_BYTES} bytes, in one step"
            found.append((name, problem))
            step_bytes -= spec.step_bytes
    return found
