"""How many pictures a sender may send: their own budget, so that numbers never wait for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recorder.chunk import MAX_CHUNK_PICTURE_BYTES, ColumnData
from recorder.values.picture_shape import is_stored_as_picture

__all__ = ["PictureBudget"]

_BURST_SECS = 4.0
"""What is not used is saved up for so long: an episode's first pictures take more than those that follow."""

_NEW_SHARE = 0.25
"""Weight of the newest chunk in the estimate of what a picture takes."""

_MAX_ENCODED_BYTES = 4 * 2**20
"""Of a chunk: pictures of noise fill it early."""


class PictureBudget:
    """Encoded bytes of pictures, refilled as time passes. One for each sender.

    Args:
        bytes_per_sec: of all pictures together.
        clock: seconds.
        is_tight: whether what waits for Redis leaves no room for pictures.
        on_left_out: told how many pictures were left out.
    """

    def __init__(
        self,
        bytes_per_sec: float,
        *,
        clock: Callable[[], float],
        is_tight: Callable[[], bool],
        on_left_out: Callable[[int], None],
    ) -> None:
        self._bytes_per_sec = bytes_per_sec
        self._clock = clock
        self._is_tight = is_tight
        self._on_left_out = on_left_out
        self._left_bytes = bytes_per_sec * _BURST_SECS
        self._refilled_at = clock()
        self._packed_share = 0.0
        """What is left of a picture's bytes when it is encoded; 0 before anybody knows."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of pictures, not encoded, at which a chunk is full."""
        return int(min(MAX_CHUNK_PICTURE_BYTES, _MAX_ENCODED_BYTES / max(self._packed_share, 1e-3)))

    def thin(self, columns: dict[str, ColumnData], n_steps: int) -> int:
        """Leave out pictures that the budget has no room for, evenly over the steps.

        Args:
            columns: of a chunk; changed in place.

        Returns:
            How many were left out.
        """
        pictures = {name: data for name, data in columns.items() if _is_picture(data)}
        if not pictures:
            return 0
        self._refill()
        n_left_out = 0
        is_tight = self._is_tight()
        left_bytes = self._left_bytes
        for name, (values, present) in pictures.items():
            n_pictures = len(values)
            picture_bytes = values.nbytes / n_pictures * self._packed_share
            n_affordable = 0 if is_tight or left_bytes <= 0 else n_pictures
            if n_affordable and picture_bytes:
                n_affordable = min(n_pictures, int(left_bytes / picture_bytes))
            left_bytes -= n_affordable * picture_bytes
            if n_affordable == n_pictures:
                continue
            n_left_out += n_pictures - n_affordable
            kept = np.arange(n_affordable) * n_pictures // max(n_affordable, 1)
            rows = np.arange(n_steps) if present is None else np.flatnonzero(present)
            mask = np.zeros(n_steps, np.bool_)
            mask[rows[kept]] = True
            if n_affordable:
                columns[name] = ColumnData(values[kept], mask)
            else:
                del columns[name]
        if n_left_out:
            self._on_left_out(n_left_out)
        return n_left_out

    def spend(self, columns: dict[str, ColumnData], n_bytes: int) -> None:
        """A chunk was encoded.

        Args:
            columns: what it holds.
            n_bytes: its size.
        """
        raw_bytes = sum(data.values.nbytes for data in columns.values() if _is_picture(data))
        if not raw_bytes:
            return
        self._left_bytes -= n_bytes
        found, before = n_bytes / raw_bytes, self._packed_share
        self._packed_share = before + _NEW_SHARE * (found - before) if before else found

    def _refill(self) -> None:
        now = self._clock()
        earned = max(now - self._refilled_at, 0.0) * self._bytes_per_sec
        self._left_bytes = min(self._left_bytes + earned, self._bytes_per_sec * _BURST_SECS)
        self._refilled_at = now


def _is_picture(data: ColumnData) -> bool:
    return len(data.values) > 0 and is_stored_as_picture(data.values.dtype.str, data.values.shape[1:])
