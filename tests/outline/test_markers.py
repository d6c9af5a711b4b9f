"""Markers, dull spans, overview and bounds, on columns made for the purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.episode import EpisodeMetadata, Gap
from recorder.outline import MAX_MARKERS, MAX_SAMPLES, Marker, Outline, StepColumns, thin_markers
from recorder.outline.looks import DARK, number_affordances
from recorder.schema import ColumnSpec, Encoding, EpisodeSchema

BED = {"Bed": (1, 1)}


def columns(n_steps: int, *, first_step: int = 0, reward: Any = 1.0, **more: Any) -> StepColumns:
    arrays = {name: np.asarray(values, np.float64) for name, values in more.items()}
    return StepColumns(
        step_numbers=np.arange(first_step, first_step + n_steps),
        reward=np.broadcast_to(np.asarray(reward, np.float64), n_steps),
        intrinsic_reward=np.zeros(n_steps),
        **arrays,
    )


def outline_of(*parts: StepColumns, actions: tuple[str, ...] = (), affordances: Any = BED, **metadata: Any) -> Outline:
    """An open outline of episodes with these columns, whose one meter is called energy."""
    schema = EpisodeSchema(
        tuple(
            ColumnSpec(name, "<f8", values.shape[1:], Encoding.PLAIN)
            for name in ("position", "meters", "q_values", "interaction_progress")
            if (values := getattr(parts[0], name)) is not None
        )
    )
    outline = Outline(EpisodeMetadata(meter_names=("energy",), action_names=actions, **metadata), schema, affordances)
    for part in parts:
        outline.add(part)
    return outline


def found(outline: Outline) -> list[tuple[int, str]]:
    return [(marker.index, marker.label) for marker in outline.markers()]


def test_a_meter_is_marked_when_it_falls_below_a_tenth() -> None:
    falling = columns(5, meters=[[0.5], [0.09], [0.05], [0.6], [0.02]])
    assert found(outline_of(falling)) == [(1, "energy at 9%"), (4, "energy at 2%")]


def test_a_meter_from_0_to_100_has_levels_of_its_range() -> None:
    assert found(outline_of(columns(4, meters=[[60], [11], [9], [3]]))) == [(2, "energy at 9%")]


def test_a_meter_with_negative_values_has_no_low_level() -> None:
    outline = outline_of(columns(4, meters=[[1], [-1], [-0.99], [0.01]]))
    assert found(outline) == []
    assert outline.growth()["meter_ranges"] == [(-1.0, 1.0)]
    assert outline.growth()["meter_levels"] == [False]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.2, 0.7], (0, 1)), ([0, 1.2], (0, 1.2)), ([3, 60], (0, 100)), ([3, 250], (0, 250)), ([-2, 5], (-2, 5)),
     ([-3, -3], (-3, -2)), ([np.nan, np.inf], (0, 1))],
)  # fmt: skip
def test_the_range_of_a_meter_is_inferred_from_its_values(values: list[float], expected: tuple[float, float]) -> None:
    outline = outline_of(columns(2, meters=np.array(values)[:, None]))
    assert outline.growth()["meter_ranges"] == [pytest.approx(expected)]


def test_a_low_meter_is_not_marked_again_after_missing_values() -> None:
    assert found(outline_of(columns(4, meters=[[0.05], [np.nan], [0.05], [0.5]]))) == [(0, "energy at 5%")]


def test_an_affordance_is_marked_where_its_use_begins() -> None:
    position = [[0, 0], [1, 1], [1, 1], [1, 1], [0, 1]]
    assert found(outline_of(columns(5, position=position))) == [(1, "at Bed")]
    acting = columns(5, position=position, action=[1, 0, 1, 1, 1])
    assert found(outline_of(acting, actions=("up", "INTERACT"))) == [(2, "using Bed")]
    progress = columns(5, position=position, interaction_progress=[0, 0, 0, 0.5, 0])
    assert found(outline_of(progress)) == [(3, "using Bed")]


def test_nearly_equal_q_values_of_allowed_actions_are_marked() -> None:
    q_values = [[0.0, 1.0, 1.001], [0.0, 0.5, 1.0], [0.0, 1.0, 1.0]]
    masks = [[1, 1, 1], [1, 1, 1], [1, 1, 0]]
    assert [i for i, _ in found(outline_of(columns(3, q_values=q_values, action_masks=masks)))] == [0]
    assert [i for i, _ in found(outline_of(columns(3, q_values=q_values)))] == [0, 2]
    assert found(outline_of(columns(2, q_values=np.full((2, 3), np.nan)))) == []


def test_positions_without_coordinates_have_no_affordances() -> None:
    assert found(outline_of(columns(3, position=np.empty((3, 0))))) == []


def test_the_end_marks_the_greatest_reward_the_status_and_the_loss() -> None:
    outline = outline_of(columns(5, reward=[0, 1, 4.5, 4.5, 0]), columns(5, first_step=8, reward=1.0))
    assert found(outline) == [(5, "3 steps lost: dropped")]
    outline.close(EpisodeMetadata(status="salvaged"), [Gap(5, 8, "skipped"), Gap(13, None, "torn file")])  # type: ignore[arg-type]
    assert found(outline) == [
        (2, "greatest reward +4.50"),
        (5, "3 steps lost: skipped"),
        (9, "end (salvaged)"),
        (9, "steps lost: torn file"),
    ]


def test_thinning_keeps_the_important_markers() -> None:
    many = [Marker(index, "unsure", "") for index in range(1000)] + [Marker(999, "end", "")]
    kept = thin_markers(many, 10)
    assert [marker.index for marker in kept] == [0, 112, 223, 334, 445, 556, 667, 778, 889, 999]


def test_markers_are_thinned_evenly_over_the_episode() -> None:
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


def test_crowded_markers_leave_room_for_later_ones() -> None:
    crowd = [Marker(50_000 + index, "low_meter", "") for index in range(1000)]
    spread = [Marker(index, "affordance", "") for index in range(0, 100_000, 500)]
    kept = thin_markers([*crowd, *spread])
    assert set(kept) >= set(spread)
    assert 1 <= len(kept) - len(spread) <= 10


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["end", "gap", "low_meter", "affordance", "unsure"]))),
    st.integers(1, 20),
)
def test_thinned_markers_are_an_ordered_subset(found: list[tuple[int, str]], limit: int) -> None:
    all_of_them = [Marker(index, kind, str(number)) for number, (index, kind) in enumerate(found)]
    kept = thin_markers(all_of_them, limit)
    assert len(kept) <= limit
    assert len(kept) == len(found) or len(found) > limit
    assert set(kept) <= set(all_of_them)
    assert [marker.index for marker in kept] == sorted(marker.index for marker in kept)


def dull(*parts: StepColumns) -> list[tuple[int, int]]:
    return outline_of(*parts).dull()


def test_a_dull_span_has_no_move_no_new_reward_and_no_marker() -> None:
    position = np.zeros((60, 2))
    position[40:] = 2
    assert dull(columns(60, position=position)) == [(1, 40), (41, 60)]
    position[20] = 1
    assert dull(columns(60, position=position)) == [(1, 20), (22, 40), (41, 60)]
    assert dull(columns(60, position=np.zeros((60, 2)), reward=np.arange(60) // 30)) == [(1, 30), (31, 60)]
    low = np.full((60, 1), 0.5)
    low[20] = 0.01
    assert dull(columns(60, position=np.zeros((60, 2)), meters=low)) == [(1, 20), (21, 60)]
    assert dull(columns(5, position=position[:5])) == []


def test_a_dull_span_ends_where_steps_are_missing() -> None:
    still = np.zeros((30, 2))
    assert dull(columns(30, position=still), columns(30, first_step=30, position=still)) == [(1, 60)]
    assert dull(columns(30, position=still), columns(30, first_step=31, position=still)) == [(1, 30), (31, 60)]


def test_an_episode_without_positions_and_meters_has_no_dull_spans() -> None:
    still = np.full((60, 1), 0.5)
    assert dull(columns(60, position=still[:, :0], meters=still)) == [(1, 60)]
    assert dull(columns(60)) == []
    assert dull(columns(60, position=still[:, :0], meters=still[:, :0])) == []


@given(n_steps=st.integers(0, 5000), cut=st.integers(1, 5000))
def test_an_overview_has_the_first_and_the_last_step(n_steps: int, cut: int) -> None:
    parts = [columns(min(cut, n_steps - start), first_step=start) for start in range(0, n_steps, cut)]
    overview = outline_of(*parts or [columns(0)]).growth()["overview"]
    assert len(overview["index"]) <= MAX_SAMPLES + 1
    assert all(index % overview["stride"] == 0 for index in overview["index"][:-1])
    assert overview["cumulative_reward"] == [index + 1 for index in overview["index"]]
    if n_steps:
        assert (overview["index"][0], overview["index"][-1]) == (0, n_steps - 1)


def test_a_board_contains_all_positions_and_affordances() -> None:
    def bounds(position: Any, **metadata: Any) -> dict[str, list[float]]:
        found: dict[str, list[float]] = outline_of(columns(len(position), position=position), **metadata).growth()[
            "bounds"
        ]
        return found

    assert bounds([[0, 0], [4, 2]]) == {"low": [0, 0], "high": [5, 3]}
    assert bounds([[0, 0], [4, 2]], grid_size=8) == {"low": [0, 0], "high": [8, 8]}
    assert bounds([[-3, 0], [np.nan, np.inf]], affordances={"Bed": (1, 9), "Line": (50,)}) == {
        "low": [-3, 0],
        "high": [2, 10],
    }
    assert bounds([[0.5, 0.2]], affordances={}) == {"low": [0, 0], "high": [2, 2]}


def test_an_affordances_look_does_not_depend_on_its_position() -> None:
    names = ["Bed", "Job", "Park", "Shower", "Bar", "Gym", "Doctor", "HomeMeal"]
    numbers = number_affordances(names)
    assert numbers == number_affordances(reversed(names))
    assert len({number % len(DARK.affordances) for number in numbers.values()}) == len(names)
    many = number_affordances([f"place{number}" for number in range(40)])
    assert len(set(many.values())) == 40
    holes = number_affordances(["hole 1", "hole 12", "hole", "whole 1"])
    assert holes["hole 1"] == holes["hole 12"] == holes["hole"] != holes["whole 1"]


@pytest.mark.parametrize("n_steps", [0, 1])
def test_even_short_episodes_have_outlines(n_steps: int) -> None:
    outline = outline_of(
        columns(n_steps, position=np.zeros((n_steps, 2)), meters=np.ones((n_steps, 1)), q_values=np.zeros((n_steps, 3)))
    )
    outline.close(EpisodeMetadata(), [Gap(0, None, "torn file")])
    assert outline.dull() == []
    assert len(outline.markers()) == 2 * n_steps
