"""A step stream within the process that tests hold up and take away."""

from __future__ import annotations

import threading

from recorder.errors import StreamUnavailableError
from recorder.step_stream import FIRST_CURSOR, MemoryStepStream, OpenPlay, Play, StreamEntry
from tests.waiting import DEADLINE_SECS


class TroubledStream(MemoryStepStream):
    """In memory; single entries can be held back, and everything can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.n_reads = 0
        self.n_held = 0
        self.lets_pass = threading.Event()
        self.lets_pass.set()

    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        self._reach()
        self.n_reads += 1
        if limit == 1:
            self.n_held += 1
            assert self.lets_pass.wait(DEADLINE_SECS)
        return super().read_episode(run_id, episode_id, after=after, limit=limit)

    def open_plays(self, run_id: str, *, limit: int | None = None) -> list[OpenPlay]:
        self._reach()
        return super().open_plays(run_id, limit=limit)

    def is_open(self, run_id: str, play: Play) -> bool:
        self._reach()
        return super().is_open(run_id, play)

    def _reach(self) -> None:
        if self.is_away:
            raise StreamUnavailableError("the server is away")
