"""The process that encodes and sends for a trainer: it sends what a thread would, outlives a trainer that is killed by what
was handed over, and ends with it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import redis
import torch

from recorder.capture import EpisodeRecorder, PublisherLimits, remote_publisher
from recorder.errors import UsageError
from recorder.step_stream import CHUNK, RedisStepStream
from tests.capture.recorded import STEP, Ended, assert_adds_up, ends, finished_episodes, record
from tests.processes import PythonProcess, is_alive
from tests.waiting import DEADLINE_SECS, wait_until
from worker.ingest.assemble import read_play

N_LANES = 5

TRAINER = f"""
import os, sys, time
from recorder.capture import EpisodeRecorder, PublisherLimits
limits = PublisherLimits(flush_interval_secs=60)
recorder = EpisodeRecorder(sys.argv[1], run_id="run", limits=limits)
for step in range(1000):
    recorder.record_step(7, step, **{STEP!r})
while recorder._handover.n_waiting_steps:
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


def test_when_it_is_killed_training_goes_on_and_every_step_is_accounted_for(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    limits = PublisherLimits(flush_interval_secs=0.01)
    recorder = EpisodeRecorder(redis_url, run_id="run", limits=limits)
    record(recorder, 7, range(1000))
    wait_until(lambda: recorder.stats().n_bytes_sent, message="the first bytes with the server")
    assert recorder.sender_pid is not None
    os.kill(recorder.sender_pid, signal.SIGKILL)
    n_steps = 1000

    def is_refused() -> bool:
        nonlocal n_steps
        record(recorder, 7, range(n_steps, n_steps + 10))
        n_steps += 10
        return recorder.stats().n_errors > 0

    wait_until(is_refused, message="the first call that is refused")
    assert not recorder.close()
    stats = recorder.stats()
    assert_adds_up(stats, n_steps)
    assert 0 < stats.n_recorded_steps <= 1000
    assert "ended by signal 9" in stats.last_error
    assert not stats.is_connected
    assert "nothing is recorded any more" in caplog.text


def test_another_one_takes_its_place_and_records_what_begins_from_then_on(
    redis_url: str, stream: RedisStepStream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_publisher, "_SHORTEST_LIFE_SECS", 0.0)
    recorder = EpisodeRecorder(redis_url, run_id="run", limits=PublisherLimits(flush_interval_secs=0.01))
    record(recorder, 7, range(1000))
    lanes = np.arange(N_LANES)
    for step in range(5):
        recorder.record_batch(20 + lanes, [step] * N_LANES, None, None, lanes, lanes)
    wait_until(lambda: len(stream.open_plays("run")) == 1 + N_LANES, message="all episodes with the server")
    wait_until(lambda: recorder.stats().n_recorded_steps, message="a report of it")
    first_pid = recorder.sender_pid
    assert first_pid is not None
    os.kill(first_pid, signal.SIGKILL)
    n_steps = 1000

    def is_replaced() -> bool:
        nonlocal n_steps
        record(recorder, 7, [n_steps])
        n_steps += 1
        return recorder.sender_pid != first_pid

    wait_until(is_replaced, message="another process")
    record(recorder, 7, range(n_steps, n_steps + 10))
    recorder.finish_episode(7)
    record(recorder, 8, range(300))
    recorder.finish_episode(8)
    for step in range(20):
        # The first rows follow in a block whose beginning is lost: an episode that begins there lacks them.
        recorder.record_batch(30 + lanes, [step] * N_LANES, None, None, lanes, lanes)
        wait_until(lambda: not recorder.stats().n_steps_waiting, message="the row passed on")
    for episode_id in (30 + lanes).tolist():
        recorder.finish_episode(episode_id)
    assert recorder.close()
    found = finished_episodes(stream, "run")
    assert sorted(found) == [8, *(30 + lanes)]
    assert found[8].episode.column("reward").tolist() == list(range(300))
    assert found[8].metadata.env_steps > 300
    for episode_id in 30 + lanes:
        numbers = found[episode_id].episode.step_numbers.tolist()
        assert numbers == list(range(20 - len(numbers), 20))
        assert len(numbers) >= 19
    assert {play.play.episode_id for play in stream.open_plays("run")} == {7, *(20 + lanes)}
    assert sorted(bool(each["closed"]) for each in stream.run_info("run").producers.values()) == [False, True]
    stats = recorder.stats()
    assert_adds_up(stats, n_steps + 10 + 300 + 25 * N_LANES)
    assert stats.n_refused_episodes == 1
    assert f"(pid {first_pid}) ended by signal 9; process {recorder.sender_pid} goes on" in caplog.text


def test_signals_meant_for_the_trainer_do_not_end_it_from_the_moment_on_that_there_is_a_recorder(
    redis_url: str, stream: RedisStepStream
) -> None:
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


def test_steps_that_the_queue_turned_away_are_gaps(redis_client: redis.Redis, redis_url: str) -> None:
    stream = RedisStepStream(redis_url)
    recorder = EpisodeRecorder(stream, run_id="run", queue_maxsize=1)
    n_steps = 0
    while not recorder.stats().n_dropped_steps:
        record(recorder, 7, range(n_steps, n_steps + 1000))
        n_steps += 1000
    recorder.finish_episode(7)
    assert recorder.close()
    assert_adds_up(recorder.stats(), n_steps)
    ended = finished_episodes(RedisStepStream(redis_url), "run")[7]
    assert sum((end or 0) - first for first, end, _ in ended.gaps) == recorder.stats().n_dropped_steps
    assert {reason for _, _, reason in ended.gaps} == {"dropped"}
    assert ended.episode.column("reward").tolist() == ended.episode.step_numbers.tolist()


def test_what_it_logs_is_in_the_trainers_log(caplog: pytest.LogCaptureFixture) -> None:
    recorder = EpisodeRecorder("redis://127.0.0.1:1", run_id="run")
    wait_until(lambda: "can't send for now" in caplog.text, message="a word of the sender process")
    assert not recorder.stats().is_connected
    recorder.close(timeout_secs=0)
    (record,) = [record for record in caplog.records if "can't send" in record.message]
    assert record.levelno == logging.ERROR
    assert record.name == "recorder.capture.publisher"


def test_a_log_handler_may_ask_for_the_counters(request: pytest.FixtureRequest) -> None:
    asked = threading.Event()

    class Asking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            recorder.stats()
            asked.set()

    recorder = EpisodeRecorder("redis://127.0.0.1:1", run_id="run")
    logger, handler = logging.getLogger("recorder.capture.publisher"), Asking()
    logger.addHandler(handler)
    request.addfinalizer(lambda: logger.removeHandler(handler))
    assert asked.wait(DEADLINE_SECS)
    recorder.close(timeout_secs=0)


def test_a_strict_recorder_raises_what_went_wrong_there(redis_url: str) -> None:
    recorder = EpisodeRecorder(redis_url, strict=True)
    record(recorder, 7, range(5))

    def repeat() -> bool:
        record(recorder, 7, range(5))
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
