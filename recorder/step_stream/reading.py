"""From a server's bytes to what they say, or to why they say nothing: pure, one function a kind of value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from recorder.run_ids import why_no_run_id
from recorder.step_stream.base import UNKNOWN, OpenPlay, Play, StreamEntry

__all__ = ["UnreadableError", "read_entry", "read_open_play", "read_producer", "read_run_id", "unpack_value"]

_MAX_VALUE_BYTES = 4 * 2**20
"""Of a field of a run: a trainer's config and counters are a few kB."""

_MAX_NUMBER = 2**63 - 1
"""The greatest that a database holds."""


class UnreadableError(ValueError):
    """The value is none of ours: says why."""


def read_run_id(member: bytes) -> str:
    """A member of the list of runs.

    Raises:
        UnreadableError: no trainer has written it.
    """
    try:
        run_id = member.decode()
    except UnicodeDecodeError:
        raise UnreadableError("it is no UTF-8") from None
    if why := why_no_run_id(run_id):
        raise UnreadableError(why)
    return run_id


def read_open_play(member: bytes, score: float) -> OpenPlay:
    """A member of the list of open episodes.

    Raises:
        UnreadableError: no trainer has written it.
    """
    episode_id, _, play_id = member.partition(b":")
    try:
        play = Play(int(episode_id), int(play_id))
    except ValueError:
        raise UnreadableError("expected <episode_id>:<play_id>") from None
    if abs(play.episode_id) > _MAX_NUMBER or not 0 <= play.play_id <= _MAX_NUMBER or not math.isfinite(score):
        raise UnreadableError("its numbers are beyond what a trainer can have sent")
    return OpenPlay(play, score)


def read_producer(packed: bytes) -> Mapping[str, Any]:
    """What a trainer process says of itself.

    Raises:
        UnreadableError: no trainer has written it.
    """
    said = unpack_value(packed)
    if not isinstance(said, dict):
        raise UnreadableError(f"expected a map, found {type(said).__name__}")
    for name, value in said.items():
        if not isinstance(name, str):
            raise UnreadableError("expected a map with texts for keys")
        if name.startswith("n_") and not (isinstance(value, int) and abs(value) <= _MAX_NUMBER):
            raise UnreadableError(f"{name}: expected a whole number")
    heartbeat = said.get("heartbeat", 0.0)
    if not isinstance(heartbeat, int | float) or not math.isfinite(heartbeat):
        raise UnreadableError("heartbeat: expected a number")
    return said


def unpack_value(packed: bytes) -> Any:
    """What a field of a run holds.

    Raises:
        UnreadableError: it is no msgpack, or too large.
    """
    if len(packed) > _MAX_VALUE_BYTES:
        raise UnreadableError(f"{len(packed)} bytes, at most {_MAX_VALUE_BYTES} are read")
    try:
        return msgpack.unpackb(packed)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise UnreadableError(f"it is no msgpack ({error})") from error


def read_entry(row: tuple[bytes, Sequence[bytes]]) -> StreamEntry:
    """An entry of an episode's stream; of kind ``UNKNOWN``, with what is wrong for its data, when it is none of ours."""
    place, fields = row
    play_id, _, sequence = place.partition(b"-")
    kind = fields[0].decode(errors="replace")
    if kind in ("h", "c", "e") and len(fields) == 2:
        return StreamEntry(int(play_id), int(sequence), kind, fields[1])  # type: ignore[arg-type]
    names = ", ".join(repr(name)[:40] for name in sorted(fields[::2])[:3])
    why = f"expected one field, h, c or e, found {names}: another program writes to these keys; give each a key_prefix of its own"
    return StreamEntry(int(play_id), int(sequence), UNKNOWN, why.encode())
