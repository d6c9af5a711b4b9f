"""The metadata of an episode's end on its way from the call to whoever reads it: bytes that say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recorder import EpisodeMetadata
from recorder.capture.given_metadata import given_metadata, own_metadata, read_metadata
from recorder.episode import EpisodeStatus, Substrate

GIVEN: list[EpisodeMetadata | dict[Any, Any] | None] = [
    None,
    {},
    EpisodeMetadata(),
    EpisodeMetadata(
        episode_id=7,
        survival_steps=12,
        total_reward=-1.5,
        curriculum_stage=3,
        affordance_layout={"Bed": (2, 3), "Job": [5, 6]},
        affordance_visits={"Bed": 4},
        meter_names=("energy", "mood"),
        grid_size=(8, 6),
        status=EpisodeStatus.TRUNCATED,
        info={"notes": ["a", {"b": None}], 3: True},
    ),
    EpisodeMetadata(substrate=Substrate("grid", 2, 8, 8), total_reward=np.float32(0.5)),  # type: ignore[arg-type]
    {"total_reward": 0.0, "info": {"state": np.arange(3)}, "own_key": {(1, 2): "cell"}},
    {"survival_steps": 3.0, "grid_size": [4, 4], "affordance_layout": {"Bed": np.array([1, 2])}},
    {"info": {"letters": "é\x00"}, "epsilon": 1},
]


@pytest.mark.parametrize("metadata", GIVEN)
def test_what_a_trainer_says_arrives_as_it_would_without_the_way(metadata: Any) -> None:
    packed, wrong_at_once = own_metadata(metadata)
    assert (read_metadata(packed), wrong_at_once) == (given_metadata(metadata), [])


def test_later_changes_of_the_trainer_s_own_maps_are_not_seen() -> None:
    visits = {"Bed": 1}
    packed, _ = own_metadata(EpisodeMetadata(affordance_visits=visits))
    visits["Bed"] = 2
    assert read_metadata(packed)[0] == {"affordance_visits": {"Bed": 1}}


@pytest.mark.parametrize(
    "metadata",
    [
        {"total_reward": "much", "lane": 3},
        {"total_reward": object(), "lane": 3},
        {"info": "no map", "lane": 3},
        {"own_key": 2**70, "lane": 3},
        {"info": {"large": "x" * 70_000}, "lane": 3},
        EpisodeMetadata(lane=3, survival_steps="long"),  # type: ignore[arg-type]
    ],
)
def test_a_field_that_can_not_be_is_named_once_and_the_others_stand(metadata: Any) -> None:
    packed, wrong_at_once = own_metadata(metadata)
    given, wrong_later = read_metadata(packed)
    assert given == {"lane": 3}
    assert len(wrong_at_once) + len(wrong_later) == 1


class Cell(dict[str, int]):
    """A map that can be a key, as msgpack packs it and does not unpack it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 1


def test_what_can_not_be_unpacked_again_costs_no_end() -> None:
    packed, _ = own_metadata({"info": {Cell(x=1): "Bed"}})
    given, wrong = read_metadata(packed)
    assert given == {}
    assert [str(error) for error in wrong] == ["metadata: it can't be read again: unhashable type: 'dict'"]
