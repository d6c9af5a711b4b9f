"""What a trainer may pass as a value, and that the recording holds exactly that, as it was at the call."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from collections import namedtuple
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.errors import ShapeChangedError
from recorder.recorded_step import RecordedStep
from recorder.schema import STEP_FIELDS
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, record_one

FLOATS = [0.0, -1.5, 3.25, float("nan"), float("inf"), float("-inf"), 1e-42]


class Action(IntEnum):
    UP = 3


Cell = namedtuple("Cell", "x y")


@pytest.mark.parametrize("field", ["position", "meters", "action", "q_values"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
def test_arrays_keep_their_dtype_shape_and_bits(field: str, dtype: str) -> None:
    values = np.array([[0, 1, 2, 100], [4, 5, 6, 7]], dtype)
    column = record_one({field: values[0]}, {field: values[1]}).episode.column(field)
    assert column.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(column, values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("length", [0, 1, 6, 40])
def test_tensors_keep_their_dtype_and_bits(dtype: torch.dtype, length: int) -> None:
    tensors = [torch.arange(length).sub(2).to(dtype), torch.ones(length).to(dtype)]
    column = record_one({"meters": tensors[0]}, {"meters": tensors[1]}).episode.column("meters")
    expected = torch.stack(tensors).numpy()
    assert column.dtype == expected.dtype
    np.testing.assert_array_equal(column, expected)


@pytest.mark.parametrize("length", [len(FLOATS), 5 * len(FLOATS)])
def test_a_tensor_of_bfloat16_is_recorded_exactly_as_float32(length: int) -> None:
    tensor = torch.tensor(FLOATS * (length // len(FLOATS)), dtype=torch.bfloat16)
    column = record_one({"meters": tensor}, {"meters": tensor}).episode.column("meters")
    assert column.dtype == np.float32
    np.testing.assert_array_equal(column[1], tensor.float().numpy())


@pytest.mark.parametrize("length", [3, 40])
def test_a_tensor_that_wants_gradients_is_recorded_and_keeps_them(length: int) -> None:
    tensor = torch.linspace(0, 1, length, requires_grad=True)
    column = record_one({"q_values": tensor}, {"q_values": tensor * 2}).episode.column("q_values")
    np.testing.assert_array_equal(column, torch.stack([tensor, tensor * 2]).detach().numpy())
    assert tensor.requires_grad


@pytest.mark.parametrize("length", [4, 40])
def test_views_that_are_not_contiguous_are_read_in_their_own_order(length: int) -> None:
    grid = np.arange(2 * length * length, dtype=np.float32).reshape(2 * length, length)
    tensor = torch.from_numpy(grid)
    ended = record_one(
        {"meters": grid[::2, 1], "q_values": tensor[1::2, 2], "position": torch.tensor([1.0, 2.0]).flip(0)}
    )
    np.testing.assert_array_equal(ended.episode.column("meters"), grid[None, ::2, 1])
    np.testing.assert_array_equal(ended.episode.column("q_values"), grid[None, 1::2, 2])
    assert ended.episode.step(0).position == (2.0, 1.0)


def test_arrays_of_the_other_byte_order_or_from_a_pickle_are_recorded_by_value() -> None:
    values = np.array([1.5, -2.5], np.float32)
    foreign = values.astype(">f4")
    unpickled = pickle.loads(pickle.dumps(values))
    column = record_one({"meters": foreign}, {"meters": unpickled}, {"meters": values}).episode.column("meters")
    np.testing.assert_array_equal(column, [values] * 3)
    assert len(record_one(*[{"meters": foreign}, {"meters": values}] * 20).episode.chunks) == 1


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (2, 2),
        (np.int64(2), 2),
        (np.array(2), 2),
        (torch.tensor(2), 2),
        (Action.UP, 3),
        (np.array([0.5, -0.5]), (0.5, -0.5)),
        (torch.tensor([0.5, -0.5]), (0.5, -0.5)),
        ([0.5, -0.5], (0.5, -0.5)),
        ((torch.tensor(0.5), np.float64(-0.5)), (0.5, -0.5)),
    ],
)
def test_an_action_is_an_index_or_a_vector_in_any_form(action: Any, expected: Any) -> None:
    assert record_one({"action": action}, {"action": action}).episode.step(1).action == expected


@pytest.mark.parametrize(
    "position",
    [(3, 4), [3, 4], Cell(3, 4), np.array([3, 4]), torch.tensor([3, 4]), (np.int8(3), torch.tensor(4)), (3.0, 4.0)],
)
def test_a_position_is_any_sequence_of_numbers(position: Any) -> None:
    assert record_one({"position": position}, {"position": position}).episode.step(1).position == (3, 4)


@pytest.mark.parametrize("nothing", [(), [], np.zeros(0), torch.zeros(0)])
def test_a_position_may_have_no_coordinates(nothing: Any) -> None:
    ended = record_one({"position": nothing}, {"position": nothing})
    assert ended.episode.step(1).position == ()


@pytest.mark.parametrize(
    "reward",
    [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), np.array([0.5]), torch.tensor(0.5), torch.tensor([0.5])],
)
def test_a_scalar_is_one_number_in_any_form(reward: Any) -> None:
    ended = record_one(*[{"reward": reward, "intrinsic_reward": reward, "epsilon": reward}] * 3)
    assert ended.episode.column("reward").tolist() == [0.5] * 3
    assert (ended.metadata.total_reward, ended.metadata.intrinsic_reward, ended.metadata.epsilon) == (1.5, 1.5, 0.5)


def test_every_field_comes_back() -> None:
    values = {
        "position": (1, 2, 3),
        "meters": np.array([0.5, 0.25], np.float32),
        "action": 4,
        "reward": 1.5,
        "intrinsic_reward": 0.25,
        "done": True,
        "q_values": torch.tensor([1.0, 2.0]),
        "time_of_day": 13,
        "interaction_progress": 0.75,
        "terminated": False,
        "truncated": True,
        "epsilon": 0.125,
        "action_masks": np.array([True, False]),
        "extras": {"td_error": 0.5, "frame": np.arange(6, dtype=np.uint8).reshape(2, 3), "läuft": True},
    }
    step = record_one(values).episode.step(0)
    for name in ("position", "action", "reward", "intrinsic_reward", "done", "time_of_day", "interaction_progress"):
        assert getattr(step, name) == values[name], name
    assert (step.terminated, step.truncated, step.epsilon) == (False, True, 0.125)
    assert (step.meters, step.q_values, step.action_masks) == ((0.5, 0.25), (1.0, 2.0), (True, False))
    assert step.extras["td_error"] == 0.5
    assert step.extras["läuft"]
    np.testing.assert_array_equal(step.extras["frame"], [[0, 1, 2], [3, 4, 5]])


def test_nan_and_infinity_keep_their_bits() -> None:
    values = np.array(FLOATS, np.float32)
    ended = record_one(
        {"meters": values, "q_values": torch.tensor(FLOATS), "reward": float("nan"), "epsilon": float("inf")}
    )
    np.testing.assert_array_equal(ended.episode.column("meters")[0].view(np.uint32), values.view(np.uint32))
    np.testing.assert_array_equal(ended.episode.column("q_values")[0], values)
    assert np.isnan(ended.metadata.total_reward)
    assert ended.metadata.epsilon == float("inf")


def test_rewards_of_both_infinities_cost_no_step_where_warnings_are_errors() -> None:
    ended = record_one(*({"reward": reward, "epsilon": 0.5} for reward in (1.0, float("inf"), float("-inf"))))
    assert ended.episode.column("reward").tolist() == [1.0, float("inf"), float("-inf")]
    assert np.isnan(ended.metadata.total_reward)
    assert ended.metadata.epsilon == 0.5


def test_integers_beyond_what_a_float_holds_are_not_rounded() -> None:
    hashes = [2**53 + 1, 2**63 + 1, 5]
    ended = record_one(*({"extras": {"hash": value}} for value in hashes))
    assert [step.extras["hash"] for step in ended.episode.steps()] == hashes


LARGE = 2**53 + 1


@pytest.mark.parametrize(
    "numbers",
    [
        [0.5, LARGE, LARGE, LARGE],
        [LARGE, 0.5],
        [1, 1, 1, LARGE, 1, 0.5, 0.5, 0.5, -LARGE, True],
        [LARGE, None, 0.5, None, 1, LARGE, 0.25],
        [0.5, True, 2**53, -(2**53), 7],
    ],
)
@pytest.mark.parametrize("form", [lambda number: number, lambda number: None if number is None else (number, 1)])
def test_large_whole_numbers_beside_floats_are_not_rounded(numbers: list[Any], form: Any) -> None:
    given = [form(number) for number in numbers]
    ended = record_one(*({"extras": {"hash": value, "other": 1}} for value in given))
    found = [step.extras.get("hash") for step in ended.episode.steps()]
    for value, other in zip(found, given, strict=True):
        assert value == other if not isinstance(other, tuple) else tuple(value.tolist()) == other
    assert ended.metadata.gaps == ()


def test_buffers_may_be_reused_right_after_record_step() -> None:
    array, small, large = np.zeros(3), torch.zeros(3), torch.zeros(100)
    vector, frame, scalar = [0.0, 0.0], np.zeros((2, 2)), torch.tensor(0.0)
    recorder = EpisodeRecorder(strict=True)
    for step in range(3):
        array[:], small[:], large[:], vector[:], frame[:] = step, step, step, [step, step], step
        scalar.fill_(step)
        recorder.record_step(
            7, step, position=vector, meters=array, action=small, reward=scalar, q_values=large, extras={"frame": frame}
        )
        array[:], small[:], large[:], vector[:], frame[:] = -1, -1, -1, [-1, -1], -1
        scalar.fill_(-1)
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    for name in ("position", "meters", "action", "reward", "q_values", "extras.frame"):
        column = episode.column(name).reshape(3, -1)
        np.testing.assert_array_equal(column, np.repeat(np.arange(3.0)[:, None], column.shape[1], 1), err_msg=name)


@pytest.mark.parametrize("form", [list, tuple])
@pytest.mark.parametrize("buffer", [np.array(0.0), torch.tensor(0.0)])
def test_a_buffer_in_the_middle_of_a_list_is_copied_as_well(form: type, buffer: Any) -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(3):
        buffer[...] = step
        recorder.record_step(7, step, **{**STEP, "meters": form([0.5, buffer, 0.25])})
    buffer[...] = 99
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].episode.column("meters")[:, 1].tolist() == [0.0, 1.0, 2.0]


def test_buffers_may_be_reused_right_after_record_batch() -> None:
    ids, steps, lanes = np.array([0, 1]), torch.zeros(2, dtype=torch.int64), [5, 6]
    buffers: dict[str, Any] = {"positions": np.zeros((2, 2)), "meters": torch.zeros(2, 8), "actions": [0, 0]}
    rewards = torch.zeros(2)
    recorder = EpisodeRecorder(strict=True)
    for step in range(3):
        steps[:], rewards[:], buffers["positions"][:], buffers["meters"][:] = step, step, step, step
        buffers["actions"][:] = [step, step]
        recorder.record_batch(ids, steps, rewards=rewards, lanes=lanes, extras={"x": rewards}, **buffers)
        steps[:], rewards[:], buffers["positions"][:], buffers["meters"][:] = 99, -1, -1, -1
        buffers["actions"][:] = [-1, -1]
    ids[:], lanes[:] = 99, [99, 99]
    recorder.finish_episode(0)
    recorder.finish_episode(1)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == [0, 1]
    for number, ended in episodes.items():
        assert ended.metadata.lane == 5 + number
        for name in ("position", "meters", "action", "reward", "extras.x"):
            column = ended.episode.column(name).reshape(3, -1)
            np.testing.assert_array_equal(column, np.repeat(np.arange(3.0)[:, None], column.shape[1], 1), err_msg=name)


def test_a_field_that_changes_its_shape_begins_a_chunk_and_every_step_is_exact() -> None:
    lengths = [2, 2, 3, 3, 0, 2]
    ended = record_one(*({"meters": np.arange(length, dtype=np.float32)} for length in lengths))
    assert [step.meters for step in ended.episode.steps()] == [tuple(range(length)) for length in lengths]
    with pytest.raises(ShapeChangedError):
        ended.episode.column("meters")
    assert ended.metadata.gaps == ()


@pytest.mark.parametrize(
    "forms",
    [
        [np.array([1.0, 2.0]), (3.0, 4.0), np.array([5.0, 6.0])],
        [(1.0, 2.0), np.array([3.0, 4.0], np.float32), [5.0, 6.0]],
        [np.array([1.0, 2.0]), torch.tensor([3, 4]), np.array([5, 6], np.uint8)],
        [torch.tensor([1.0, 2.0]), None, np.array([3, 4], np.int32)],
        [None, np.array([1, 2]), None],
        # Eight numbers, and eight bytes: a mix-up of the two would go unnoticed.
        [(1.0,) * 8, np.array([3.0, 4.0], np.float32), (2.0,) * 8],
        [np.array([1], np.float64), None, np.array([1, 2], np.float32)],
    ],
)
def test_a_field_may_change_its_form_dtype_and_presence_from_step_to_step(forms: list[Any]) -> None:
    ended = record_one(*({"q_values": form} for form in forms))
    expected = [None if form is None else tuple(np.asarray(form, np.float64)) for form in forms]
    assert [step.q_values for step in ended.episode.steps()] == expected


def test_an_action_may_change_between_a_number_and_an_array_of_no_dimensions() -> None:
    forms = [np.array(1), 2, torch.tensor(3), 4, np.int64(5)]
    ended = record_one(*({"action": form} for form in forms))
    assert [step.action for step in ended.episode.steps()] == [1, 2, 3, 4, 5]


def test_a_field_may_appear_and_disappear() -> None:
    steps = [
        {},
        {"q_values": (1.0, 2.0), "extras": {"a": 1}},
        {"time_of_day": 5},
        {"extras": {"b": (1, 2)}},
        {"extras": {}},
    ]
    read = list(record_one(*steps).episode.steps())
    assert [step.q_values for step in read] == [None, (1.0, 2.0), None, None, None]
    assert [step.time_of_day for step in read] == [None, None, 5, None, None]
    assert [sorted(step.extras) for step in read] == [[], ["a"], [], ["b"], []]


@pytest.mark.parametrize(
    "wrong", ["text", object(), ["a", "b"], {"a": 1}, 1j, b"bytes", 2**70, np.array(["x"]), [[1], [2, 3]]]
)
@pytest.mark.parametrize("field", ["position", "meters", "action", "q_values", "reward", "done", "epsilon", "extras.x"])
def test_a_value_that_is_no_number_is_left_out_and_counted_and_the_rest_survives(field: str, wrong: Any) -> None:
    if field == "extras.x" and isinstance(wrong, str):
        wrong = ["text"]  # one text is a value of an extra
    recorder = EpisodeRecorder()
    for step in range(3):
        values: dict[str, Any] = {**STEP, "extras": {"y": 2.0}}
        if step == 1 and field == "extras.x":
            values["extras"] = {"x": wrong, "y": 2.0}
        elif step == 1:
            values[field] = wrong
        recorder.record_step(7, step, **values)
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    stats = recorder.stats()
    assert stats.n_mismatched_values == 1
    assert stats.n_errors >= 1
    assert field in stats.last_error or "not numbers" in stats.last_error
    assert_adds_up(stats, 3)
    assert episode.n_steps == 3
    if episode.has_column(field):
        assert episode.present(field).tolist() == [True, False, True]
    others = {"position", "meters", "action", "reward", "extras.y"} - {field}
    assert all(episode.present(name).all() for name in others)


@pytest.mark.parametrize(
    "extras",
    [
        {"x" * 300: 1.0},
        {"deep": np.zeros((1,) * 9)},
        {"huge": np.zeros(65 * 2**20, np.uint8)},
        {f"column {number}": 1.0 for number in range(2000)},
        {f"part {number}": np.zeros(30 * 2**20, np.uint8) for number in range(5)},
        {"caf\udce9": 1.0},
    ],
    ids=["name", "dimensions", "bytes", "columns", "bytes together", "letters"],
)
def test_what_a_reader_would_refuse_costs_itself_and_not_the_episode(extras: dict[str, Any]) -> None:
    recorder = EpisodeRecorder()
    recorder.record_step(7, 0, **STEP, extras={"kept": 1.0, **extras})
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    assert episode.column("reward").tolist() == [1.0]
    assert episode.column("extras.kept").tolist() == [1.0]
    assert recorder.stats().n_mismatched_values >= 1


def test_large_observations_make_smaller_chunks() -> None:
    scan = np.zeros(30_000, np.float32)
    ended = record_one(*({"extras": {"scan": scan + step}} for step in range(30)))
    assert max(chunk.n_steps for chunk in ended.episode.chunks) <= 9
    assert [step.extras["scan"][5] for step in ended.episode.steps()] == list(range(30))


def test_large_observations_of_a_batch_make_smaller_chunks() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(30):
        scans = np.full((2, 30_000), step, np.float32)
        recorder.record_batch(
            [0, 1], [step, step], np.zeros((2, 2)), np.ones((2, 1)), [0, 0], [0.0, 0.0], extras={"i": scans}
        )
    recorder.finish_episode(0)
    recorder.finish_episode(1)
    episodes = close_and_read(recorder)
    assert sorted(episodes) == [0, 1]
    for ended in episodes.values():
        assert max(chunk.n_steps for chunk in ended.episode.chunks) <= 9
        assert ended.episode.column("extras.i")[:, 5].tolist() == list(range(30))


def test_every_field_of_a_step_arrives_under_its_own_name() -> None:
    """``record_step`` makes a tuple by place: each field has another value here, so that none can take another's place."""
    values: dict[str, Any] = {
        name: [float(number), 0.5] if kind == "array" else float(number)
        for number, (name, kind) in enumerate(STEP_FIELDS.items(), start=2)
    }
    values |= {"action": 7, "done": False, "terminated": True, "truncated": False, "action_masks": [True, False]}
    values["time_of_day"] = 13
    assert set(inspect.signature(EpisodeRecorder.record_step).parameters) >= set(STEP_FIELDS)
    assert {field.name for field in dataclasses.fields(RecordedStep)} == {"step", *STEP_FIELDS, "extras"}
    step = record_one({**values, "extras": {"more": 3.0}}).episode.step(0)
    for name, value in values.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert getattr(step, name) == expected, name
    assert step.extras == {"more": 3.0}
