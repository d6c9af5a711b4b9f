"""Columns that readers refuse, and with them the whole file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recorder.chunk import ColumnData
from recorder.errors import EpisodeFileError
from recorder.framing import MAX_FRAME_BYTES
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, is_text

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
        kind = [name, values.dtype.str, list(values.shape[1:]), str(encoding)]
        try:
            spec = ColumnSpec.from_list(ColumnSpec.of_texts(name).to_list() if is_text(values) else kind)
        except EpisodeFileError as error:
            found.append((name, str(error)))
            continue
        n_columns += 1
        value_bytes = values.dtype.itemsize if spec.is_text else spec.step_bytes
        step_bytes += value_bytes
        if n_columns > _MAX_CHUNK_COLUMNS or step_bytes > _MAX_STEP_BYTES:
            problem = f"{name}: more than {_MAX_CHUNK_COLUMNS} columns, or {_MAX_STEP_BYTES} bytes, in one step"
            found.append((name, problem))
            step_bytes -= value_bytes
    return found
