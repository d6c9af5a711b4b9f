"""Columns of any kind, any bits in them, for property tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from recorder.chunk import ColumnData
from recorder.schema import ALLOWED_DTYPES

__all__ = ["assert_same_bits", "column_data", "column_kinds", "column_values"]

SHAPES = ((), (1,), (3,), (0,), (2, 3), (2, 1, 2))

_SPECIAL = {
    "<f2": [np.nan, np.inf, -np.inf, -0.0, 65504.0, 6e-8],
    "<f4": [np.nan, np.inf, -np.inf, -0.0, 3.4028235e38, 1e-45],
    "<f8": [np.nan, np.inf, -np.inf, -0.0, 1.7976931348623157e308, 5e-324],
    "<i8": [-(2**63), 2**63 - 1, -1, 0],
    "<u8": [2**64 - 1, 2**63, 0],
}


def column_kinds() -> st.SearchStrategy[tuple[str, tuple[int, ...]]]:
    """A dtype and the shape of one step's value."""
    return st.tuples(st.sampled_from(sorted(ALLOWED_DTYPES)), st.sampled_from(SHAPES))


@st.composite
def column_values(draw: st.DrawFn, kind: tuple[str, tuple[int, ...]], n_steps: int) -> NDArray[Any]:
    """``dtype[n_steps, *shape]``: any bits (NaN payloads too), and often the extremes of the dtype."""
    dtype, shape = np.dtype(kind[0]), kind[1]
    n_bytes = n_steps * int(np.prod(shape)) * dtype.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=n_bytes, max_size=n_bytes)), np.uint8)
    values = ((raw & 1).view(np.bool_) if dtype == np.bool_ else raw.view(dtype)).copy().reshape(n_steps, *shape)
    special = _SPECIAL.get(kind[0], [])
    if special and values.size and draw(st.booleans()):
        flat = values.reshape(-1)
        for index, number in enumerate(draw(st.lists(st.sampled_from(special), max_size=flat.size))):
            flat[index] = number
    return values


@st.composite
def column_data(draw: st.DrawFn, kind: tuple[str, tuple[int, ...]], n_steps: int) -> ColumnData:
    """The same, for all of the steps or for those of a mask."""
    if draw(st.booleans()):
        return ColumnData(draw(column_values(kind, n_steps)))
    present = np.array(draw(st.lists(st.booleans(), min_size=n_steps, max_size=n_steps)), np.bool_)
    return ColumnData(draw(column_values(kind, int(present.sum()))), present)


def assert_same_bits(found: NDArray[Any], expected: NDArray[Any]) -> None:
    """Equal dtype, shape and bits: NaN payloads and the sign of zero count."""
    assert (found.dtype.str, found.shape) == (expected.dtype.str, expected.shape)
    assert found.tobytes() == expected.tobytes()
