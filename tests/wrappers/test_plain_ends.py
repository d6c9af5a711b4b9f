"""Ends that are packed from a template are those that a dict would be packed to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recorder.publish.metadata.given import own_metadata
from recorder.wrappers.episodes.open_episode import EpisodeFacts, note_resets, reset_numbers
from recorder.wrappers.episodes.plain_ends import PlainEnds


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("told", [{}, {"total_reward": -0.1}, {"total_reward": math.inf}])
@pytest.mark.parametrize("status", ["complete", "truncated"])
@pytest.mark.parametrize("names", [[], ["left", "right"]])
def test_a_packed_end_has_the_bytes_of_the_dict_that_it_stands_for(
    dtype: type[np.floating], told: dict[str, float], status: str, names: list[str]
) -> None:
    facts = EpisodeFacts("Env-v0", names, names)
    rows = np.linspace(-1.7, 2.9, 40).reshape(2, 20).astype(dtype)
    rows[1, :3] = math.nan, math.inf, -0.0
    ends = PlainEnds(facts, None, n_lanes=2)
    assert ends.begin({"observation": rows}, [1, 0])
    for place in (1, 0):
        info = facts.info.copy()
        note_resets([info], {"observation": rows}, [place])
        metadata = facts.ended(info, status, stage=None, has_position=False, added=told)
        for _ in range(2):  # the first makes the template
            assert ends.packed(place, status, told) == own_metadata(metadata)[0]


def test_an_end_without_lanes_has_the_bytes_of_the_dict_that_it_stands_for() -> None:
    facts = EpisodeFacts("Env-v0", ["x", "y"], [])
    observation = np.array([-0.1, math.nan], np.float32)
    ends = PlainEnds(facts, None)
    assert ends.begin({"observation": observation}, [0])
    info = {**facts.info, **reset_numbers({"observation": observation})}
    metadata = facts.ended(info, "complete", stage=None, has_position=False, added={})
    assert ends.packed(0, "complete", {}) == own_metadata(metadata)[0]
    assert not ends.begin({"observation": observation[None]}, [0])


def test_what_is_no_row_of_floats_is_left_to_the_dict() -> None:
    rows = np.zeros((2, 3), np.float32)
    ends = PlainEnds(EpisodeFacts("Env-v0", (), ()), None, n_lanes=2)
    assert not ends.begin({}, [0])
    assert not ends.begin({"observation": np.zeros((2, 3), np.int64)}, [0])
    assert not ends.begin({"observation": np.zeros((2, 1001), np.float32)}, [0])
    assert ends.begin({"observation": rows}, [0])
    for other in (rows.astype(np.float64), np.zeros((3, 2), np.float32).T, rows[:1], [rows[0].tolist()] * 2):
        assert not ends.begin({"observation": other}, [0])
    assert not ends.begin({"observation": rows, "other": rows}, [0])
    for told in ({"total_reward": 1}, {"return": 1.0}, {"total_reward": 1.0, "grid_size": 3}):
        assert ends.packed(0, "complete", told) is None
    long = PlainEnds(EpisodeFacts("Env-v0", (), ["a" * 70_000]), None, n_lanes=2)
    long.begin({"observation": rows}, [0])
    assert long.packed(0, "complete", {}) is None, "a field that is too large is left out, and counted"
