"""How a recorder ends, what it does to a trainer that uses it wrongly (nothing), and what a fork of the trainer has of it."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recorder.black_box import Outcome
from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.sender import thread
from recorder.step_stream import MemoryStepStream
from tests.capture.gated_stream import GatedStream, recorder_behind
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, ends, finished_episodes, record
from tests.processes import run_python
from tests.waiting import wait_until


def test_close_ends_open_episodes_as_truncated_and_then_the_run() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 7, range(5))
    record(recorder, 8, range(5))
    recorder.finish_episode(8)
    recorder.record_batch([9], [0], None, None, None, [1.0])
    episodes = close_and_read(recorder)
    assert {number: str(ended.metadata.status) for number, ended in episodes.items()} == {
        7: "truncated", 8: "complete", 9: "truncated"
    }  # fmt: skip
    found = ends(recorder.stream, recorder.run_id)
    assert found[-1]["kind"] == "run_end"
    ((producer_id, producer),) = recorder.stream.run_info(recorder.run_id).producers.items()
    assert found[-1]["producer"] == producer_id
    assert producer["closed"]
    assert recorder.stream.open_plays(recorder.run_id) == []


def test_an_episode_that_close_cuts_off_takes_the_last_known_stage_of_its_lane() -> None:
    recorder = EpisodeRecorder(strict=True)
    for episode_id, lane, stage in ((0, 0, 3), (1, 1, 4), (2, 0, None)):
        record(recorder, episode_id, range(2), lane=lane)
        recorder.finish_episode(episode_id, {} if stage is None else {"curriculum_stage": stage})
    for episode_id, lane in ((3, 0), (4, 1), (5, 2)):
        record(recorder, episode_id, range(2), lane=lane)
    episodes = close_and_read(recorder)
    assert {number: ended.metadata.curriculum_stage for number, ended in episodes.items()} == {
        0: 3, 1: 4, 2: None, 3: 3, 4: 4, 5: None
    }  # fmt: skip
    assert [ended.body["curriculum_stage"] for ended in episodes.values()] == [3, 4, None, 3, 4, None]


def test_the_block_of_a_with_statement_closes() -> None:
    with EpisodeRecorder() as recorder:
        record(recorder, 7, range(5))
    assert recorder.stats().n_recorded_steps == 5
    assert ends(recorder.stream, recorder.run_id)[-1]["kind"] == "run_end"


def test_an_exception_in_a_with_statement_passes_and_what_was_recorded_stays() -> None:
    recorder = EpisodeRecorder()

    def train() -> None:
        with recorder:
            record(recorder, 7, range(5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert finished_episodes(recorder.stream, recorder.run_id)[7].episode.n_steps == 5


def test_closing_twice_says_the_same_twice() -> None:
    recorder = EpisodeRecorder()
    assert recorder.close()
    assert recorder.close()
    assert [end["kind"] for end in ends(recorder.stream, recorder.run_id)] == ["run_end"]


def test_whatever_is_called_after_close_is_refused_and_counted() -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(2))
    recorder.close()
    recorder.record_step(7, 2, **STEP)
    recorder.record_step(7, 3, **{**STEP, "meters": np.zeros(5)})
    recorder.record_batch([7, 8], [3, 0], None, None, None, [1.0, 1.0])
    recorder.finish_episode(7)
    recorder.keep(7, "a")
    recorder.abort(7, "a")
    stats = recorder.stats()
    assert stats.n_errors == 6
    assert "after close()" in stats.last_error
    assert_adds_up(stats, 6)


def test_close_returns_in_time_without_a_server_and_says_what_was_lost(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(f"unix://{tmp_path / 'nobody'}")
    record(recorder, 7, range(300))
    recorder.finish_episode(7)
    wait_until(lambda: not recorder.stats().is_connected)  # its sender may take a while to begin
    assert not recorder.close(timeout_secs=0.3)
    assert not recorder.close()
    stats = recorder.stats()
    assert (stats.n_lost_steps, stats.n_recorded_steps, stats.is_connected) == (300, 0, False)
    assert_adds_up(stats, 300)


def test_close_returns_in_time_while_a_server_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "CLOSE_GRACE_SECS", 0.1)
    stream = GatedStream()
    recorder = recorder_behind(stream)
    record(recorder, 7, range(300))
    try:
        assert not recorder.close(timeout_secs=0.1)
    finally:
        stream.gate.set()
    wait_until(lambda: not recorder._sender.look(), message="the thread's end")
    assert_adds_up(recorder.stats(), 300)


def test_a_recorder_that_nobody_holds_any_more_still_ends_its_run() -> None:
    stream = MemoryStepStream()
    recorder = EpisodeRecorder(stream, run_id="r")
    record(recorder, 7, range(5))
    recorder.finish_episode(7)
    del recorder
    wait_until(lambda: [end["kind"] for end in ends(stream, "r")] == ["end", "run_end"], message="the end of the run")


def test_a_trainer_that_ends_without_closing_still_ends_its_run(redis_url: str) -> None:
    program = (
        "import sys; from recorder import EpisodeRecorder\n"
        "recorder = EpisodeRecorder(sys.argv[1], run_id='r')\n"
        "for step in range(5): recorder.record_step(7, step, (1, 2), (0.5,), 0, 1.0)\n"
    )
    status, output = run_python(["-c", program, redis_url])
    assert status == 0, output
    reader = EpisodeRecorder(redis_url, run_id="reader")
    assert [(end["kind"], end.get("status")) for end in ends(reader.stream, "r")] == [
        ("end", "truncated"),
        ("run_end", None),
    ]
    reader.close()


def test_the_counters_that_a_heartbeat_tells_are_the_recorder_s(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", limits=PublisherLimits(heartbeat_secs=0.01))
    record(recorder, 7, range(100))
    recorder.record_step(7, -1, **STEP)

    def told() -> Any:
        producers = recorder.stream.run_info("r").producers
        return next(iter(producers.values()), {})

    wait_until(lambda: told().get("n_recorded_steps") == 100, message="a heartbeat")
    state = told()
    assert (state["pid"], state["closed"], state["n_refused_steps"], state["n_errors"]) == (os.getpid(), False, 1, 1)
    recorder.close()
    assert told()["closed"]
    assert {**told(), **recorder.stats().to_map()} == told()


def test_an_error_of_letters_that_no_server_takes_stops_no_heartbeat(redis_url: str) -> None:
    recorder = EpisodeRecorder(redis_url, run_id="r", sender="thread", limits=PublisherLimits(heartbeat_secs=0.01))
    recorder.record_step(7, 0, **STEP)
    recorder.note_failure(ValueError("caf\udce9"))

    def told() -> Any:
        producers = recorder.stream.run_info("r").producers
        return next(iter(producers.values()), {})

    wait_until(lambda: told().get("n_recorded_steps") == 1, message="a heartbeat")
    assert "caf\ufffd" in told()["last_error"]
    assert recorder.close()
    reader = EpisodeRecorder(redis_url, run_id="reader")
    producers = reader.stream.run_info("r").producers
    assert [producer["closed"] for producer in producers.values()] == [True]
    reader.close()


def test_a_heartbeat_that_fails_in_an_unknown_way_does_not_end_the_thread_in_an_uproar() -> None:
    class Heartless(MemoryStepStream):
        def beat(self, *args: Any, **options: Any) -> None:
            raise ZeroDivisionError

    recorder = EpisodeRecorder(Heartless())
    record(recorder, 7, range(5))
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].episode.n_steps == 5
    assert recorder.stats().n_errors >= 1


FORKED = """
import os, sys
from recorder import EpisodeRecorder
recorder = EpisodeRecorder(sys.argv[1], run_id="r", on_full="block", black_box_bytes=2**20)
values = ((1, 2), (0.5,), 0, 1.0)
for step in range(10): recorder.record_step(7, step, *values)
pid = os.fork()
if pid == 0:
    for step in range(1000): recorder.record_step(7, 10 + step, *values)
    recorder.record_batch([7], [5000], None, None, None, [1.0])
    recorder.finish_episode(7); recorder.keep(7, "x"); recorder.abort(7, "x"); recorder.close()
    stats = recorder.stats()
    assert "in a fork of the process that made the recorder" in stats.last_error, stats
    assert stats.n_refused_steps == 1001, stats
    own = EpisodeRecorder(sys.argv[1], run_id="r")
    for step in range(20): own.record_step(8, step, *values)
    own.finish_episode(8)
    assert own.close()
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
for step in range(10, 15): recorder.record_step(7, step, *values)
recorder.finish_episode(7)
assert recorder.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_refuses_and_counts_and_may_make_a_recorder_of_its_own(redis_url: str) -> None:
    status, output = run_python(["-c", FORKED, redis_url])
    assert status == 0, output
    reader = EpisodeRecorder(redis_url, run_id="reader")
    episodes = finished_episodes(reader.stream, "r")
    assert {number: ended.episode.n_steps for number, ended in episodes.items()} == {7: 15, 8: 20}
    reader.close()


def test_a_fork_writes_nothing_into_the_ring_of_its_parent() -> None:
    """What the parent still has to say of dropped steps is the parent's to say: the fork has an old head."""
    recorder = EpisodeRecorder(sender="thread")
    record(recorder, 7, range(3))
    ring, head, times = recorder._ring, recorder._ring.head, recorder._ring.call_times
    recorder._refusals.drop([(7, 3, 0)])
    recorder._forget_parent()
    record(recorder, 7, range(200))
    recorder.finish_episode(7)
    recorder.stats()
    assert recorder.close() == recorder._end.is_complete
    assert (ring.head, ring.call_times) == (head, times)
    ring.close_by = time.time()  # ends the thread, which a fork would not have


INTERRUPTED: list[Callable[[EpisodeRecorder], Any]] = [
    lambda recorder: record(recorder, 7, range(2)),
    lambda recorder: recorder.record_step(7, -1, **STEP),
    lambda recorder: recorder.finish_episode(7),
    lambda recorder: recorder.stats(),
    lambda recorder: recorder.close(0.1),
]


@pytest.mark.parametrize("call", INTERRUPTED)
@pytest.mark.parametrize("lock_of", [lambda it: it._inlet.writer.lock, lambda it: it._refusals._lock])
def test_a_signal_handler_that_interrupts_a_call_does_not_wait_for_ever(
    call: Callable[[EpisodeRecorder], Any], lock_of: Callable[[EpisodeRecorder], Any]
) -> None:
    recorder = EpisodeRecorder(sender="thread")
    recorder._refusals.drop([(7, 2, 0)])

    def handle() -> None:
        with lock_of(recorder):
            call(recorder)

    handler = threading.Thread(target=handle, daemon=True)
    handler.start()
    handler.join(15.0)
    assert not handler.is_alive()
    recorder.close(1.0)


class Interrupting:
    """A value that is interrupted by a signal while it is copied into the ring."""

    def __init__(self, recorder: EpisodeRecorder) -> None:
        self._lock = recorder._inlet.writer.lock

    def __array__(self, *_: Any, **__: Any) -> np.ndarray[Any, Any]:
        if self._lock.locked():
            signal.raise_signal(signal.SIGUSR1)
        return np.zeros(3)


def test_a_close_that_interrupts_a_record_returns_and_the_next_one_ends_the_run() -> None:
    recorder = EpisodeRecorder()
    closed: list[bool] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: closed.append(recorder.close(600.0)))
    try:
        recorder.record_step(7, 0, **{**STEP, "meters": Interrupting(recorder)})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert closed == [False]
    recorder.record_step(7, 1, **STEP)
    assert recorder.stats().n_refused_steps == 1
    ended = close_and_read(recorder)[7]
    assert (ended.metadata.status, ended.episode.n_steps) == ("truncated", 1)


class DeviceTensor:
    """As much of a tensor on a device as the recorder asks for before its copy."""

    device = SimpleNamespace(type="cuda")
    dtype = "torch.float32"
    shape = (3,)

    def detach(self) -> DeviceTensor:
        return self


class BrokenEvent:
    def query(self) -> bool:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    synchronize = query


def test_a_device_that_fails_costs_its_records_and_raises_nothing() -> None:
    recorder = EpisodeRecorder(sender="thread")
    recorder._steps._devices.copy = lambda _ring, _tensors: BrokenEvent()  # type: ignore[method-assign]
    record(recorder, 7, range(3))
    recorder.record_step(7, 3, **{**STEP, "meters": DeviceTensor()})
    record(recorder, 7, range(4, 200))
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].gaps == [(3, 4, "skipped")]
    assert recorder.stats().n_refused_steps == 1
    assert "illegal memory access" in recorder.stats().last_error
    assert_adds_up(recorder.stats(), 200)


def test_what_fails_while_the_recorder_looks_after_its_sender_or_logs_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("not today")

    recorder = EpisodeRecorder(sender="thread")
    monkeypatch.setattr(recorder._sender, "look", fail)
    monkeypatch.setattr(logging.getLogger("recorder.capture"), "error", fail)
    record(recorder, 7, range(130))
    recorder.record_step(7, 130, **{**STEP, "meters": "text"})
    recorder.finish_episode(7)
    monkeypatch.undo()
    assert recorder.close()
    assert recorder.stats().n_errors > 1
    assert_adds_up(recorder.stats(), 131)


def test_forgotten_recorders_hold_no_file_and_no_process_once_they_are_over(redis_url: str) -> None:
    def forget() -> Any:
        recorder = EpisodeRecorder(redis_url)
        record(recorder, 7, range(5))
        ring = recorder._ring
        del recorder
        gc.collect()
        wait_until(lambda: ring.outcome is not Outcome.AT_WORK, message="the end of the run")
        return weakref.ref(ring)

    rings = [forget() for _ in range(3)]
    EpisodeRecorder().close()
    gc.collect()
    assert [ring() for ring in rings] == [None] * 3
