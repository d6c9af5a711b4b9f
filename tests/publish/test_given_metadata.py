"""The metadata of an episode's end on its way from the call to whoever reads it: bytes that say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recorder import EpisodeMetadata
from recorder.episode import EpisodeStatus, Substrate
from recorder.publish.metadata.given import given_metadata, own_metadata, read_metadata
from recorder.values.text import decode_integer

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
    {"info": {"letters": "é"}, "epsilon": 1},
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
        {"own_key": object(), "lane": 3},
        {"affordance_visits": {"Bed": "often"}, "lane": 3},
        {"affordance_layout": {"Bed": (None, None)}, "lane": 3},
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


def test_a_key_that_can_not_be_unpacked_is_kept_as_text() -> None:
    packed, _ = own_metadata({"info": {Cell(x=1): "Bed", "seed": 5}, "lane": 3})
    assert read_metadata(packed) == ({"info": {"{'x': 1}": "Bed", "seed": 5}, "lane": 3}, [])


def itself() -> dict[str, Any]:
    """A map that holds itself."""
    ring: dict[str, Any] = {}
    ring["ring"] = [ring, ring]
    return ring


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("it says nothing")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (object(), "info.bad"),
        (Unspeakable(), "info.bad"),
        ({"deep": {"er": object()}}, "info.bad.deep.er"),
        ([1, object(), 3], "info.bad[1]"),
        (1j, "info.bad"),
        ("x" * 70_000, "info.bad"),
        (np.array([object()]), "info.bad[0]"),
        (torch.zeros(3, device="meta"), "info.bad"),
        (itself(), "info.bad.ring[0]"),
    ],
    ids=["object", "no_repr", "deep", "in_a_list", "complex", "large", "array", "meta", "itself"],
)
def test_one_bad_value_costs_itself_alone_and_is_named(value: Any, place: str) -> None:
    packed, wrong_at_once = own_metadata({"info": {"env_id": "Own-v0", "seed": 7, "bad": value, "mood": 0.5}})
    given, wrong_later = read_metadata(packed)
    wrong = [*wrong_at_once, *wrong_later]
    assert wrong
    assert str(wrong[0]).startswith(f"metadata: {place}: ")
    info = dict(given["info"])
    info.pop("bad", None)
    assert info == {"env_id": "Own-v0", "seed": 7, "mood": 0.5}


@pytest.mark.parametrize(
    ("field", "entries", "kept"),
    [
        ("affordance_visits", {"Bed": 1, "Job": "often"}, {"Bed": 1}),
        ("custom_action_uses", {"wave": 2, "bow": 2**70}, {"wave": 2}),
        ("affordance_layout", {"Bed": (1, 2), "Job": 5, "Gym": "far"}, {"Bed": [1, 2]}),
        ("affordance_layout", {"Bed": (1, 2), "Job": (None, 1)}, {"Bed": [1, 2]}),
    ],
)
def test_a_map_is_kept_but_for_its_bad_entries(field: str, entries: dict[str, Any], kept: dict[str, Any]) -> None:
    packed, wrong_at_once = own_metadata({field: entries, "lane": 3})
    given, wrong_later = read_metadata(packed)
    assert given == {field: kept, "lane": 3}
    assert len(wrong_at_once) + len(wrong_later) == len(entries) - len(kept)


@pytest.mark.parametrize("number", [2**64 - 1, 2**64, 2**127 + 1, -(2**63) - 1, 2**20_000 + 1], ids=int.bit_length)
def test_whole_numbers_of_any_size_come_back_exactly(number: int) -> None:
    packed, wrong = own_metadata(EpisodeMetadata(info={"seed": number, "more": [number, {"again": number}]}))
    given, wrong_later = read_metadata(packed)
    info = EpisodeMetadata.from_map(given).info
    assert [*wrong, *wrong_later] == []
    assert [decode_integer(it) for it in (info["seed"], info["more"][0], info["more"][1]["again"])] == [number] * 3


def test_letters_that_no_file_holds_are_replaced() -> None:
    packed, wrong = own_metadata({"info": {"bad\ud800": "half\udfff", "seed": 1}})
    assert (read_metadata(packed), wrong) == (({"info": {"bad\ufffd": "half\ufffd", "seed": 1}}, []), [])


def test_a_text_where_a_number_belongs_is_shown() -> None:
    _, (error,) = given_metadata({"curriculum_stage": "two"})
    assert str(error) == "metadata: curriculum_stage: expected a number, found str: 'two'"
