"""What workers note of silent trainers, as bytes."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from recorder.step_stream.base import Silence
from recorder.step_stream.ends import unpack_body

__all__ = ["pack_silences", "unpack_silences"]


def pack_silences(silences: Mapping[str, Silence]) -> bytes:
    """A msgpack map: trainer process to heartbeat and looks."""
    packed: bytes = msgpack.packb({name: (it.heartbeat, it.n_looks) for name, it in silences.items()})
    return packed


def unpack_silences(packed: bytes) -> dict[str, Silence]:
    """What was noted; what is not of this kind is left out, so that its looks begin anew."""
    return {
        str(name): Silence(*pair)
        for name, pair in unpack_body(packed).items()
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(it, int | float) for it in pair)
    }
