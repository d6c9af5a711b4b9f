"""The process that encodes and sends for a trainer: it sends what a thread would, outlives a trainer that is killed by what
was handed over, and ends with it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recorder.black_box import Outcome
from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.errors import UsageError
from recorder.sender.keeper import SenderProcess
from recorder.step_stream import CHUNK, RedisStepStream
from tests.capture.recorded import STEP, Ended, assert_adds_up, ends, finished_episodes, record
from tests.processes import PythonProcess, go_on, is_alive, stop
from tests.waiting import wait_until
from worker.ingest.assemble import read_play

N_LANES = 5

TRAINER = f"""
import os, sys, time
from recorder.capture import EpisodeRecorder, PublisherLimits
limits = PublisherLimits(flush_interval_secs=60)
recorder = EpisodeRecorder(sys.argv[1], run_id="run", limits=limits)
for step in range(1000):
    recorder.record_step(7, step, **{STEP!r})
while recorder.stats().n_bytes_waiting:
    time.sleep(0.01)
fork = os.fork() if sys.argv[2] == "forks" else 1
if fork:
    print("handed over, sender", recorder.sender_pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def stream(redis_url: str) -> Iterator[RedisStepStream]:
    stream = RedisStepStream(redis_url)
    yield stream
    stream.close()


def record_everything(recorder: EpisodeRecorder) -> None:
    """Steps and batches of every kind that a message can hold, events between them."""
    source = np.random.default_rng(1)
    buffer = torch.zeros(3)
    for step in range(700):
        buffer.add_(1)
        recorder.record_step(1, step, (1, 2), buffer, torch.tensor(step % 4), float(step), q_values=buffer[:2])
        numbers: Any = np.float32(step) if step % 3 else step
        recorder.record_step(2, step, None, np.full(2 + step // 400, step), [1, 2], numbers, extras={"note": numbers})
        if step % 10 == 5:
            recorder.record_step(3, step, (), [1.0], True, "no number", extras={"image": source.random((4, 4))})
        ids = np.arange(10, 10 + N_LANES) + (N_LANES if step >= 300 else 0)
        ids[np.arange(N_LANES) == step % 50] = -1  # no step of that lane
        values = torch.full((N_LANES, 2), float(step))
        if step == 300:
            for episode_id in range(10, 10 + N_LANES):
                recorder.finish_episode(episode_id, {"curriculum_stage": 2})
        recorder.record_batch(
            ids, [step % 300] * N_LANES, None, values, [0] * N_LANES, values[:, 0], epsilon=values[:, 1]
        )
        if step == 600:
            recorder.record_batch([50], [0], None, [[1.0]], [1], [2.0])
    recorder.keep(2, "odd")
    recorder.abort(3, "given up")
    recorder.finish_episode(1)
    recorder.finish_episode(2, {"total_reward": 5.0})


def content(ended: Ended) -> dict[str, Any]:
    """What an episode holds, but for when it was recorded."""
    metadata = ended.metadata.to_map()
    for name in ("run_id", "timestamp", "started_unix_nanos", "finished_unix_nanos", "env_steps"):
        del metadata[name]
    steps = [repr(step) for step in ended.episode.steps(0, ended.episode.n_steps)]
    return {**metadata, "reasons": ended.body["manual"], "steps": steps}


def test_it_sends_what_a_thread_would(redis_url: str, stream: RedisStepStream) -> None:
    found, stats = {}, {}
    # Chunks end where they are full, not where a flush falls: a chunk of ints alone has another dtype than one of floats.
    limits = PublisherLimits(flush_interval_secs=60)
    for sender in ("process", "thread"):
        with EpisodeRecorder(redis_url, run_id=sender, sender=sender, meter_names=["a"], limits=limits) as recorder:
            record_everything(recorder)
        stats[sender] = recorder.stats()
        found[sender] = {number: content(ended) for number, ended in finished_episodes(stream, sender).items()}
    assert len(found["thread"]) == 2 + 2 * N_LANES + 1
    assert found["process"] == found["thread"]
    for name in ("recorded", "missing", "refused"):
        assert getattr(stats["process"], f"n_{name}_steps") == getattr(stats["thread"], f"n_{name}_steps")
    assert stats["process"].n_mismatched_values == stats["thread"].n_mismatched_values == 70
    assert [body["kind"] for body in ends(stream, "process")][-1] == "run_end"


@pytest.mark.skipif(sys.platform != "linux", reason="the call is Linux's")
def test_a_trainers_first_calls_find_the_pages_of_their_ring_made(redis_url: str) -> None:
    with EpisodeRecorder(redis_url) as recorder:
        assert recorder.black_box is not None
        mappings = Path("/proc/self/smaps").read_text().partition(recorder.black_box.name)[2]
    resident = re.search(r"^Rss: +(\d+) kB$", mappings, re.MULTILINE)
    assert resident is not None
    assert int(resident[1]) >= 8 * 2**10


def test_what_a_killed_trainer_handed_over_is_sent_and_its_episodes_stay_open(
    redis_url: str, stream: RedisStepStream
) -> None:
    with PythonProcess("-c", TRAINER, redis_url, "alone") as trainer:
        sender_pid = int(trainer.wait_for("handed over").split()[-1])
        assert is_alive(sender_pid)
        trainer.kill()
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender process")
    found = read_play(stream.read_episode("run", 7, limit=1000))
    assert sum(chunk.n_steps for chunk, _ in found.chunks) == 1000
    assert [play.play.episode_id for play in stream.open_plays("run")] == [7]
    assert ends(stream, "run") == []
    (producer,) = stream.run_info("run").producers.values()
    assert producer["pid"] == trainer.pid
    assert not producer["closed"]


def test_a_fork_that_lives_on_does_not_keep_it(redis_url: str) -> None:
    with PythonProcess("-c", TRAINER, redis_url, "forks") as trainer:
        sender_pid = int(trainer.wait_for("handed over").split()[-1])
        trainer.kill()
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender process")


def test_signals_meant_for_the_trainer_never_end_its_sender(redis_url: str, stream: RedisStepStream) -> None:
    recorder = EpisodeRecorder(redis_url, run_id="run")
    record(recorder, 7, range(10))
    assert recorder.sender_pid is not None
    os.kill(recorder.sender_pid, signal.SIGINT)
    os.kill(recorder.sender_pid, signal.SIGTERM)
    record(recorder, 7, range(10, 20))
    assert recorder.close()
    assert finished_episodes(stream, "run")[7].episode.n_steps == 20
    assert not is_alive(recorder.sender_pid)


def test_a_recorder_that_nobody_holds_ends_its_run(redis_url: str, stream: RedisStepStream) -> None:
    recorder = EpisodeRecorder(redis_url, run_id="run")
    record(recorder, 7, range(10))
    del recorder
    gc.collect()
    wait_until(lambda: [body["kind"] for body in ends(stream, "run")] == ["end", "run_end"], message="the run's end")


def test_steps_that_found_no_room_are_gaps(redis_url: str, stream: RedisStepStream) -> None:
    recorder = EpisodeRecorder(redis_url, run_id="run", black_box_bytes=2**20)
    assert recorder.sender_pid is not None
    stop(recorder.sender_pid)
    n_steps = 0
    while not recorder.stats().n_dropped_steps:
        record(recorder, 7, range(n_steps, n_steps + 1000))
        n_steps += 1000
    go_on(recorder.sender_pid)
    recorder.finish_episode(7)
    assert recorder.close()
    assert_adds_up(recorder.stats(), n_steps)
    ended = finished_episodes(stream, "run")[7]
    assert sum((end or 0) - first for first, end, _ in ended.gaps) == recorder.stats().n_dropped_steps
    assert {reason for _, _, reason in ended.gaps} == {"dropped"}
    assert ended.episode.column("reward").tolist() == ended.episode.step_numbers.tolist()


def test_what_it_logs_is_in_the_trainers_log(caplog: pytest.LogCaptureFixture) -> None:
    recorder = EpisodeRecorder("redis://127.0.0.1:1", run_id="run")
    wait_until(lambda: recorder.stats() and "can't send for now" in caplog.text, message="a word of the sender process")
    assert not recorder.stats().is_connected
    recorder.close(timeout_secs=0)
    (record,) = [record for record in caplog.records if "can't send" in record.message]
    assert record.levelno == logging.ERROR
    assert record.name == "recorder.publish.publisher"
    assert f"run: hamlet-recorder recover --redis-url redis://127.0.0.1:1 {recorder.black_box}" in caplog.text


def test_a_log_handler_may_ask_for_the_counters(request: pytest.FixtureRequest) -> None:
    asked = threading.Event()

    class Asking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            recorder.stats()
            asked.set()

    recorder = EpisodeRecorder("redis://127.0.0.1:1", run_id="run")
    logger, handler = logging.getLogger("recorder.publish.publisher"), Asking()
    logger.addHandler(handler)
    request.addfinalizer(lambda: logger.removeHandler(handler))
    wait_until(lambda: recorder.stats() and asked.is_set(), message="a word of the sender process")
    recorder.close(timeout_secs=0)


def test_a_strict_recorder_raises_what_went_wrong_there(redis_url: str) -> None:
    recorder = EpisodeRecorder(redis_url, strict=True)
    record(recorder, 7, range(5))

    def repeat() -> bool:
        record(recorder, 7, range(1, 5))
        recorder.stats()
        return False

    with pytest.raises(Exception, match="came after step 4: refused"):
        wait_until(repeat, message="the error")
    with contextlib.suppress(UsageError):
        recorder.close()


def test_where_no_process_can_be_started_a_thread_sends(
    redis_url: str, stream: RedisStepStream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with EpisodeRecorder(redis_url, run_id="run") as recorder:
        assert recorder.sender_pid is None
        record(recorder, 7, range(10))
    assert finished_episodes(stream, "run")[7].episode.n_steps == 10
    assert "no sender process can be started" in caplog.text


def test_a_chunk_travels_when_it_is_full(redis_url: str, stream: RedisStepStream) -> None:
    with EpisodeRecorder(redis_url, run_id="run", limits=PublisherLimits(flush_interval_secs=60)) as recorder:
        record(recorder, 7, range(3 * 256))
        kinds = wait_until(lambda: [entry.kind for entry in stream.read_episode("run", 7)], message="an entry")
        assert CHUNK in kinds


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_sender_that_ends_while_the_trainer_looks_is_no_trouble(
    redis_url: str, is_removed: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = EpisodeRecorder(redis_url, strict=True)
    record(recorder, 7, range(3))
    ring, box, sender = recorder._ring, recorder.black_box, recorder._sender
    assert isinstance(sender, SenderProcess)
    assert sender._process is not None
    assert box is not None
    look = sender._process.poll

    def end_and_look() -> int | None:
        # What the sender does at this moment, when the trainer has just seen that it is at work.
        if ring.close_by:
            wait_until(lambda: ring.outcome is Outcome.ALL_SENT, message="the sender's end")
            wait_until(lambda: not is_removed or not box.exists(), message="the removal of the file")
        return look()

    monkeypatch.setattr(sender._process, "poll", end_and_look)
    assert recorder.close(), "and raises nothing"
    assert [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.ERROR] == []
