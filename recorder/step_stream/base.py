"""The interface between trainers, workers and viewers.

Each episode has a stream of entries; each run has a stream of ended episodes. The sender chooses an entry's place
``(play_id, sequence)``, so sending it again changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from recorder.step_stream.entries import FIRST_CURSOR, FinishedEntry, Flush, OpenPlay, Play, StreamEntry
from recorder.step_stream.run_info import KnownRun, MissedHeartbeats, Refused, RunInfo, ServerMemory
from recorder.step_stream.tally import Tally

__all__ = ["StepStream"]


class StepStream(ABC):
    """What this project needs of Redis, and of its twin in memory.

    Every method may raise ``StreamUnavailableError``: the call may or may not have taken effect, and can be repeated.
    On a full server (``StreamFullError``, a subclass), reading, trimming, dropping and forgetting still work.
    """

    is_remote: bool
    """Whether other processes can read what this one sends."""
    where: str = "this process"
    """URL without a password, for messages."""
    owner_key: str = ""
    """Key of ``owner``."""

    # For all. Only a stream that other processes can reach has an owner.

    def owner(self) -> bytes | None:
        """The installation that uses this stream, as stored by ``set_owner``; None if none is stored."""
        return None

    def set_owner(self, owner: bytes, *, replace: bool) -> bool:  # noqa: ARG002
        """Store the owner. Without ``replace``, only if none is stored. Returns whether it was stored."""
        return False

    @property
    def is_read(self) -> bool:
        """Whether anyone may read what is sent. Always True if other processes can."""
        return True

    def expect_reader(self) -> None:  # noqa: B027 - only MemoryStepStream needs it
        """Announce a reader in this process."""

    # For trainers.

    @abstractmethod
    def send(self, run_id: str, flush: Flush) -> list[Play]:
        """Send all or nothing. Entries that are already there stay.

        Returns:
            Plays with entries in this flush whose stream is gone: a worker dropped it, or the server lost it.
        """

    @abstractmethod
    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        """Send a trainer process's heartbeat with its counters, and the run's ``info`` if given. ``now`` is in seconds
        since 1970.
        """

    @abstractmethod
    def server_memory(self) -> ServerMemory:
        """Memory use of the server."""

    @abstractmethod
    def look_after(self, run_id: str, producer_id: str, plays: Sequence[Play]) -> tuple[int | None, list[bool]]:
        """What the server has of a sender, read at one moment.

        Returns:
            ``Tally.n_sent``, 0 if there is none, None if it can't be read; and whether each play's episode has a
            stream.
        """

    @abstractmethod
    def tally(self, run_id: str, producer_id: str) -> Tally | None:
        """What the sender's last flush left, with what the one before had left in ``n_before`` and ``flush_before``; all zero
        when the server has none, None when it can't be read."""

    @abstractmethod
    def known_run(self, run_id: str) -> KnownRun | None:
        """Workers' last report of an ended run; None if there is none from the last half year."""

    @abstractmethod
    def refused(self, run_id: str, producer_id: str) -> Refused:
        """What workers refused of a trainer process."""

    # For workers.

    @abstractmethod
    def report_known_run(self, run_id: str, known: KnownRun) -> None:
        """Store what the catalog has of a run, for later trainers. It outlives ``forget_run``."""

    @abstractmethod
    def report_refused(self, run_id: str, refused: Mapping[str, Refused]) -> None:
        """Add to what trainer processes can read about refused episodes."""

    @abstractmethod
    def runs(self) -> list[tuple[str, float]]:
        """Run ids with their latest heartbeat in seconds since 1970, the latest first."""

    @abstractmethod
    def run_info(self, run_id: str) -> RunInfo:
        """Reports about a run; empty for an unknown run."""

    @abstractmethod
    def note_missed_heartbeats(self, run_id: str, missed_heartbeats: Mapping[str, MissedHeartbeats]) -> None:
        """Replace the stored counts.

        They are stored beside the heartbeats, so a full or unreachable server stops both.
        """

    @abstractmethod
    def read_finished(self, run_id: str, *, after: str, limit: int) -> list[FinishedEntry]:
        """Ends of episodes after a cursor, in order. An entry that can't be read has an empty body."""

    @abstractmethod
    def runs_with_ends(self) -> list[str]:
        """Ids of runs with entries that ``trim_finished`` has not removed."""

    @abstractmethod
    def wait_for_end(self, *, secs: float) -> bool:
        """Wait until a run has entries that ``trim_finished`` has not removed; return whether one has.

        Of many runs, the latest are watched.

        Args:
            secs: longest wait. It may be shorter: a connection is not blocked for longer than its timeout allows.
        """

    @abstractmethod
    def trim_finished(self, run_id: str, *, through: str) -> None:
        """Remove ends up to and including a cursor."""

    @abstractmethod
    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        """All entries of each play, in the order of ``plays``. Entries of other programs have the kind ``UNKNOWN``."""

    @abstractmethod
    def read_headers(self, run_id: str, plays: Sequence[Play]) -> list[StreamEntry | None]:
        """The first entry of each play, in the order of ``plays``; None if there is none."""

    @abstractmethod
    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        """Remove these plays; other plays of the same episode stay."""

    @abstractmethod
    def trim_play(self, run_id: str, play: Play, *, through: int) -> None:
        """Forget the entries of a play up to and including a sequence; what its trainer sends after them stays, and so does
        whether it is open."""

    @abstractmethod
    def open_plays(self, run_id: str, *, limit: int | None = None) -> list[OpenPlay]:
        """Plays that have begun and not ended.

        Args:
            limit: at most so many, the most recently active first; None returns all, in any order.
        """

    @abstractmethod
    def is_open(self, run_id: str, play: Play) -> bool:
        """Whether a play has begun and not ended."""

    @abstractmethod
    def count_open_plays(self, run_id: str) -> int:
        """Number of open plays."""

    @abstractmethod
    def scan_episodes(self, cursor: int, *, run_id: str | None = None) -> tuple[int, dict[str, list[Play]]]:
        """A page of all episode streams. It may be empty, and may repeat streams of another page.

        Args:
            cursor: 0 for the first page, else the one returned by the last call.
            run_id: only this run; None scans all.

        Returns:
            The next cursor, 0 after the last page; and for each run the first play of each stream.
        """

    def episodes_held(self, run_id: str) -> list[int]:
        """Ids of the run's episodes that have a stream. Slow on a large server."""
        found: dict[int, None] = {}
        cursor = 0
        while True:
            cursor, page = self.scan_episodes(cursor, run_id=run_id)
            found.update((play.episode_id, None) for play in page.get(run_id, []))
            if cursor == 0:
                return list(found)

    @abstractmethod
    def bookmark(self, name: str) -> str | None:
        """The value of ``set_bookmark``, from any process; None if it was not set, or has expired."""

    @abstractmethod
    def set_bookmark(self, name: str, place: str | None) -> None:
        """Save the progress of work that another process may continue; None deletes it."""

    def set_aside(self) -> dict[str, str]:
        """Keys that can't be read and are skipped, with the reason."""
        return {}

    @abstractmethod
    def forget_run(self, run_id: str) -> None:
        """Remove a run that is over: list entry, info, missed heartbeats, refusals and ends. Episodes stay."""

    @abstractmethod
    def try_lock(self, name: str, *, secs: float) -> bool:
        """Take a lock that expires by itself; False if another process holds it. It saves work, and must not be needed
        for correctness.

        A lock held for longer than ``secs`` is shortened to ``secs`` from now.
        """

    # For viewers.

    @abstractmethod
    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        """Entries of an episode after a cursor, in order; empty if there are none yet, or no more.

        Entries of other programs have the kind ``UNKNOWN``.
        """

    @abstractmethod
    def close(self) -> None:
        """Close connections."""
