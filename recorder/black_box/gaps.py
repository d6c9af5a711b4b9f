"""The body of a gap record: steps of one episode for which the ring had no room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgpack

from recorder.errors import BlackBoxError

__all__ = ["StepRange", "pack_gap", "unpack_gap"]

StepRange = tuple[int, int]
"""First step, and the step after the last."""


def pack_gap(lane: int, ranges: Sequence[StepRange]) -> bytes:
    """The body.

    Args:
        ranges: of the missing steps, in order.
    """
    return cast("bytes", msgpack.packb([lane, [list(span) for span in ranges]]))


def unpack_gap(body: bytes) -> tuple[int, list[StepRange]]:
    """Lane and ranges.

    Raises:
        BlackBoxError: it is no such body.
    """
    try:
        lane, ranges = msgpack.unpackb(body)
        return int(lane), [(int(first), int(stop)) for first, stop in ranges]
    except (ValueError, TypeError) as error:
        raise BlackBoxError(f"a gap record can't be read: {error}") from error
