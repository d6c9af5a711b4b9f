"""Which values are pictures, and where their rows, columns and channels are.

``episode_file/FORMAT.md``, section "Pictures", is the specification; the page has the same rule in ``decode/pictures.js``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

__all__ = ["MIN_SIDE", "PictureShape", "is_stored_as_picture", "picture_shape"]

MIN_SIDE = 16
"""Smaller arrays, such as the symbolic grids of MiniGrid, are numbers."""

_MAX_CHANNELS = 16
_STORED_DTYPES = ("|u1", "<u2")
"""Dtypes whose pictures are stored as differences from the picture before."""
_SHOWN_DTYPES = (*_STORED_DTYPES, "<f2", "<f4", "<f8")


class PictureShape(NamedTuple):
    """How one step's value holds one picture, or a stack of them, the newest last.

    Args:
        height, width: of one picture.
        channels: of one picture: 1 for grey, 3 for red, green and blue.
        n_pictures: pictures in the value.
        stack_axis: the axis along which a stack moves on; None where there is no stack.
        n_new: how far it moves with one picture.
        axes: of height, width and channels in the value; the last is -1 where there is none.
    """

    height: int
    width: int
    channels: int
    n_pictures: int
    stack_axis: int | None
    n_new: int
    axes: tuple[int, int, int]


@lru_cache(maxsize=1024)
def picture_shape(dtype: str, shape: tuple[int, ...]) -> PictureShape | None:
    """How values of a dtype and shape are shown as pictures; None for those that are none."""
    if dtype not in _SHOWN_DTYPES:
        return None
    if len(shape) == 4 and 2 <= shape[0] <= _MAX_CHANNELS:
        one = picture_shape(dtype, shape[1:])
        if one is None or one.n_pictures > 1:
            return None
        height, width, channel = one.axes
        axes = (height + 1, width + 1, channel + 1 if channel >= 0 else -1)
        return one._replace(n_pictures=shape[0], stack_axis=0, n_new=1, axes=axes)
    if len(shape) == 2:
        axes = (0, 1, -1)
    elif len(shape) == 3 and shape[2] <= _MAX_CHANNELS:
        axes = (0, 1, 2)
    elif len(shape) == 3 and shape[0] <= _MAX_CHANNELS:
        axes = (1, 2, 0)
    else:
        return None
    height, width = shape[axes[0]], shape[axes[1]]
    n_channels = shape[axes[2]] if axes[2] >= 0 else 1
    if min(height, width) < MIN_SIDE or n_channels == 0:
        return None
    channels = 3 if n_channels % 3 == 0 else 1
    n_pictures = n_channels // channels
    return PictureShape(height, width, channels, n_pictures, axes[2] if n_pictures > 1 else None, channels, axes)


def is_stored_as_picture(dtype: str, shape: tuple[int, ...]) -> bool:
    """Whether a column of this dtype and shape is a picture column: its values are stored as differences.

    So are the pictures of a group of agents, which have an axis of agents in front.
    """
    return dtype in _STORED_DTYPES and any(picture_shape(dtype, one) is not None for one in (shape, shape[1:]))
