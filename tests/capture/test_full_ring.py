"""A full ring: what is dropped is counted and marked to the step, what blocks loses nothing, no end is lost."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from recorder.black_box.format import MIN_CAPACITY
from recorder.capture import EpisodeRecorder
from tests.capture.gated_stream import GatedStream, let_it_catch_up, recorder_behind
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, record
from tests.waiting import wait_until

SMALL: dict[str, Any] = {"black_box_bytes": MIN_CAPACITY}

PAD = {"extras": {"pad": np.arange(480.0)}}
"""Some 230 steps with it fill the small ring; it isn't large enough to be left out alone."""

N_MORE = 400


@pytest.fixture
def stream() -> Iterator[GatedStream]:
    stream = GatedStream()
    yield stream
    stream.gate.set()


def fill(recorder: EpisodeRecorder, episode_id: int, **values: Any) -> int:
    """Record an episode into a ring that nobody reads; gives the number of its steps that found room."""
    record(recorder, episode_id, range(N_MORE), **PAD, **values)
    n_taken = N_MORE - recorder.stats().n_dropped_steps
    assert 200 < n_taken < 300
    return n_taken


def test_steps_without_room_are_one_exact_gap_in_mid_episode(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    n_taken = fill(recorder, 7)
    let_it_catch_up(stream, recorder)
    record(recorder, 7, range(N_MORE, N_MORE + 10), **PAD)
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(n_taken, N_MORE, "dropped")]
    expected = [*range(n_taken), *range(N_MORE, N_MORE + 10)]
    assert ended.episode.step_numbers.tolist() == expected
    assert ended.episode.column("reward").tolist() == expected
    assert (ended.body["n_missing_steps"], ended.metadata.survival_steps) == (N_MORE - n_taken, N_MORE + 10)
    assert_adds_up(recorder.stats(), N_MORE + 10)


def test_steps_without_room_at_the_end_of_an_episode_are_a_gap_too(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    n_taken = fill(recorder, 7)
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(n_taken, N_MORE, "dropped")]
    assert ended.metadata.survival_steps == N_MORE
    assert_adds_up(recorder.stats(), N_MORE)


def test_an_episode_that_was_dropped_whole_ends_and_says_what_it_lacks(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    fill(recorder, 7)
    record(recorder, 8, range(10), lane=3, **PAD)
    record(recorder, 9, range(5), **PAD)
    recorder.finish_episode(8, {"total_reward": 5.0})
    let_it_catch_up(stream, recorder)
    episodes = close_and_read(recorder)
    assert (episodes[8].episode.n_steps, episodes[8].gaps) == (0, [(0, 10, "dropped")])
    assert (episodes[8].metadata.total_reward, episodes[8].metadata.lane) == (5.0, 3)
    assert (episodes[9].episode.n_steps, episodes[9].gaps) == (0, [(0, 5, "dropped")])
    assert episodes[9].metadata.status == "truncated"
    assert_adds_up(recorder.stats(), N_MORE + 15)


class CountsReads:
    """An array-like value that counts how often it is read."""

    def __init__(self, *shape: int) -> None:
        self.values = np.zeros(shape)
        self.n_reads = 0

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        self.n_reads += 1
        return self.values


def test_a_step_without_room_costs_no_second_look_at_its_values(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    value = CountsReads(480)
    record(recorder, 7, range(N_MORE), extras={"pad": value})
    n_dropped, n_reads = recorder.stats().n_dropped_steps, value.n_reads
    assert n_dropped > 0
    record(recorder, 7, range(N_MORE, N_MORE + 100), extras={"pad": value})
    assert recorder.stats().n_dropped_steps == n_dropped + 100
    assert value.n_reads == n_reads + 100
    let_it_catch_up(stream, recorder)
    assert close_and_read(recorder)[7].gaps == [(N_MORE - n_dropped, N_MORE + 100, "dropped")]


def test_a_batch_without_room_costs_no_second_look_at_its_values(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    value = CountsReads(2, 240)
    ids = np.array([7, -1])
    for step in range(N_MORE):
        recorder.record_batch(ids, np.full(2, step), None, None, None, np.zeros(2), extras={"pad": value})
    n_dropped, n_reads = recorder.stats().n_dropped_steps, value.n_reads
    assert n_dropped > 0
    for step in range(N_MORE, N_MORE + 100):
        recorder.record_batch(ids, np.full(2, step), None, None, None, np.zeros(2), extras={"pad": value})
    assert recorder.stats().n_dropped_steps == n_dropped + 100
    assert value.n_reads == n_reads + 100
    let_it_catch_up(stream, recorder)
    assert close_and_read(recorder)[7].gaps == [(N_MORE - n_dropped, N_MORE + 100, "dropped")]


def test_steps_that_the_trainer_left_out_are_not_called_dropped(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    record(recorder, 7, range(10), **PAD)
    record(recorder, 7, range(20, 20 + N_MORE), **PAD)
    n_taken = 10 + N_MORE - recorder.stats().n_dropped_steps
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(10, 20, "skipped"), (n_taken + 10, 20 + N_MORE, "dropped")]
    assert_adds_up(recorder.stats(), N_MORE + 10)


def test_no_end_or_abort_is_dropped_and_each_comes_after_its_steps(stream: GatedStream) -> None:
    """Far more ends than the ring holds: those without room wait in the trainer's memory."""
    recorder = recorder_behind(stream, **SMALL)
    for episode_id in range(300):
        record(recorder, episode_id, range(2), **PAD)
        if episode_id % 2:
            recorder.finish_episode(episode_id, {"info": {"note": "x" * 5000}})
        else:
            recorder.abort(episode_id, "too long")
    let_it_catch_up(stream, recorder)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == list(range(1, 300, 2))
    stats = recorder.stats()
    assert (stats.n_episodes_finished, stats.n_episodes_aborted) == (150, 150)
    assert stats.n_dropped_steps > 0
    assert_adds_up(stats, 600)


def test_a_batch_without_room_is_dropped_for_every_lane(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    n_lanes, n_calls = 10, 100
    for step in range(n_calls):
        extras = {"pad": np.zeros((n_lanes, 480))}
        recorder.record_batch(np.arange(n_lanes), np.full(n_lanes, step), None, None, None, None, extras=extras)
    n_dropped = recorder.stats().n_dropped_steps
    assert n_dropped % n_lanes == 0
    assert 0 < n_dropped < n_calls * n_lanes
    for episode_id in range(n_lanes):
        recorder.finish_episode(episode_id)
    let_it_catch_up(stream, recorder)
    for ended in close_and_read(recorder).values():
        assert ended.gaps == [(n_calls - n_dropped // n_lanes, n_calls, "dropped")]
    assert_adds_up(recorder.stats(), n_calls * n_lanes)


def test_lanes_without_a_step_do_not_count_as_dropped(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    ids = np.full(300, -1)
    ids[[5, 250]] = [7, 8]
    for step in range(200):
        recorder.record_batch(ids, np.full(300, step), None, None, np.arange(300), None)
    n_dropped = recorder.stats().n_dropped_steps
    assert n_dropped % 2 == 0
    assert 0 < n_dropped < 400
    for episode_id in (7, 8):
        recorder.finish_episode(episode_id)
    let_it_catch_up(stream, recorder)
    for ended in close_and_read(recorder).values():
        assert ended.gaps == [(200 - n_dropped // 2, 200, "dropped")]
        assert set(ended.episode.column("action").tolist()) == {ended.metadata.lane}
        assert ended.metadata.lane == {7: 5, 8: 250}[ended.metadata.episode_id]
    assert_adds_up(recorder.stats(), 400)


def test_a_batch_larger_than_a_record_is_written_in_parts() -> None:
    recorder = EpisodeRecorder(**SMALL, on_full="block", strict=True)
    n_lanes = 40
    for step in range(3):
        frames = np.full((n_lanes, 3, 50, 50), step, np.uint8) + np.arange(n_lanes, dtype=np.uint8)[:, None, None, None]
        recorder.record_batch(
            np.arange(n_lanes), np.full(n_lanes, step), None, None, None, np.arange(40.0), extras={"frame": frames}
        )
    episodes = close_and_read(recorder)
    assert len(episodes) == n_lanes
    for episode_id, ended in episodes.items():
        assert ended.metadata.lane == episode_id
        assert ended.episode.column("extras.frame")[:, 2, 7, 7].tolist() == [episode_id, episode_id + 1, episode_id + 2]
        assert ended.episode.column("reward").tolist() == [float(episode_id)] * 3


def test_where_it_blocks_nothing_is_lost(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL, on_full="block", strict=True)
    n_done = 0

    def train() -> None:
        nonlocal n_done
        for step in range(N_MORE):
            recorder.record_step(0, step, **STEP, **PAD)
            recorder.record_batch([1, 2], [step, step], None, None, None, [1.0, 1.0])
            n_done += 1
        for episode_id in range(3):
            recorder.finish_episode(episode_id)

    trainer = threading.Thread(target=train)
    trainer.start()
    wait_until(lambda: recorder.stats().n_bytes_waiting > MIN_CAPACITY * 0.8, message="a full ring")
    assert n_done < N_MORE
    stream.gate.set()
    trainer.join(60)
    assert n_done == N_MORE
    episodes = close_and_read(recorder)
    assert [episodes[episode_id].episode.n_steps for episode_id in range(3)] == [N_MORE] * 3
    assert all(ended.gaps == [] for ended in episodes.values())
    assert recorder.stats().n_missing_steps == 0


@pytest.mark.parametrize("on_full", ["drop", "block"])
def test_threads_may_record_at_once_and_every_step_is_accounted_for(on_full: str) -> None:
    recorder = EpisodeRecorder(**SMALL, on_full=on_full)
    n_threads, n_steps = 4, 1500

    def train(lane: int) -> None:
        record(recorder, lane, range(n_steps), lane=lane, **PAD)
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


def test_pictures_are_left_out_before_numbers(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL)
    frame = np.zeros((100, 100), np.uint8)
    record(recorder, 7, range(200), extras={"frame": frame})
    stats = recorder.stats()
    assert stats.n_dropped_steps == 0
    assert 100 < stats.n_dropped_values < 200
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    episode = close_and_read(recorder)[7].episode
    assert episode.column("reward").tolist() == list(range(200))
    assert episode.present("extras.frame").sum() == 200 - stats.n_dropped_values


def test_a_step_too_large_for_the_ring_is_recorded_without_its_largest_values() -> None:
    recorder = EpisodeRecorder(**SMALL)
    record(recorder, 7, range(3), extras={"huge": np.zeros(2**17), "small": 1.0})
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    assert set(episode.names) >= {"reward", "extras.small"}
    assert "extras.huge" not in episode.names
    assert recorder.stats().n_mismatched_values == 3
    assert "no room" in recorder.stats().last_error


def test_sample_records_some_episodes_whole_and_leaves_out_the_others(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL, on_full="sample")
    recorder._inlet.sampling._next_change = 0.0  # type: ignore[union-attr]
    n_episodes, n_steps = 400, 64
    for episode_id in range(n_episodes):
        record(recorder, episode_id, range(n_steps), extras={"pad": np.zeros(20)})
        recorder.finish_episode(episode_id)
        recorder._inlet.sampling._next_change = 0.0  # type: ignore[union-attr]
    let_it_catch_up(stream, recorder)
    episodes = close_and_read(recorder)
    stats = recorder.stats()
    assert stats.n_sampled_out_episodes > 100
    assert stats.n_sampled_out_steps == stats.n_sampled_out_episodes * n_steps
    assert len(episodes) == n_episodes - stats.n_sampled_out_episodes
    assert all(ended.gaps == [] and ended.episode.n_steps == n_steps for ended in episodes.values())
    assert_adds_up(stats, n_episodes * n_steps)


@pytest.mark.parametrize("kind", [int, np.int64, torch.tensor])
def test_sample_leaves_out_episodes_whatever_their_numbers_are(kind: Any) -> None:
    recorder = EpisodeRecorder(sender="thread", on_full="sample")
    sampling = recorder._inlet.sampling
    assert sampling is not None
    sampling.k, sampling._next_change = 4, math.inf
    for episode_id in range(40):
        for step in range(3):
            recorder.record_step(kind(episode_id), kind(step), **STEP)
        recorder.finish_episode(kind(episode_id))
    n_left_out = recorder.stats().n_sampled_out_episodes
    assert 20 < n_left_out < 40
    assert len(close_and_read(recorder)) == 40 - n_left_out
    assert_adds_up(recorder.stats(), 120)


def test_a_sender_that_makes_progress_is_waited_for_and_nothing_is_dropped() -> None:
    recorder = EpisodeRecorder(**SMALL, sender="thread", strict=True)
    n_steps = 3000
    record(recorder, 0, range(n_steps), **PAD)
    recorder.finish_episode(0)
    assert close_and_read(recorder)[0].episode.column("reward").tolist() == list(range(n_steps))
    stats = recorder.stats()
    assert stats.n_missing_steps == 0
    assert stats.n_waited_millis > 0


def test_a_sender_that_stands_still_is_waited_for_once(stream: GatedStream) -> None:
    recorder = recorder_behind(stream, **SMALL, hopes=True)
    fill(recorder, 7)
    n_waited_millis = recorder.stats().n_waited_millis
    assert n_waited_millis > 0
    record(recorder, 7, range(N_MORE, 2 * N_MORE), **PAD)
    assert recorder.stats().n_waited_millis == n_waited_millis
    recorder.finish_episode(7)
    let_it_catch_up(stream, recorder)
    assert_adds_up(close_and_read(recorder) and recorder.stats(), 2 * N_MORE)


@pytest.mark.parametrize(("lives_secs", "is_waited_for"), [(0.0, False), (1000.0, True)])
def test_calls_wait_for_a_slow_sender_for_a_part_of_the_time(
    stream: GatedStream, lives_secs: float, is_waited_for: bool
) -> None:
    waiting = recorder_behind(stream, **SMALL, hopes=True)._inlet._waiting
    waiting._began -= lives_secs
    waiting._spent_secs = 20.0
    assert waiting.wait(has_large=False) is is_waited_for
    assert not waiting.wait(has_large=True)
