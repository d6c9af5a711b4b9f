"""What an episode's metadata says, leaves out and gets wrong."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeMetadata, Substrate, return_of
from tests.capture.recorded import close_and_read, finish_with


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
