"""The step stream: what trainers send, what workers and viewers read, whatever it runs on.

An episode's entries lie in a stream of their own; ends of episodes lie in one stream a run. An entry's place is
``(play_id, sequence)``, chosen by the sender, so sending it again changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from recorder.step_stream.tally import Tally
from recorder.step_stream.told import KnownRun, Refused

__all__ = [
    "CHUNK",
    "END",
    "FIRST_CURSOR",
    "HEADER",
    "UNKNOWN",
    "EntryKind",
    "FinishedEntry",
    "Flush",
    "MissedHeartbeats",
    "OpenPlay",
    "Outgoing",
    "Play",
    "RunInfo",
    "ServerMemory",
    "StepStream",
    "StreamEntry",
]

EntryKind = Literal["h", "c", "e", "?"]
HEADER: EntryKind = "h"
CHUNK: EntryKind = "c"
END: EntryKind = "e"
UNKNOWN: EntryKind = "?"
"""Of an entry that another program has written: its data says, as UTF-8, what is wrong."""

FIRST_CURSOR = "0-0"
"""Reading after this cursor reads from the beginning."""


@dataclass(frozen=True, slots=True)
class Play:
    """One playing of an episode within a run."""

    episode_id: int
    play_id: int
    """Milliseconds since 1970 at which it was opened, made unique within its producer."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry of an episode's stream, on its way."""

    play: Play
    sequence: int
    """1 for the header; the others follow."""
    kind: EntryKind
    data: bytes


@dataclass(slots=True)
class Flush:
    """What goes out together: all of it arrives, or none."""

    entries: list[Outgoing] = field(default_factory=list)
    finished: list[bytes] = field(default_factory=list)
    active: dict[Play, float] = field(default_factory=dict)
    """Open plays and when they last had a step, seconds since 1970."""
    closed: list[Play] = field(default_factory=list)
    dropped: list[Play] = field(default_factory=list)
    tally: Tally | None = None

    @property
    def n_bytes(self) -> int:
        """Bytes of payload."""
        return sum(len(entry.data) for entry in self.entries) + sum(map(len, self.finished))

    def __bool__(self) -> bool:
        return bool(self.entries or self.finished or self.active or self.closed or self.dropped)


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry of an episode's stream, as read."""

    play_id: int
    sequence: int
    kind: EntryKind
    data: bytes

    @property
    def entry_id(self) -> str:
        """Cursor: reading after it continues behind this entry."""
        return f"{self.play_id}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class FinishedEntry:
    """An entry of a run's ``finished`` stream."""

    entry_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OpenPlay:
    """A play that has begun and not ended."""

    play: Play
    last_active: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class MissedHeartbeats:
    """How long a trainer process has not been heard of, in looks instead of seconds: no two machines' clocks are compared."""

    heartbeat: float
    """What it said last, by its own clock; 0.0 when it has said nothing yet."""
    n_looks: int
    """Looks in a row that found the same as the one before."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the trainers of a run say of themselves."""

    run_id: str
    last_heartbeat: float
    """Seconds since 1970, of the latest trainer process."""
    info: Mapping[str, Any]
    producers: Mapping[str, Mapping[str, Any]]
    """A trainer process each: ``heartbeat``, ``closed``, ``host``, ``pid``, and its counters."""
    missed_heartbeats: Mapping[str, MissedHeartbeats] = field(default_factory=dict)
    """By trainer process, as the last ``note_missed_heartbeats`` left them; none when nobody has looked for an hour."""
    looked_secs_ago: float | None = None
    """Since then, by the server's clock; None when there are none."""


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """Bytes that the server uses, and its limit; None when it has none. All zero, None and empty where it tells this user
    nothing of itself."""

    used_bytes: int
    limit_bytes: int | None
    server_id: str
    """Another one after each start of the server, which may have forgotten its last seconds."""


class StepStream(ABC):
    """Everything that this project asks of Redis, and of its twin in memory.

    Every method may raise ``StreamUnavailableError``: nothing that this call asked for may be relied on, and the same
    call may be repeated. On a server without room (``StreamFullError``, one of them) all that reads, trims, drops or
    forgets still works.
    """

    is_remote: bool
    """Whether other processes can read what this one sends."""
    where: str = "this process"
    """Its URL without a password, for messages."""
    owner_key: str = ""
    """Under which it holds ``owner``."""

    # For whoever joins; a stream that no other process can reach has no owner.

    def owner(self) -> bytes | None:
        """Whose installation sends and reads here, as ``set_owner`` noted it."""
        return None

    def set_owner(self, owner: bytes, *, replace: bool) -> bool:  # noqa: ARG002
        """Note it, without ``replace`` only where nobody is noted; whether it was."""
        return False

    @property
    def is_read(self) -> bool:
        """Whether somebody reads what is sent, or may: unknown, so yes, where other processes can."""
        return True

    def expect_reader(self) -> None:  # noqa: B027 - where other processes read there is nothing to note
        """Somebody in this process is about to read."""

    # For trainers.

    @abstractmethod
    def send(self, run_id: str, flush: Flush) -> list[Play]:
        """Send, all or nothing. Entries that are there already are left as they are.

        Returns:
            Plays whose stream is gone although they have entries in this flush: a worker dropped it, or the server lost
                it.
        """

    @abstractmethod
    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        """Say that a trainer process lives: its counters, and once what is known of the run."""

    @abstractmethod
    def server_memory(self) -> ServerMemory:
        """How full the server is."""

    @abstractmethod
    def look_after(self, run_id: str, producer_id: str, plays: Sequence[Play]) -> tuple[int | None, list[bool]]:
        """What the server has of a sender: its ``Tally.n_sent``, 0 when it has none, None when that can't be read; and whether
        the episodes of these plays still have a stream. Both are of one moment."""

    @abstractmethod
    def tally(self, run_id: str, producer_id: str) -> Tally | None:
        """What the sender's last flush left, with what the one before had left in ``n_before`` and ``flush_before``; all zero
        when the server has none, None when it can't be read."""

    @abstractmethod
    def known_run(self, run_id: str) -> KnownRun | None:
        """What workers said last of a run that had ended; None when none did within half a year."""

    @abstractmethod
    def refused(self, run_id: str, producer_id: str) -> Refused:
        """What workers refused of a trainer process."""

    # For workers.

    @abstractmethod
    def tell_known_run(self, run_id: str, known: KnownRun) -> None:
        """Tell trainers that begin later what the catalog has of a run; it outlives ``forget_run``."""

    @abstractmethod
    def tell_refused(self, run_id: str, refused: Mapping[str, Refused]) -> None:
        """Tell trainer processes what was refused of theirs, beside what they were told before."""

    @abstractmethod
    def runs(self) -> list[tuple[str, float]]:
        """Run ids and their latest heartbeat, seconds since 1970; the latest first."""

    @abstractmethod
    def run_info(self, run_id: str) -> RunInfo:
        """What the trainers of a run say of themselves; empty for an unknown run."""

    @abstractmethod
    def note_missed_heartbeats(self, run_id: str, missed_heartbeats: Mapping[str, MissedHeartbeats]) -> None:
        """Put these in the place of those that were noted before.

        They lie beside the heartbeats: what keeps those from arriving (the server is full, or away) keeps these too.
        """

    @abstractmethod
    def read_finished(self, run_id: str, *, after: str, limit: int) -> list[FinishedEntry]:
        """Ends of episodes behind a cursor, in order; an entry that is no msgpack map has an empty body."""

    @abstractmethod
    def runs_with_ends(self) -> list[str]:
        """Ids of the runs that have entries which ``trim_finished`` has not forgotten yet."""

    @abstractmethod
    def trim_finished(self, run_id: str, *, through: str) -> None:
        """Forget the ends up to and including a cursor."""

    @abstractmethod
    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        """All entries of each play, in the plays' order; those of other programs are of kind ``UNKNOWN``."""

    @abstractmethod
    def read_headers(self, run_id: str, plays: Sequence[Play]) -> list[StreamEntry | None]:
        """The first entry of each play, in the plays' order; None where nothing of it is there."""

    @abstractmethod
    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        """Forget exactly these plays; another play of the same episode stays."""

    @abstractmethod
    def trim_play(self, run_id: str, play: Play, *, through: int) -> None:
        """Forget the entries of a play up to and including a sequence; what its trainer sends after them stays, and so does
        whether it is open."""

    @abstractmethod
    def open_plays(self, run_id: str) -> list[OpenPlay]:
        """Plays that have begun and not ended."""

    @abstractmethod
    def count_open_plays(self, run_id: str) -> int:
        """How many they are."""

    @abstractmethod
    def scan_episodes(self, cursor: int, *, run_id: str | None = None) -> tuple[int, dict[str, list[Play]]]:
        """A page of the streams that there are, for sweeping: it may be empty, and may repeat some of another page.

        Args:
            cursor: 0 begins; then what the page before has returned.
            run_id: leave out other runs.

        Returns:
            The next cursor, 0 after the last page; by run, the first play in each stream.
        """

    def episodes_held(self, run_id: str) -> list[int]:
        """Ids of the run's episodes that have a stream; slow on a large server."""
        found: dict[int, None] = {}
        cursor = 0
        while True:
            cursor, page = self.scan_episodes(cursor, run_id=run_id)
            found.update((play.episode_id, None) for play in page.get(run_id, []))
            if cursor == 0:
                return list(found)

    @abstractmethod
    def bookmark(self, name: str) -> str | None:
        """What ``set_bookmark`` was last given, by whatever process; None when it was None, or is long ago."""

    @abstractmethod
    def set_bookmark(self, name: str, place: str | None) -> None:
        """Note how far some work has come that goes on later, maybe elsewhere; None forgets it."""

    def set_aside(self) -> dict[str, str]:
        """Names of what stands under our keys and can't be read, and why; it is passed over."""
        return {}

    @abstractmethod
    def forget_run(self, run_id: str) -> None:
        """Forget a run that is over: its list entry, info, missed heartbeats, refusals and finished stream; episodes stay."""

    @abstractmethod
    def try_lock(self, name: str, *, secs: float) -> bool:
        """Take a lock that ends by itself; False while another holds it. For saving work, never for correctness.

        A lock that is held for longer than is asked for here ends as if it had been taken now.
        """

    # For viewers.

    @abstractmethod
    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        """Entries of an episode behind a cursor, in order; empty when there are none yet, or no more.

        Those of other programs are of kind ``UNKNOWN``.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""
