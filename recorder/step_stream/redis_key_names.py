"""The names and types of the keys that ``RedisStepStream`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ForeignKeys", "why_foreign"]

_RUN_KINDS = {
    "episode": "stream",
    "finished": "stream",
    "open": "zset",
    "run": "hash",
    "tally": "hash",
    "refused": "hash",
    "missed_heartbeats": "string",
    "known": "string",
}
"""``{prefix}open:{run}`` and so on."""

_SINGLE_KINDS = {"runs": "zset", "installation": "string", "set-aside": "hash"}

_NAMED_KINDS = {"lock": "string", "bookmark": "string", "set-aside": None}
"""``{prefix}lock:tick`` and so on; what was set aside has any type."""


@dataclass(frozen=True, slots=True)
class ForeignKeys:
    """Keys under the prefix that another program wrote.

    Args:
        found: name, without the prefix, and what is wrong with it.
        n_scanned: keys that were looked at.
        is_complete: whether those were all.
    """

    found: Mapping[str, str]
    n_scanned: int
    is_complete: bool


def why_foreign(key: bytes, kind: str, *, others: Mapping[str, str]) -> str | None:
    """Why this program did not write a key; None if it may have.

    Args:
        key: its name, without the prefix.
        kind: its type, as Redis reports it; ``none`` if it is gone.
        others: names and types of the keys of Celery.
    """
    try:
        expected = _expected_type(key.decode(), others)
    except UnicodeDecodeError:
        return "the name is not UTF-8"
    except KeyError:
        return "not a name of hamlet-recorder's"
    return None if expected is None or kind in (expected, "none") else f"type {kind} instead of {expected}"


def _expected_type(name: str, others: Mapping[str, str]) -> str | None:
    """The type of a key, None for any. Raises KeyError if this program writes no key of this name."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return {**_SINGLE_KINDS, **others}[kind]
    if kind in _NAMED_KINDS:
        return _NAMED_KINDS[kind]
    run, _, episode_id = rest.rpartition(":") if kind == "episode" else (rest, "", "0")
    if len(run) <= len("{}") or run[0] != "{" or run[-1] != "}" or not episode_id.removeprefix("-").isdecimal():
        raise KeyError(name)
    return _RUN_KINDS[kind]
