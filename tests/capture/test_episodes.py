"""From its first step to its end: what an episode holds, what is refused, and what its end says."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.publish.chunks import builder
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, ends, finish_with, record, record_one


@pytest.mark.parametrize("n_steps", [1, 255, 256, 257, 512, 1000])
def test_episodes_of_any_length_are_whole(n_steps: int) -> None:
    ended, _ = finish_with(None, n_steps=n_steps)
    assert ended.episode.column("reward").tolist() == list(range(n_steps))
    assert ended.episode.step_numbers.tolist() == list(range(n_steps))
    assert ended.metadata.gaps == ()


def test_an_episode_of_a_hundred_thousand_steps_is_whole() -> None:
    recorder = EpisodeRecorder(on_full="block")
    record(recorder, 7, range(100_000))
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    np.testing.assert_array_equal(ended.episode.column("reward"), np.arange(100_000))
    assert ended.metadata.total_reward == 99_999 * 50_000
    assert recorder.stats().n_recorded_steps == 100_000


def test_an_episode_without_steps_has_an_end_all_the_same() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.finish_episode(7, {"curriculum_stage": 2})
    ended = close_and_read(recorder)[7]
    assert (ended.episode.n_steps, ended.metadata.curriculum_stage, ended.metadata.total_reward) == (0, 2, 0.0)


def test_episodes_of_many_lanes_interleave() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(300):
        for lane in range(5):
            recorder.record_step(lane, step, **{**STEP, "reward": float(step * lane)}, lane=lane)
    for lane in range(5):
        recorder.finish_episode(lane)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == list(range(5))
    for lane, ended in episodes.items():
        assert ended.metadata.lane == lane
        assert ended.episode.column("reward").tolist() == [float(step * lane) for step in range(300)]


def test_a_jump_of_the_step_number_is_a_gap() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 7, range(5, 8))
    record(recorder, 7, range(10, 12))
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert ended.gaps == [(0, 5, "skipped"), (8, 10, "skipped")]
    assert ended.episode.step_numbers.tolist() == [5, 6, 7, 10, 11]
    assert ended.body["n_missing_steps"] == 7


@pytest.mark.parametrize("in_batches", [False, True])
def test_what_lies_behind_more_gaps_than_a_file_can_hold_is_one_gap(
    monkeypatch: pytest.MonkeyPatch, in_batches: bool
) -> None:
    monkeypatch.setattr(builder, "_MAX_GAPS", 3)
    recorder = EpisodeRecorder()
    steps = [0, 2, 4, 6, 7, 9, 10, 300, 301]
    for step in steps:
        if in_batches:
            recorder.record_batch([7], [step], None, None, None, [1.0])
        else:
            recorder.record_step(7, step, **STEP)
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert ended.episode.step_numbers.tolist() == [0, 2, 4, 6, 7]
    assert ended.gaps == [(1, 2, "skipped"), (3, 4, "skipped"), (5, 6, "skipped"), (8, 302, "lost")]
    assert ended.metadata.survival_steps == 302
    assert recorder.stats().n_refused_steps == 4
    assert_adds_up(recorder.stats(), len(steps))


def test_steps_that_come_twice_or_out_of_order_are_refused_and_counted() -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(10))
    record(recorder, 7, range(8, 12))
    recorder.record_step(7, 3, **STEP)
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert ended.episode.column("reward").tolist() == list(range(12))
    assert recorder.stats().n_refused_steps == 3
    assert_adds_up(recorder.stats(), 15)


@pytest.mark.parametrize(
    "number", [-1, 2**63, 2**80, "7", 1.5, None, object(), np.float32(3), [7], torch.tensor([1, 2])]
)
@pytest.mark.parametrize("place", ["episode_id", "step", "lane"])
def test_a_step_of_no_place_is_refused_and_counted(place: str, number: Any) -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(3))
    recorder.record_step(**{"episode_id": 7, "step": 3, "lane": 0, place: number}, **STEP)
    record(recorder, 7, range(3, 5))
    recorder.finish_episode(7)
    ended = close_and_read(recorder)
    assert list(ended) == [7]
    assert ended[7].episode.n_steps >= 4 + (place == "lane" and isinstance(number, int))
    stats = recorder.stats()
    assert stats.n_errors >= (place != "lane" or not isinstance(number, int))
    assert_adds_up(stats, 6)


@pytest.mark.parametrize("make", [np.int64, np.uint8, torch.tensor, np.array])
def test_places_may_be_integers_of_numpy_and_torch(make: Any) -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(3):
        recorder.record_step(make(7), make(step), **STEP, lane=make(1))
    recorder.finish_episode(make(7))
    ended = close_and_read(recorder)
    assert list(ended) == [7]
    assert ended[7].episode.n_steps == 3
    assert ended[7].metadata.lane == 1


def test_a_step_after_the_end_is_refused_and_counted() -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(3))
    recorder.finish_episode(7)
    record(recorder, 7, range(3, 5))
    recorder.record_batch([7, 8], [5, 0], None, None, None, [1.0, 1.0])
    ended = close_and_read(recorder)
    assert ended[7].episode.n_steps == 3
    assert recorder.stats().n_refused_steps == 3
    assert_adds_up(recorder.stats(), 7)


def test_an_id_that_is_used_twice_is_refused_and_counted() -> None:
    recorder = EpisodeRecorder()
    for _ in range(2):
        record(recorder, 7, range(3))
        recorder.finish_episode(7)
    assert [end["kind"] for end in ends(recorder.stream, recorder.run_id)] == []
    assert close_and_read(recorder)[7].episode.n_steps == 3
    stats = recorder.stats()
    assert (stats.n_refused_episodes, stats.n_refused_steps, stats.n_episodes_finished) == (1, 3, 1)
    assert [end["kind"] for end in ends(recorder.stream, recorder.run_id)] == ["end", "run_end"]


def test_a_keep_before_the_end_stands_in_the_end_and_one_after_it_follows() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 7, range(3))
    recorder.keep(7, "odd")
    recorder.keep(7, "very odd")
    recorder.finish_episode(7)
    recorder.keep(7, "late")
    recorder.close()
    found = ends(recorder.stream, recorder.run_id)
    assert found[0]["manual"] == ["odd", "very odd"]
    assert found[1] == {"kind": "keep", "episode_id": 7, "reason": "late"}


def test_a_keep_reaches_an_episode_whose_batch_is_not_read_yet() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.record_batch([7], [0], None, None, None, [1.0])
    recorder.keep(7, "odd")
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].body["manual"] == ["odd"]


def test_a_reason_that_can_t_be_written_as_it_is_costs_neither_the_keep_nor_anybody_s_end() -> None:
    recorder = EpisodeRecorder(strict=True)
    for episode_id in (7, 8, 9):
        record(recorder, episode_id, range(3))
    recorder.keep(7, "bad\ud800\0")
    recorder.keep(7, "x" * 5_000_000)
    recorder.abort(8, "bad\ud800")
    episodes = close_and_read(recorder)
    assert episodes[7].body["manual"] == ["bad\ufffd\ufffd", "x" * 1000]
    assert sorted(episodes) == [7, 9]
    found = ends(recorder.stream, recorder.run_id)
    assert [(end["kind"], end.get("reason")) for end in found if end["kind"] != "end"] == [
        ("abort", "bad\ufffd"),
        ("run_end", None),
    ]


def test_an_episode_takes_so_many_reasons_and_each_of_them_once() -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(3))
    for number in range(300):
        recorder.keep(7, f"reason {number % 150}")
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].body["manual"] == [f"reason {number}" for number in range(100)]
    assert recorder.stats().n_errors == 100


def test_an_aborted_episode_leaves_no_stream_and_says_why() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 7, range(600))
    recorder.abort(7, "environment crashed")
    recorder.abort(8, "never begun")
    recorder.close()
    found = ends(recorder.stream, recorder.run_id)
    assert [(end["kind"], end.get("episode_id"), end.get("reason")) for end in found] == [
        ("abort", 7, "environment crashed"),
        ("abort", 8, "never begun"),
        ("run_end", None, None),
    ]
    assert (found[0]["status"], found[0]["n_steps"]) == ("aborted", 600)
    assert recorder.stream.episodes_held(recorder.run_id) == []
    assert recorder.stream.open_plays(recorder.run_id) == []
    assert_adds_up(recorder.stats(), 600)


def test_an_abort_after_the_end_and_a_step_after_the_abort_are_refused() -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(3))
    recorder.finish_episode(7)
    recorder.abort(7, "too late")
    record(recorder, 8, range(3))
    recorder.abort(8, "in time")
    record(recorder, 8, range(3, 5))
    assert list(close_and_read(recorder)) == [7]
    stats = recorder.stats()
    assert (stats.n_refused_episodes, stats.n_refused_steps, stats.n_episodes_aborted) == (1, 2, 1)
    assert_adds_up(stats, 8)


def test_encodings_are_not_chosen_for_a_whole_run_from_a_single_step() -> None:
    recorder = EpisodeRecorder(strict=True)
    random = np.random.default_rng(0)
    values = np.cumsum(random.normal(size=(600, 8)), axis=0).astype(np.float32)
    record(recorder, 1, range(1), meters=values[0])
    recorder.finish_episode(1)
    for episode_id in (2, 3):
        for step, meters in enumerate(values):
            recorder.record_step(episode_id, step, **{**STEP, "meters": meters})
        recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    sizes = [episodes[episode_id].body["n_bytes"] for episode_id in (2, 3)]
    assert sizes[0] == sizes[1]
    alone = record_one(*({"meters": meters} for meters in values))
    assert sizes[0] <= alone.body["n_bytes"] * 1.02


def test_an_end_is_small_and_plain() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.finish_episode(7, {"affordance_layout": {f"a{i}": (i, i) for i in range(100)}, "info": {"seed": 1}})
    recorder.close()
    assert len(msgpack.packb(dict(ends(recorder.stream, recorder.run_id)[0]))) < 1000
