"""Markers, dull spans and samples of a timeline, on columns made for the purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay_server.outline import MAX_MARKERS, Columns, Marker, dull_spans, find_markers, sample_indexes, thin_markers


def markers(columns: Columns, **more: object) -> list[tuple[int, str, str]]:
    options: dict[str, object] = {
        "meter_names": ["energy"],
        "action_names": ["up", "INTERACT"],
        "affordances": {"Bed": (1, 1)},
    }
    found = find_markers(columns, first_index=100, **{**options, **more})  # type: ignore[arg-type]
    return [(marker.index, marker.kind, marker.label) for marker in found]


def columns(n_steps: int, **more: object) -> Columns:
    return Columns(n_steps=n_steps, reward=np.ones(n_steps), **more)  # type: ignore[arg-type]


def test_a_meter_is_marked_where_it_falls_below_a_tenth() -> None:
    falling = columns(5, meters=np.array([[0.5], [0.09], [0.05], [0.6], [0.02]]))
    assert markers(falling) == [(101, "low_meter", "energy at 9%"), (104, "low_meter", "energy at 2%")]


def test_a_meter_of_another_range_is_measured_by_its_own() -> None:
    assert markers(columns(3, meters=np.array([[100.0], [11.0], [9.0]]))) == [(102, "low_meter", "energy at 9%")]


def test_an_affordance_is_marked_where_its_use_begins() -> None:
    position = np.array([[0, 0], [1, 1], [1, 1], [1, 1], [0, 1]])
    assert markers(columns(5, position=position)) == [(101, "affordance", "at Bed")]
    acting = columns(5, position=position, action=np.array([1, 0, 1, 1, 1]))
    assert markers(acting) == [(102, "affordance", "using Bed")]
    progress = columns(5, position=position, interaction_progress=np.array([0, 0, 0, 0.5, 0]))
    assert markers(progress) == [(103, "affordance", "using Bed")]


def test_a_toss_up_between_allowed_actions_is_marked() -> None:
    q_values = np.array([[0.0, 1.0, 1.001], [0.0, 0.5, 1.0], [0.0, 1.0, 1.0]])
    masks = np.array([[True, True, True], [True, True, True], [True, True, False]])
    assert [found[0] for found in markers(columns(3, q_values=q_values, action_masks=masks))] == [100]
    assert [found[0] for found in markers(columns(3, q_values=q_values))] == [100, 102]
    assert markers(columns(2, q_values=np.full((2, 3), np.nan))) == []


def test_positions_without_coordinates_have_no_affordances() -> None:
    assert markers(columns(3, position=np.empty((3, 0)))) == []


def test_the_important_markers_stay() -> None:
    many = [Marker(index, "unsure", "") for index in range(1000)] + [Marker(999, "end", "")]
    kept = thin_markers(many, 10)
    assert [marker.index for marker in kept] == [0, 112, 223, 334, 445, 556, 667, 778, 889, 999]


def test_many_markers_are_thinned_evenly_over_the_whole_episode() -> None:
    n_steps = 100_000
    unsure = [Marker(index, "unsure", "") for index in range(0, n_steps, 7)]
    used = [Marker(index, "affordance", "") for index in range(0, n_steps, 1000)]
    rare = [Marker(60_000 + index, "low_meter", "") for index in range(20)]
    kept = thin_markers([*unsure, *used, *rare, Marker(n_steps - 1, "end", "")])
    assert 490 <= len(kept) <= MAX_MARKERS
    assert [marker.index for marker in kept] == sorted(marker.index for marker in kept)
    assert set(kept) >= {*used, *rare}, "a kind that matters more made room for one that matters less"
    for start in range(0, n_steps, n_steps // 10):
        of_tenth = [m for m in kept if m.kind == "unsure" and start <= m.index < start + n_steps // 10]
        assert 35 <= len(of_tenth) <= 41, f"{len(of_tenth)} from {start} on"


def test_markers_that_stand_in_one_place_leave_room_to_those_behind_them() -> None:
    crowd = [Marker(50_000 + index, "low_meter", "") for index in range(1000)]
    spread = [Marker(index, "affordance", "") for index in range(0, 100_000, 500)]
    kept = thin_markers([*crowd, *spread])
    assert set(kept) >= set(spread)
    assert 1 <= len(kept) - len(spread) <= 10


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["end", "gap", "low_meter", "affordance", "unsure"]))),
    st.integers(1, 20),
)
def test_thinned_markers_are_some_of_them_in_order(found: list[tuple[int, str]], limit: int) -> None:
    all_of_them = [Marker(index, kind, str(number)) for number, (index, kind) in enumerate(found)]
    kept = thin_markers(all_of_them, limit)
    assert len(kept) <= limit
    assert len(kept) == len(found) or len(found) > limit
    assert set(kept) <= set(all_of_them)
    assert [marker.index for marker in kept] == sorted(marker.index for marker in kept)


def test_a_dull_span_has_no_move_no_new_reward_and_no_marker() -> None:
    position = np.zeros((60, 2))
    position[40:] = 1
    assert dull_spans(columns(60, position=position), []) == [(1, 40), (41, 60)]
    assert dull_spans(columns(60, position=position), [20]) == [(1, 20), (21, 40), (41, 60)]
    assert dull_spans(columns(60, position=position), [*range(0, 60, 10)]) == []
    assert dull_spans(columns(5, position=position[:5]), []) == []


def test_an_episode_that_tells_neither_positions_nor_meters_has_no_dull_spans() -> None:
    still = np.zeros((60, 1))
    assert dull_spans(columns(60, position=still[:, :0], meters=still), []) == [(1, 60)]
    assert dull_spans(columns(60), []) == []
    assert dull_spans(columns(60, position=still[:, :0], meters=still[:, :0]), []) == []


@given(n_steps=st.integers(0, 100_000), limit=st.integers(2, 600))
def test_samples_hold_the_first_and_the_last_step(n_steps: int, limit: int) -> None:
    at = sample_indexes(n_steps, limit)
    assert len(at) <= max(limit, 0)
    assert (np.diff(at) > 0).all()
    if n_steps:
        assert (at[0], at[-1]) == (0, n_steps - 1)


@pytest.mark.parametrize("n_steps", [0, 1])
def test_short_episodes_have_outlines(n_steps: int) -> None:
    empty = columns(
        n_steps, position=np.zeros((n_steps, 2)), meters=np.zeros((n_steps, 1)), q_values=np.zeros((n_steps, 3))
    )
    assert dull_spans(empty, []) == []
    assert len(markers(empty)) <= 1
