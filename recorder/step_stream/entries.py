"""What a step stream holds: entries and ends of episodes, and open plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from recorder.step_stream.tally import Tally

__all__ = [
    "CHUNK",
    "END",
    "FIRST_CURSOR",
    "HEADER",
    "UNKNOWN",
    "EntryKind",
    "FinishedEntry",
    "Flush",
    "OpenPlay",
    "Outgoing",
    "Play",
    "StreamEntry",
]

EntryKind = Literal["h", "c", "e", "?"]
HEADER: EntryKind = "h"
CHUNK: EntryKind = "c"
END: EntryKind = "e"
UNKNOWN: EntryKind = "?"
"""Written by another program; the data says, as UTF-8, why it can't be read."""

FIRST_CURSOR = "0-0"
"""Reads from the beginning."""


@dataclass(frozen=True, slots=True)
class Play:
    """One play of an episode within a run."""

    episode_id: int
    play_id: int
    """Time at which it began, in milliseconds since 1970, made unique within its producer."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry to send."""

    play: Play
    sequence: int
    """1 for the header, then counting up."""
    kind: EntryKind
    data: bytes


@dataclass(slots=True)
class Flush:
    """What is sent together; all of it arrives, or nothing."""

    entries: list[Outgoing] = field(default_factory=list)
    finished: list[bytes] = field(default_factory=list)
    active: dict[Play, float] = field(default_factory=dict)
    """Open plays with the time of their last step, in seconds since 1970."""
    closed: list[Play] = field(default_factory=list)
    dropped: list[Play] = field(default_factory=list)
    tally: Tally | None = None

    @property
    def n_bytes(self) -> int:
        """Size of the payload."""
        return sum(len(entry.data) for entry in self.entries) + sum(map(len, self.finished))

    def __bool__(self) -> bool:
        return bool(self.entries or self.finished or self.active or self.closed or self.dropped)


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry that was read."""

    play_id: int
    sequence: int
    kind: EntryKind
    data: bytes

    @property
    def entry_id(self) -> str:
        """Cursor to read after this entry."""
        return f"{self.play_id}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class FinishedEntry:
    """An entry of a run's ``finished`` stream.

    Args:
        problem: why the entry cannot be read; its body is empty then.
    """

    entry_id: str
    body: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OpenPlay:
    """A play that has begun and not ended."""

    play: Play
    last_active: float
    """Seconds since 1970."""
