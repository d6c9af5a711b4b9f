"""``record_batch`` and ``record_step`` are two ways to say the same."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from recorder.capture import EpisodeRecorder
from recorder.episode_file import Episode
from tests.capture.recorded import assert_adds_up, close_and_read

PLURALS = {
    "position": "positions",
    "meters": "meters",
    "action": "actions",
    "reward": "rewards",
    "intrinsic_reward": "intrinsic_rewards",
    "done": "dones",
}


def steps_of(episode: Episode) -> list[tuple[Any, ...]]:
    """Every step, with its extras in a form that compares."""
    return [
        (replace(step, extras={}), {name: (value.dtype, value.tolist()) for name, value in step.extras.items()})
        for step in episode.steps()
    ]


@st.composite
def vector_runs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Calls of a trainer with a few lanes: episodes end at any time, numbers are left out, fields come and go, lanes pause."""
    n_lanes = draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    next_id = n_lanes
    ids, steps = np.arange(n_lanes), np.zeros(n_lanes, np.int64)
    n_q = draw(st.integers(1, 4))
    calls = []
    for _ in range(draw(st.integers(1, 60)) * draw(st.sampled_from([1, 1, 10]))):
        pauses = random.random(n_lanes) > draw(st.sampled_from([1.0, 0.9]))
        extras = {"x": random.normal(size=(n_lanes, 2, 2)).astype("f4")} if draw(st.integers(0, 9)) == 0 else {}
        calls.append(
            {
                "episode_ids": np.where(pauses, -1, ids),
                "steps": steps.copy(),
                "position": random.integers(0, 8, (n_lanes, 2)).astype(np.int16),
                "meters": random.random((n_lanes, 3)).astype("f4"),
                "action": random.integers(0, 6, n_lanes),
                "reward": random.normal(size=n_lanes).astype("f4"),
                "intrinsic_reward": random.random(n_lanes),
                "done": random.random(n_lanes) > 0.5,
                "q_values": random.normal(size=(n_lanes, n_q)) if random.random() > 0.1 else None,
                "epsilon": random.random(n_lanes),
                "action_masks": random.random((n_lanes, 5)) > 0.5,
                "extras": extras,
                "ended": [],
            }
        )
        steps += ~pauses + (random.random(n_lanes) > 0.95) * 3
        for lane in np.flatnonzero(random.random(n_lanes) > 0.97):
            calls[-1]["ended"].append(int(ids[lane]))
            ids[lane], steps[lane] = next_id, 0
            next_id += 1
        if random.random() > 0.99:
            n_q += 1
    return calls


def play(calls: list[dict[str, Any]], *, in_batches: bool, as_tensors: bool = False) -> Mapping[int, Any]:
    recorder = EpisodeRecorder(strict=True)
    form = (lambda array: torch.from_numpy(array)) if as_tensors else (lambda array: array)
    n_steps = 0
    for call in calls:
        values = {
            name: form(call[name])
            for name in (*PLURALS, "q_values", "epsilon", "action_masks")
            if call[name] is not None
        }
        extras = {name: form(array) for name, array in call["extras"].items()}
        n_steps += int((call["episode_ids"] >= 0).sum())
        if in_batches:
            named = {PLURALS.get(name, name): value for name, value in values.items()}
            recorder.record_batch(form(call["episode_ids"]), form(call["steps"]), **named, extras=extras)
        else:
            for lane in np.flatnonzero(call["episode_ids"] >= 0).tolist():
                one = {name: value[lane] for name, value in values.items()}
                one_extras = {name: value[lane] for name, value in extras.items()}
                episode_id, step = int(call["episode_ids"][lane]), int(call["steps"][lane])
                recorder.record_step(episode_id, step, **one, extras=one_extras, lane=lane)
        for episode_id in call["ended"]:
            recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    assert_adds_up(recorder.stats(), n_steps)
    return episodes


@given(calls=vector_runs(), as_tensors=st.booleans())
@settings(
    max_examples=25, phases=set(Phase) - {Phase.shrink}
)  # the steps come from a seed: none is simpler than another
def test_the_same_steps_by_either_call_give_the_same_episodes(calls: list[dict[str, Any]], as_tensors: bool) -> None:
    single = play(calls, in_batches=False)
    batched = play(calls, in_batches=True, as_tensors=as_tensors)
    assert sorted(single) == sorted(batched)
    for episode_id, one in single.items():
        other = batched[episode_id]
        assert one.gaps == other.gaps
        assert steps_of(one.episode) == steps_of(other.episode)
        assert one.metadata.status == other.metadata.status
        for name in ("lane", "survival_steps", "n_steps"):
            assert getattr(one.metadata, name) == getattr(other.metadata, name), name
        for name in ("total_reward", "intrinsic_reward", "epsilon"):
            expected = getattr(other.metadata, name)
            assert getattr(one.metadata, name) == (expected and pytest.approx(expected, rel=1e-6)), name


def test_both_calls_may_be_mixed_within_one_episode() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(0, 900, 3):
        recorder.record_step(7, step, (1, 2), (0.5,), 1, float(step))
        recorder.record_batch([7, 8], [step + 1, step], np.zeros((2, 2)), np.ones((2, 1)), [1, 1], [step + 1.0, step])
        recorder.record_step(7, step + 2, (1, 2), (0.5,), 1, step + 2.0)
        recorder.record_step(8, step + 1, (1, 2), (0.5,), 1, step + 1.0)
        recorder.record_step(8, step + 2, (1, 2), (0.5,), 1, step + 2.0)
    for episode_id in (7, 8):
        recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == [7, 8]
    for ended in episodes.values():
        assert ended.gaps == []
        assert [step.reward for step in ended.episode.steps()] == list(range(900))


@pytest.mark.parametrize("n_calls", [1, 255, 256, 257, 700])
def test_batches_across_the_blocks_they_are_gathered_in_are_whole(n_calls: int) -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(n_calls):
        recorder.record_batch(np.arange(3), np.full(3, step), None, None, None, np.full(3, float(step)))
    for episode_id in range(3):
        recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == [0, 1, 2]
    for ended in episodes.values():
        assert ended.episode.column("reward").tolist() == list(range(n_calls))


def test_the_lanes_of_a_batch_may_change_from_call_to_call() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step, lanes in enumerate([[4, 5], [5, 4], [4, 5]]):
        recorder.record_batch(np.array(lanes) * 10, [step, step], None, None, None, np.array(lanes, float), lanes=lanes)
    recorder.record_batch([60], [0], None, None, None, [6.0], lanes=torch.tensor([6]))
    for episode_id in (40, 50, 60):
        recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    assert {number: ended.metadata.lane for number, ended in episodes.items()} == {40: 4, 50: 5, 60: 6}
    assert episodes[40].episode.column("reward").tolist() == [4.0] * 3
    assert episodes[50].episode.column("reward").tolist() == [5.0] * 3


def test_an_empty_batch_is_nothing() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.record_batch([], [], [], [], [], [])
    recorder.record_batch(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2)), None, None, None)
    assert close_and_read(recorder) == {}


@pytest.mark.parametrize(
    "places",
    [
        {"episode_ids": [1.0, 2.0]},
        {"episode_ids": [[1], [2]]},
        {"episode_ids": ["a", "b"]},
        {"steps": 0},
        {"steps": [0]},
        {"steps": [0.0, 1.0]},
        {"steps": None},
        {"lanes": [0, 1, 2]},
        {"lanes": ["a", "b"]},
    ],
    ids=str,
)
def test_a_batch_of_no_place_is_refused_and_counted(places: dict[str, Any]) -> None:
    recorder = EpisodeRecorder()
    recorder.record_batch(
        **{"episode_ids": [1, 2], "steps": [0, 0], **places},
        positions=None,
        meters=None,
        actions=None,
        rewards=[1.0, 2.0],
    )
    assert close_and_read(recorder) == {}
    assert recorder.stats().n_errors == 1
    assert_adds_up(recorder.stats(), 2)


@pytest.mark.parametrize(
    "wrong", ["text", object(), [1.0], 5.0, [["a"], ["b"]], [1j, 2j], np.zeros((3, 2)), [[1], [2, 3]]]
)
def test_a_column_of_a_batch_that_does_not_fit_is_left_out_and_counted(wrong: Any) -> None:
    recorder = EpisodeRecorder()
    for step in range(3):
        meters = wrong if step == 1 else np.ones((2, 4), np.float32)
        recorder.record_batch([0, 1], [step, step], None, meters, None, [1.0, 2.0], extras={"y": [5, 6]})
    for episode_id in (0, 1):
        recorder.finish_episode(episode_id)
    for number, ended in close_and_read(recorder).items():
        assert ended.episode.present("meters").tolist() == [True, False, True]
        assert ended.episode.column("reward").tolist() == [1.0 + number] * 3
        assert ended.episode.column("extras.y").tolist() == [5 + number] * 3
    assert recorder.stats().n_mismatched_values == 2
    assert_adds_up(recorder.stats(), 6)


@pytest.mark.parametrize("steps", [[0, 0, 0], [0, 0]], ids=["closed", "steps_of_too_few_lanes"])
def test_a_refused_batch_counts_the_steps_that_it_had_not_its_lanes(steps: list[int]) -> None:
    recorder = EpisodeRecorder(sender="thread")
    if len(steps) == 3:
        recorder.close()
    places = np.zeros((3, 2))
    recorder.record_batch([7, -1, 8], steps, places, places, np.zeros(3), np.zeros(3))
    recorder.close()
    assert recorder.stats().n_refused_steps == 2


@pytest.mark.parametrize("ids", [[-3, 7], [7, 7]])
def test_lanes_that_can_t_be_recorded_are_refused_alone(ids: list[int]) -> None:
    recorder = EpisodeRecorder()
    for step in range(3):
        recorder.record_batch(ids, [step, step], None, None, None, [1.0, 2.0])
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].episode.n_steps == 3
    assert recorder.stats().n_refused_steps == 3
    assert_adds_up(recorder.stats(), 6)


def test_a_name_of_extras_that_no_file_takes_costs_itself_and_not_the_batch() -> None:
    recorder = EpisodeRecorder()
    for step in range(3):
        extras = {"caf\udce9": [1, 2], "café": [3, 4]}
        recorder.record_batch([0, 1], [step, step], None, None, None, [1.0, 2.0], extras=extras)
    for ended in close_and_read(recorder).values():
        assert ended.episode.n_steps == 3
        assert ended.episode.has_column("extras.café")
    assert recorder.stats().n_mismatched_values == 6
    assert_adds_up(recorder.stats(), 6)


SCALARS = {
    "rewards": np.float32,
    "intrinsic_rewards": np.float64,
    "dones": np.bool_,
    "time_of_day": np.int64,
    "interaction_progress": np.float32,
    "terminated": np.bool_,
    "truncated": np.bool_,
    "epsilon": np.float64,
}


@pytest.mark.parametrize("form", [np.asarray, torch.from_numpy, np.ndarray.tolist])
def test_one_number_a_lane_may_come_with_further_axes_of_one(form: Any) -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(5):
        numbers = np.array([step % 2, 1])
        shape = (2, 1) if step != 2 else (2,)
        scalars = {name: form(numbers.astype(dtype).reshape(shape)) for name, dtype in SCALARS.items()}
        recorder.record_batch([0, 1], [step, step], np.zeros((2, 2)), np.ones((2, 1)), np.zeros((2, 1)), **scalars)
    for episode_id in (0, 1):
        recorder.finish_episode(episode_id)
    episodes = close_and_read(recorder)
    first = episodes[0].episode
    assert first.column("reward").tolist() == [0.0, 1.0, 0.0, 1.0, 0.0]
    for name in ("intrinsic_reward", "done", "time_of_day", "interaction_progress", "terminated", "truncated"):
        assert first.column(name).shape == (5,), name
    assert first.column("action").shape == (5, 1), "a vector of one component stays a vector"
    assert episodes[1].metadata.epsilon == 1.0
    assert episodes[1].metadata.total_reward == 5.0


@pytest.mark.parametrize("name", SCALARS)
def test_several_numbers_a_lane_where_one_belongs_are_left_out_and_counted(name: str) -> None:
    recorder = EpisodeRecorder()
    for step in range(3):
        values = {"rewards": [1.0, 2.0], name: np.ones((2, 2 if step == 1 else 1))}
        recorder.record_batch([0, 1], [step, step], None, [[0.5], [0.5]], None, **values)
    for episode_id in (0, 1):
        recorder.finish_episode(episode_id)
    for ended in close_and_read(recorder).values():
        column = {plural: one for one, plural in PLURALS.items()}.get(name, name)
        assert ended.episode.present(column).tolist() == [True, False, True]
        assert ended.episode.column("meters").tolist() == [[0.5]] * 3
    assert recorder.stats().n_mismatched_values == 2
    assert_adds_up(recorder.stats(), 6)


@pytest.mark.parametrize("extras", [[1, 2], 5, "text", np.zeros(2)])
def test_extras_of_a_batch_that_are_no_map_are_left_out_of_every_call_and_counted(extras: Any) -> None:
    recorder = EpisodeRecorder()
    for step in range(4):
        recorder.record_batch([0, 1], [step, step], None, None, None, [1.0, 2.0], extras=extras)
    assert [ended.episode.n_steps for ended in close_and_read(recorder).values()] == [4, 4]
    assert recorder.stats().n_mismatched_values == 8
    assert "extras: expected a map" in recorder.stats().last_error
    assert_adds_up(recorder.stats(), 8)


def test_an_array_that_a_call_was_given_can_be_resized_afterwards() -> None:
    """Nobody refers to it any more."""
    arrays = ids, steps, nothing = np.arange(2), np.zeros(2, np.int64), np.zeros((2, 0), np.float32)
    with EpisodeRecorder(strict=True, sender="thread") as recorder:
        before = [sys.getrefcount(array) for array in arrays]
        for _ in range(5):
            recorder.record_batch(ids, steps, nothing, nothing, np.zeros(2), np.ones(2))
            steps += 1
        assert [sys.getrefcount(array) for array in arrays] == before
        for array, shape in zip(arrays, ((3,), (3,), (3, 0)), strict=True):
            array.resize(shape, refcheck=False)  # numpy's own check refuses each array while coverage is measured
        ids[2] = 2
        recorder.record_batch(ids, steps, nothing, nothing, np.zeros(3), np.ones(3))
    lengths = {episode_id: ended.episode.n_steps for episode_id, ended in close_and_read(recorder).items()}
    assert lengths == {0: 6, 1: 6, 2: 1}


def test_flags_may_be_one_array_or_several_from_call_to_call() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    yes, no = np.array([True, False]), np.zeros(2, np.bool_)
    given = [(yes, yes, no), (yes, no, yes), (no, no, no), (yes, yes, yes), (no, yes.copy(), yes)]
    for step, (done, terminated, truncated) in enumerate(given):
        recorder.record_batch(
            [0, 1], np.full(2, step), None, None, None, None, dones=done, terminated=terminated, truncated=truncated
        )
    episodes = close_and_read(recorder)
    for place in (0, 1):
        for index, name in enumerate(("done", "terminated", "truncated")):
            expected = [flags[index][place] for flags in given]
            assert episodes[place].episode.column(name).tolist() == expected
