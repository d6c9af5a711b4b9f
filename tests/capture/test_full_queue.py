"""A full hand-over queue: what is dropped is counted and marked to the step, what blocks loses nothing, no end is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from recorder.capture.handover import BLOCK_STEPS
from tests.capture.gated_stream import GatedStream, let_it_catch_up, recorder_behind
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, record
from tests.waiting import wait_until


@pytest.fixture
def stream() -> Iterator[GatedStream]:
    stream = GatedStream()
    yield stream
    stream.gate.set()


def test_the_steps_that_find_no_room_are_one_exact_gap_in_mid_episode(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    record(recorder, 7, range(100))
    assert recorder.stats().n_dropped_steps == 36
    let_it_catch_up(stream, recorder)
    record(recorder, 7, range(100, 110))
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(BLOCK_STEPS, 100, "dropped")]
    assert ended.episode.step_numbers.tolist() == [*range(64), *range(100, 110)]
    assert ended.episode.column("reward").tolist() == [*range(64), *range(100, 110)]
    assert (ended.body["n_missing_steps"], ended.metadata.survival_steps) == (36, 110)
    assert_adds_up(recorder.stats(), 110)


def test_the_steps_that_find_no_room_at_the_end_of_an_episode_are_a_gap_too(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    record(recorder, 7, range(100))
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(BLOCK_STEPS, 100, "dropped")]
    assert ended.metadata.survival_steps == 100
    assert_adds_up(recorder.stats(), 100)


def test_an_episode_that_was_dropped_whole_still_ends_and_says_what_it_lacks(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    record(recorder, 7, range(64))
    record(recorder, 8, range(10), lane=3)
    record(recorder, 9, range(5))
    recorder.finish_episode(8, {"total_reward": 5.0})
    let_it_catch_up(stream, recorder)
    episodes = close_and_read(recorder)
    assert (episodes[8].episode.n_steps, episodes[8].gaps) == (0, [(0, 10, "dropped")])
    assert (episodes[8].metadata.total_reward, episodes[8].metadata.lane) == (5.0, 3)
    assert str(episodes[9].metadata.status) == "truncated", "dropped whole, and never finished"
    assert episodes[9].gaps == [(0, 5, "dropped")]
    assert_adds_up(recorder.stats(), 79)


def test_steps_that_the_trainer_itself_left_out_are_not_called_dropped(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    record(recorder, 7, range(10))
    record(recorder, 7, range(20, 74))
    record(recorder, 7, range(80, 83))
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(10, 20, "skipped"), (74, 83, "dropped")]
    assert_adds_up(recorder.stats(), 67)


def test_no_end_keep_or_abort_is_dropped(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    for episode_id in range(200):
        record(recorder, episode_id, range(2))
        if episode_id % 2:
            recorder.finish_episode(episode_id)
        else:
            recorder.abort(episode_id, "too long")
    let_it_catch_up(stream, recorder)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == list(range(1, 200, 2))
    stats = recorder.stats()
    assert (stats.n_episodes_finished, stats.n_episodes_aborted) == (100, 100)
    assert stats.n_dropped_steps > 0
    assert_adds_up(stats, 400)


def test_a_batch_that_finds_no_room_is_dropped_for_every_lane(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    n_lanes = 10
    for step in range(9):
        recorder.record_batch(np.arange(n_lanes), np.full(n_lanes, step), np.zeros((n_lanes, 2)), None, None, None)
    n_dropped = recorder.stats().n_dropped_steps
    assert n_dropped % n_lanes == 0
    assert 0 < n_dropped < 9 * n_lanes
    for episode_id in range(n_lanes):
        recorder.finish_episode(episode_id)
    let_it_catch_up(stream, recorder)
    for ended in close_and_read(recorder).values():
        assert ended.gaps == [(9 - n_dropped // n_lanes, 9, "dropped")]
    assert_adds_up(recorder.stats(), 90)


def test_lanes_that_have_no_step_take_no_room_and_none_of_them_counts_as_dropped(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1)
    ids = np.full(300, -1)
    ids[[5, 250]] = [7, 8]
    for step in range(BLOCK_STEPS):
        recorder.record_batch(ids, np.full(300, step), None, None, np.arange(300), None)
    n_dropped = recorder.stats().n_dropped_steps
    assert n_dropped % 2 == 0
    assert 0 < n_dropped <= 2 * (BLOCK_STEPS - 20)  # with 300 steps each only one call would have found room
    for episode_id in (7, 8):
        recorder.finish_episode(episode_id)
    let_it_catch_up(stream, recorder)
    for ended in close_and_read(recorder).values():
        assert ended.gaps == [(BLOCK_STEPS - n_dropped // 2, BLOCK_STEPS, "dropped")]
        assert set(ended.episode.column("action").tolist()) == {ended.metadata.lane}
        assert ended.metadata.lane == {7: 5, 8: 250}[ended.metadata.episode_id]
    assert_adds_up(recorder.stats(), 2 * BLOCK_STEPS)


def test_a_batch_wider_than_the_queue_goes_through_alone(stream: GatedStream) -> None:
    recorder = EpisodeRecorder(queue_maxsize=1, on_full="block", strict=True)
    for step in range(20):
        recorder.record_batch(np.arange(300), np.full(300, step), None, None, np.zeros(300), None)
    assert len(close_and_read(recorder)) == 300
    assert recorder.stats().n_recorded_steps == 6000


def test_where_it_blocks_nothing_is_lost_and_the_trainer_goes_on_when_there_is_room(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, queue_maxsize=1, on_full="block", strict=True)
    n_done = 0

    def train() -> None:
        nonlocal n_done
        for step in range(500):
            recorder.record_step(0, step, **STEP)
            recorder.record_batch([1, 2], [step, step], None, None, None, [1.0, 1.0])
            n_done += 1
        for episode_id in range(3):
            recorder.finish_episode(episode_id)

    trainer = threading.Thread(target=train)
    trainer.start()
    wait_until(lambda: recorder.stats().n_steps_waiting >= BLOCK_STEPS - 1, message="a full queue")
    assert n_done < 500
    stream.gate.set()
    trainer.join(60)
    assert n_done == 500
    episodes = close_and_read(recorder)
    assert [episodes[episode_id].episode.n_steps for episode_id in range(3)] == [500] * 3
    assert all(ended.gaps == [] for ended in episodes.values())
    assert recorder.stats().n_missing_steps == 0


@pytest.mark.parametrize("on_full", ["drop", "block"])
def test_threads_may_record_at_once_and_every_step_is_accounted_for(on_full: str) -> None:
    recorder = EpisodeRecorder(queue_maxsize=1, on_full=on_full)  # type: ignore[arg-type]
    n_threads, n_steps = 4, 3000

    def train(lane: int) -> None:
        record(recorder, lane, range(n_steps), lane=lane)
        recorder.finish_episode(lane)

    threads = [threading.Thread(target=train, args=(lane,)) for lane in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    episodes = close_and_read(recorder)
    stats = recorder.stats()
    assert_adds_up(stats, n_threads * n_steps)
    assert on_full == "drop" or stats.n_missing_steps == 0
    for lane, ended in episodes.items():
        assert ended.metadata.lane == lane
        assert [step.reward for step in ended.episode.steps()] == ended.episode.step_numbers.tolist()
        n_missing = sum(end - first for first, end, _ in ended.gaps if end is not None)
        assert ended.episode.n_steps + n_missing == n_steps


def test_a_queue_of_large_observations_holds_fewer_steps(stream: GatedStream) -> None:
    recorder = EpisodeRecorder(stream, queue_maxsize=1000)
    stream.gate.set()
    image = np.zeros((2000, 2000), np.uint8)
    record(recorder, 7, range(2), extras={"image": image})
    let_it_catch_up(stream, recorder)
    stream.caller_waits.clear()
    stream.gate.clear()
    assert stream.caller_waits.wait(60)
    record(recorder, 7, range(2, 102), extras={"image": image})
    stats = recorder.stats()
    assert stats.n_steps_waiting * image.nbytes <= 300 * 2**20
    assert stats.n_dropped_steps > 0
