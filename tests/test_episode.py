"""Metadata: what anyone may give is brought to plain types, or refused with the field's name."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, Substrate
from recorder.errors import UsageError

_whole = st.integers(-(2**63), 2**63 - 1)
_names = st.lists(st.text(max_size=5), max_size=3).map(tuple)
_counts = st.dictionaries(st.text(max_size=5), _whole, max_size=3)
_json = st.recursive(
    st.none() | st.booleans() | _whole | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

metadata = st.builds(
    EpisodeMetadata,
    episode_id=_whole,
    survival_steps=_whole,
    total_reward=st.floats(allow_nan=False),
    curriculum_stage=_whole,
    timestamp=st.floats(allow_nan=False),
    affordance_layout=st.dictionaries(
        st.text(max_size=5), st.lists(_whole | st.floats(allow_nan=False), max_size=3).map(tuple), max_size=3
    ),
    affordance_visits=_counts,
    custom_action_uses=_counts,
    run_id=st.text(),
    meter_names=_names,
    action_names=_names,
    grid_size=st.none() | _whole | st.lists(_whole, max_size=2).map(tuple),
    substrate=st.none() | st.builds(Substrate, st.text(max_size=5), _whole, st.none() | _whole, st.none() | _whole),
    status=st.sampled_from(EpisodeStatus),
    gaps=st.lists(st.builds(Gap, _whole, st.none() | _whole, st.text(max_size=5)), max_size=3).map(tuple),
    info=st.dictionaries(st.text(max_size=5), _json, max_size=3),
)


@given(metadata)
def test_metadata_comes_back_through_msgpack(original: EpisodeMetadata) -> None:
    packed = msgpack.packb(original.to_map())
    assert EpisodeMetadata.from_map(msgpack.unpackb(packed)) == original


@given(metadata)
def test_the_map_is_json_too(original: EpisodeMetadata) -> None:
    assert EpisodeMetadata.from_map(json.loads(json.dumps(original.to_map()))) == original


@pytest.mark.parametrize(
    "number", [3, 3.0, np.int64(3), np.float32(3), np.array(3), torch.tensor(3), torch.tensor(3.0)]
)
def test_numbers_of_numpy_and_torch_become_python_numbers(number: Any) -> None:
    given_ = {"survival_steps": number, "total_reward": number, "affordance_visits": {"Bed": number}}
    for source in (EpisodeMetadata(**given_), EpisodeMetadata.from_map(given_)):
        found = source.to_map()
        assert (found["survival_steps"], found["total_reward"], found["affordance_visits"]) == (3, 3.0, {"Bed": 3})
        assert (type(found["survival_steps"]), type(found["total_reward"])) == (int, float)
        assert type(found["affordance_visits"]["Bed"]) is int
        msgpack.packb(found)


def test_cells_stay_whole_numbers() -> None:
    layout = EpisodeMetadata.from_map(
        {"affordance_layout": {"Bed": [2, 3], "Job": (0.5, np.int64(1))}}
    ).affordance_layout
    assert layout == {"Bed": (2, 3), "Job": (0.5, 1)}
    assert [type(x) for x in layout["Bed"]] == [int, int]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("episode_id", "7"),
        ("episode_id", None),
        ("episode_id", 7.5),
        ("episode_id", float("nan")),
        ("episode_id", float("inf")),
        ("episode_id", 2**64),
        ("episode_id", [7]),
        ("total_reward", "7"),
        ("total_reward", None),
        ("run_id", 7),
        ("run_id", b"r"),
        ("status", "done"),
        ("status", None),
        ("meter_names", "energy"),
        ("grid_size", "8"),
        ("grid_size", [8, "9"]),
        ("substrate", "grid"),
        ("substrate", ["grid", 2, 8, 8, 8]),
        ("gaps", [[0]]),
        ("gaps", [[0, "1"]]),
        ("gaps", [3]),
        ("affordance_layout", {"Bed": 3}),
        ("affordance_layout", {"Bed": "23"}),
        ("affordance_layout", [1]),
        ("affordance_visits", {"Bed": "3"}),
        ("affordance_visits", 3),
        ("info", [1]),
    ],
)
def test_an_invalid_field_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^episode metadata: {field}: "):
        EpisodeMetadata.from_map({field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("curriculum_stage", "two", "expected a whole number of at most 64 bits, or None, found 'two'"),
        ("curriculum_stage", [1], "expected a whole number of at most 64 bits, or None, found [1]"),
        ("curriculum_stage", float("nan"), "expected a whole number of at most 64 bits, or None, found nan"),
        pytest.param("episode_id", 2**20_000, "expected a whole number of at most 64 bits, found int", id="endless"),
        ("epsilon", "much", "expected a number, or None, found 'much'"),
        ("total_reward", [1.0], "expected a number, found [1.0]"),
        ("run_id", 7, "expected text, found 7"),
        ("status", "over", "expected one of complete, truncated, salvaged, aborted, found 'over'"),
        ("meter_names", 5, "expected a list of names, found 5"),
        ("affordance_visits", {"Bed": "x"}, "expected a map from names to whole numbers, found {'Bed': 'x'}"),
        ("affordance_layout", 5, "expected a map from names to coordinates, found 5"),
        ("grid_size", "wide", "expected a whole number, or one for each side, found 'wide'"),
        ("gaps", [3], "expected a list of Gap, found [3]"),
        ("substrate", "grid", "expected a Substrate, found 'grid'"),
        ("info", 5, "expected a map, found 5"),
    ],
)
def test_a_refused_field_says_what_was_expected_and_what_was_found(field: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        EpisodeMetadata.from_map({field: value})
    assert str(caught.value) == f"episode metadata: {field}: {message}"


@pytest.mark.parametrize("source", [None, [], "metadata", 3])
def test_a_value_that_is_no_map_is_refused(source: Any) -> None:
    with pytest.raises(UsageError, match="expected a map"):
        EpisodeMetadata.from_map(source)


def test_unknown_keys_go_to_info_and_missing_ones_take_their_defaults() -> None:
    found = EpisodeMetadata.from_map({"episode_id": 7, "weather": "rain", "info": {"seed": 3}})
    assert found == EpisodeMetadata(episode_id=7, info={"weather": "rain", "seed": 3})


def test_any_info_becomes_plain_values() -> None:
    info = {
        "array": np.arange(2),
        "scalar": np.float32(0.5),
        3: {"deep": (1, {2})},
        "big": 2**70,
        "path": EpisodeStatus,
    }
    found = EpisodeMetadata(info=info).to_map()["info"]
    assert found["array"] == [0, 1]
    assert (found["scalar"], found["3"]) == (0.5, {"deep": [1, [2]]})
    assert found["big"] == str(2**70)
    assert isinstance(found["path"], str)
    msgpack.packb(found)


def test_a_gap_counts_its_missing_steps() -> None:
    assert (Gap(3, 10).n_steps, Gap(3, None).n_steps) == (7, None)
