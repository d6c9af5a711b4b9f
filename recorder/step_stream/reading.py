"""Parses values from Redis, with a reason if they can't be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from recorder.framing import MAX_FRAME_BYTES
from recorder.run_ids import why_no_run_id
from recorder.step_stream.ends import FINISHED_FIELD, MAX_BODY_BYTES
from recorder.step_stream.entries import UNKNOWN, OpenPlay, Play, StreamEntry

__all__ = [
    "UnreadableError",
    "read_entry",
    "read_finished_body",
    "read_open_play",
    "read_producer",
    "read_run_id",
    "too_large_play",
    "unpack_value",
]

_MAX_VALUE_BYTES = 4 * 2**20
"""Largest field of a run; a trainer's config and counters take a few kB."""

_MAX_ENTRY_BYTES = MAX_FRAME_BYTES
"""Largest entry of an episode."""

_ADVICE = "another program writes to these keys; give each its own key_prefix"

_MAX_NUMBER = 2**63 - 1
"""Largest integer that a database holds."""


class UnreadableError(ValueError):
    """The value was not written by this program; the message says why."""


def read_run_id(member: bytes) -> str:
    """A member of the list of runs.

    Raises:
        UnreadableError: not a valid run id.
    """
    try:
        run_id = member.decode()
    except UnicodeDecodeError:
        raise UnreadableError("not valid UTF-8") from None
    if why := why_no_run_id(run_id):
        raise UnreadableError(why)
    return run_id


def read_open_play(member: bytes, score: float) -> OpenPlay:
    """A member of the set of open episodes.

    Raises:
        UnreadableError: not a valid member.
    """
    episode_id, _, play_id = member.partition(b":")
    try:
        play = Play(int(episode_id), int(play_id))
    except ValueError:
        raise UnreadableError("expected <episode_id>:<play_id>") from None
    if abs(play.episode_id) > _MAX_NUMBER or not 0 <= play.play_id <= _MAX_NUMBER or not math.isfinite(score):
        raise UnreadableError("a number is out of range")
    return OpenPlay(play, score)


def read_producer(packed: bytes) -> Mapping[str, Any]:
    """A trainer process's report.

    Raises:
        UnreadableError: not a valid report.
    """
    report = unpack_value(packed)
    if not isinstance(report, dict):
        raise UnreadableError(f"expected a map, found {type(report).__name__}")
    for name, value in report.items():
        if not isinstance(name, str):
            raise UnreadableError("expected a map with text keys")
        if name.startswith("n_") and not (isinstance(value, int) and abs(value) <= _MAX_NUMBER):
            raise UnreadableError(f"{name}: expected a whole number")
    heartbeat = report.get("heartbeat", 0.0)
    if not isinstance(heartbeat, int | float) or not math.isfinite(heartbeat):
        raise UnreadableError("heartbeat: expected a number")
    return report


def unpack_value(packed: bytes) -> Any:
    """A field of a run.

    Raises:
        UnreadableError: not msgpack, or too large.
    """
    if len(packed) > _MAX_VALUE_BYTES:
        raise UnreadableError(f"{len(packed)} bytes; the limit is {_MAX_VALUE_BYTES}")
    try:
        return msgpack.unpackb(packed)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise UnreadableError(f"not msgpack ({error})") from error


def read_finished_body(fields: Sequence[bytes]) -> Mapping[str, Any]:
    """The body of an entry of a ``finished`` stream.

    Raises:
        UnreadableError: not a map of msgpack in the field ``f``, or too large.
    """
    if fields[0] != FINISHED_FIELD:
        raise UnreadableError(f"expected the field f, found {_names_in(fields)}")
    if len(fields[1]) > MAX_BODY_BYTES:
        raise UnreadableError(f"{len(fields[1])} bytes; the limit is {MAX_BODY_BYTES}")
    try:
        body = msgpack.unpackb(fields[1])
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise UnreadableError(f"not msgpack ({error})") from error
    if not isinstance(body, dict):
        raise UnreadableError(f"expected a map, found {type(body).__name__}")
    return body


def read_entry(row: tuple[bytes, Sequence[bytes]]) -> StreamEntry:
    """An entry of an episode's stream. One of another program has the kind ``UNKNOWN`` and the reason as data."""
    place, fields = row
    play_id, _, sequence = place.partition(b"-")
    kind = fields[0].decode(errors="replace")
    n_bytes = sum(map(len, fields))
    if n_bytes > _MAX_ENTRY_BYTES:
        found = f"at most {_MAX_ENTRY_BYTES} bytes, found {n_bytes}"
    elif kind in ("h", "c", "e") and len(fields) == 2:
        return StreamEntry(int(play_id), int(sequence), kind, fields[1])  # type: ignore[arg-type]
    else:
        found = f"one field, h, c or e, found {_names_in(fields)}"
    return StreamEntry(int(play_id), int(sequence), UNKNOWN, f"expected {found}: {_ADVICE}".encode())


def too_large_play(play: Play, n_bytes: int, most: int) -> StreamEntry:
    """An entry of kind ``UNKNOWN`` in place of a play that is too large to read."""
    why = f"its stream takes {n_bytes} bytes of Redis; the limit is {most}: {_ADVICE}"
    return StreamEntry(play.play_id, 1, UNKNOWN, why.encode())


def _names_in(fields: Sequence[bytes]) -> str:
    return ", ".join(repr(name[:40])[:40] for name in sorted(fields[::2])[:3])
