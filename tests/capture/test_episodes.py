"""From its first step to its end: what an episode holds, what is refused, and what its end says."""

from __future__ import annotations

import math
import time
from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeMetadata, Substrate, return_of
from recorder.publish.chunks import builder
from tests.capture.recorded import STEP, Ended, assert_adds_up, close_and_read, ends, record, record_one


def finish_with(metadata: Any, *, n_steps: int = 4, **options: Any) -> tuple[Ended, EpisodeRecorder]:
    """An episode of rewards 0, 1, 2, … and intrinsic rewards of 0.5, ended with this metadata."""
    recorder = EpisodeRecorder(**options)
    record(recorder, 7, range(n_steps), intrinsic_reward=0.5, epsilon=0.25, lane=2)
    recorder.finish_episode(7, metadata)
    return close_and_read(recorder)[7], recorder


def test_without_metadata_lengths_and_returns_are_summed_from_the_steps() -> None:
    before = time.time()
    metadata = finish_with(None)[0].metadata
    assert (metadata.survival_steps, metadata.n_steps, metadata.lane, metadata.epsilon) == (4, 4, 2, 0.25)
    assert (metadata.extrinsic_reward, metadata.intrinsic_reward, metadata.total_reward) == (6.0, 2.0, 6.0)
    assert before - 1 <= metadata.started_unix_nanos / 1e9 <= metadata.finished_unix_nanos / 1e9 <= time.time() + 1
    assert before - 1 <= metadata.timestamp <= time.time() + 1
    assert (str(metadata.status), metadata.curriculum_stage, metadata.env_steps) == ("complete", None, 4)
    assert metadata.intrinsic_weight is None


def test_what_metadata_leaves_out_is_summed_and_what_it_gives_stands() -> None:
    metadata = finish_with({"intrinsic_weight": 2.0, "extrinsic_reward": 100.0})[0].metadata
    assert (metadata.extrinsic_reward, metadata.intrinsic_reward, metadata.total_reward) == (100.0, 2.0, 104.0)


def test_a_zero_that_is_given_in_a_map_is_a_zero() -> None:
    metadata = finish_with({"total_reward": 0.0, "survival_steps": 0, "epsilon": 0})[0].metadata
    assert (metadata.total_reward, metadata.survival_steps, metadata.epsilon) == (0.0, 0, 0.0)
    assert metadata.extrinsic_reward == 6.0


def test_a_zero_that_episode_metadata_gives_is_a_zero_too() -> None:
    metadata = finish_with(EpisodeMetadata(epsilon=0.0, intrinsic_weight=0.0, curriculum_stage=0))[0].metadata
    assert (metadata.epsilon, metadata.intrinsic_weight, metadata.curriculum_stage) == (0.0, 0.0, 0)


def test_what_nobody_tells_is_unknown() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.record_step(0, 0, (3, 4), (), 2, 1.0)
    recorder.finish_episode(0, EpisodeMetadata(0, 1, 1.0, 1.0, 0.0, None, None, None, 1.7e9, {}, {}))
    metadata = close_and_read(recorder)[0].metadata
    assert (metadata.curriculum_stage, metadata.epsilon, metadata.intrinsic_weight) == (None, None, None)
    assert (metadata.total_reward, metadata.timestamp) == (1.0, 1.7e9)


def test_the_return_is_the_reward_alone_where_nobody_told_the_weight_of_the_other() -> None:
    assert return_of(6.0, 2.0, None) == 6.0
    assert return_of(6.0, math.inf, 0.0) == 6.0
    assert return_of(6.0, 2.0, 0.5) == 7.0
    metadata = finish_with({})[0].metadata
    assert (metadata.intrinsic_reward, metadata.total_reward) == (2.0, 6.0)


def test_of_episode_metadata_what_differs_from_its_defaults_is_given() -> None:
    metadata = finish_with(EpisodeMetadata(curriculum_stage=3, affordance_visits={"Bed": 2}))[0].metadata
    assert (metadata.curriculum_stage, metadata.affordance_visits) == (3, {"Bed": 2})
    assert (metadata.total_reward, metadata.survival_steps, metadata.epsilon) == (6.0, 4, 0.25)


def test_the_three_returns_of_episode_metadata_are_taken_together() -> None:
    given = EpisodeMetadata(total_reward=9.0, extrinsic_reward=9.0)
    metadata = finish_with(given)[0].metadata
    assert (metadata.total_reward, metadata.extrinsic_reward, metadata.intrinsic_reward) == (9.0, 9.0, 0.0)


def test_whole_metadata_comes_back() -> None:
    given = EpisodeMetadata(
        episode_id=99,
        survival_steps=40,
        total_reward=1.5,
        extrinsic_reward=1.0,
        intrinsic_reward=0.5,
        curriculum_stage=2,
        epsilon=0.75,
        intrinsic_weight=1.0,
        timestamp=123.5,
        affordance_layout={"Bed": (1, 2)},
        affordance_visits={"Bed": 3},
        run_id="another",
        custom_action_uses={"dance": 1},
        meter_names=("energy", "mood"),
        action_names=("up", "down"),
        grid_size=(8, 9),
        substrate=Substrate("grid", 2, 8, 9),
        env_steps=1000,
        info={"seed": 5, "läuft": [1, {"a": None}]},
    )
    ended, recorder = finish_with(given)
    found = ended.metadata
    for name in (
        "survival_steps", "total_reward", "extrinsic_reward", "intrinsic_reward", "curriculum_stage", "epsilon",
        "intrinsic_weight", "timestamp", "affordance_visits", "custom_action_uses", "meter_names", "action_names",
        "grid_size", "substrate", "env_steps", "info",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(given, name), name
    assert {name: tuple(cell) for name, cell in found.affordance_layout.items()} == {"Bed": (1, 2)}
    assert (found.episode_id, found.run_id, found.lane) == (7, recorder.run_id, 2), "identity is the recorder's"
    assert ended.body["total_reward"] == 1.5
    assert ended.body["info"] == given.info


def test_numbers_of_numpy_and_torch_are_as_good_as_python_s_in_metadata() -> None:
    given = {
        "total_reward": np.float32(1.5),
        "survival_steps": torch.tensor(40),
        "curriculum_stage": np.int64(2),
        "affordance_layout": {"Bed": np.array([1, 2])},
        "affordance_visits": {"Bed": torch.tensor(3)},
        "grid_size": np.array([8, 9]),
        "meter_names": np.array(["energy"]),
        "info": {"loss": np.float64(0.5), "weights": torch.tensor([1.0, 2.0]), "flag": np.bool_(True)},
    }
    ended, recorder = finish_with(given, strict=True)
    found = ended.metadata
    assert (found.total_reward, found.survival_steps, found.curriculum_stage, found.grid_size) == (1.5, 40, 2, (8, 9))
    assert (found.affordance_visits, tuple(found.meter_names)) == ({"Bed": 3}, ("energy",))
    assert found.info == {"loss": 0.5, "weights": [1.0, 2.0], "flag": True}
    assert recorder.stats().n_errors == 0


def test_fields_that_metadata_does_not_know_are_kept_in_info() -> None:
    assert finish_with({"seed": 5, "info": {"a": 1}})[0].metadata.info == {"seed": 5, "a": 1}


class Raising:
    """A tensor that can't be read."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def __repr__(self) -> str:
        return f"Raising({self._error.__name__})"

    def numpy(self) -> Any:
        raise self._error("no numbers here")


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_reward": "much"},
        {"survival_steps": 1.5},
        {"survival_steps": 2**80},
        {"curriculum_stage": None, "epsilon": ...},
        {"affordance_layout": 5},
        {"affordance_layout": {"Bed": 5}},
        {"affordance_visits": {"Bed": "often"}},
        {"meter_names": "energy"},
        {"grid_size": "8x8"},
        {"substrate": [1, 2, 3, 4, 5, 6]},
        {"info": {"model": ...}},
        {"info": {"blob": "x" * 100_000}},
        {"info": 5},
        {"epsilon": {"a": 1}},
        {"status": "done"},
        {"affordance_layout": {"Bed": (None, None)}},
        {"affordance_layout": {"Bed": "kitchen"}},
        {"bad\ud800": 1},
        {"info": {"loss": Raising(AttributeError)}},
        {"info": {"loss": Raising(RuntimeError)}},
        {"env_steps": Raising(KeyError)},
    ],
    ids=ascii,
)
def test_a_field_of_metadata_that_can_t_be_used_is_left_out_and_counted_and_the_end_stands(
    wrong: dict[str, Any],
) -> None:
    ended, recorder = finish_with({"intrinsic_weight": 2.0, **wrong})
    assert (ended.episode.n_steps, ended.metadata.intrinsic_weight, ended.metadata.total_reward) == (4, 2.0, 10.0)
    assert recorder.stats().n_errors == 1
    assert recorder.stats().last_error.startswith("metadata: ")


@pytest.mark.parametrize(
    "many",
    [
        {f"field {number}": "x" * 60_000 for number in range(75)},
        {f"field {number}": [[]] * 9_000 for number in range(12)},
    ],
    ids=["bytes", "lists"],
)
def test_fields_that_are_too_large_together_are_left_out_beyond_what_readers_take(many: dict[str, Any]) -> None:
    ended, recorder = finish_with({"curriculum_stage": 2, **many})
    kept = ended.metadata.info
    assert (ended.metadata.curriculum_stage, kept["field 0"]) == (2, many["field 0"])
    assert 0 < recorder.stats().n_errors == len(many) - len(kept)


@pytest.mark.parametrize("wrong", [5, "text", [1, 2], object(), EpisodeMetadata])
def test_metadata_that_is_none_at_all_is_counted_and_the_end_stands(wrong: object) -> None:
    ended, recorder = finish_with(wrong)
    assert ended.metadata.total_reward == 6.0
    assert recorder.stats().n_errors == 1


def test_what_all_episodes_share_is_given_once_and_may_be_overruled() -> None:
    shared: dict[str, Any] = {"meter_names": ["energy", "mood"], "action_names": ["up"], "grid_size": 8}
    shared |= {"substrate": Substrate("aspatial", 0), "affordance_layout": {"Bed": (1, 2)}}
    metadata = finish_with({"grid_size": 9}, **shared)[0].metadata
    assert (tuple(metadata.meter_names), tuple(metadata.action_names)) == (("energy", "mood"), ("up",))
    assert (metadata.grid_size, metadata.substrate) == (9, Substrate("aspatial", 0))
    assert tuple(metadata.affordance_layout["Bed"]) == (1, 2)


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
