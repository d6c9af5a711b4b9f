"""A stream that answers when the test lets it, as a server does that hangs for a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.step_stream import Flush, MemoryStepStream, Play
from tests.waiting import wait_until

__all__ = ["GatedStream", "let_it_catch_up", "recorder_behind"]


class GatedStream(MemoryStepStream):
    """Calls of a trainer wait until ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.caller_waits = threading.Event()

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        self._pass()
        return super().send(run_id, flush)

    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        self._pass()
        super().beat(run_id, producer_id, state, info=info, now=now)

    def _pass(self) -> None:
        self.caller_waits.set()
        assert self.gate.wait(60)


def recorder_behind(stream: GatedStream, *, hopes: bool = False, **options: Any) -> EpisodeRecorder:
    """A recorder whose sender hangs at the gate already, so that nobody reads its ring.

    Args:
        hopes: whether its calls wait, in vain, for the sender's progress first.
    """
    recorder = EpisodeRecorder(stream, **options)
    assert stream.caller_waits.wait(60)
    if not hopes:
        recorder._inlet._waiting._given_up_at = recorder._ring.tail
    return recorder


def let_it_catch_up(stream: GatedStream, recorder: EpisodeRecorder) -> None:
    """Open the gate for good, and wait until the ring has room for all that comes."""
    stream.gate.set()
    wait_until(lambda: recorder.stats().n_bytes_waiting == 0, message="an empty ring")
    ring = recorder._ring
    wait_until(lambda: ring.head - ring.tail < ring.capacity // 2, message="room")
