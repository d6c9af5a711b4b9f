"""A stream in memory that behaves as one on a server: it can be away, be emptied, and take its sender with it."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.errors import StreamUnavailableError
from recorder.step_stream import Flush, MemoryStepStream, Play, ServerMemory, StreamEntry, Tally

__all__ = ["DiedError", "FarStream"]


class DiedError(BaseException):
    """The sender was killed: nothing that it does later happens."""


class FarStream(MemoryStepStream):
    """Counts flushes from 1.

    Attributes:
        dies_at: the number of the flush with which the sender dies.
        dies_after: whether that flush arrives.
        empty_before: numbers of flushes before which somebody empties the server.
        unanswered: numbers of flushes that arrive and whose answer is lost.
    """

    is_remote = True

    def __init__(self) -> None:
        super().__init__()
        self.expect_reader()
        self.is_away = False
        self.n_flushes = 0
        self.dies_at: set[int] = set()
        self.dies_after = False
        self.empty_before: set[int] = set()
        self.unanswered: set[int] = set()
        self.server = "first"

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        if self.is_away:
            raise StreamUnavailableError("away")
        self.n_flushes += 1
        if self.n_flushes in self.empty_before:
            self.flush_all()
        if self.n_flushes in self.dies_at and not self.dies_after:
            raise DiedError
        gone = super().send(run_id, flush)
        if self.n_flushes in self.dies_at:
            raise DiedError
        if self.n_flushes in self.unanswered:
            raise StreamUnavailableError("no answer")
        return gone

    def tally(self, run_id: str, producer_id: str) -> Tally | None:
        if self.is_away:
            raise StreamUnavailableError("away")
        return super().tally(run_id, producer_id)

    def server_memory(self) -> ServerMemory:
        if self.is_away:
            raise StreamUnavailableError("away")
        return ServerMemory(0, None, self.server)

    def flush_all(self) -> None:
        """Somebody empties the server."""
        with self._lock:
            self._runs.clear()
            self._bookmarks.clear()

    def entries(self, run_id: str, play: Play) -> Sequence[StreamEntry]:
        return self.read_plays(run_id, [play])[0]
