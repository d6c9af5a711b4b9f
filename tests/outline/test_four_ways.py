"""Recorded, live, HTML file and video have the same outline. tests/page tests the page's part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outline.ways import OUTLINE_FIELDS, RANGES, Ways, make_agent_ways, make_ways


@pytest.mark.parametrize("name", RANGES)
def test_recorded_live_html_and_chapters_have_the_same_outline(tmp_path: Path, name: str) -> None:
    ways = make_ways(tmp_path, *RANGES[name])
    assert_same(ways)
    kinds = {marker["kind"] for marker in ways.recorded["markers"]}
    assert kinds == {"low_meter", "affordance", "unsure", "gap", "best_reward", "end"}
    assert ways.recorded["dull"]
    low = [marker["index"] for marker in ways.recorded["markers"] if marker["kind"] == "low_meter"]
    spans = ways.recorded["critical"]
    assert all(any(start <= index < stop for start, stop in spans) for index in low)
    assert {start for start, _ in spans} <= set(low)
    assert ways.recorded["agents"] == []


def test_an_episode_of_agents_has_the_same_outline_in_all_ways(tmp_path: Path) -> None:
    ways = make_agent_ways(tmp_path)
    assert_same(ways)
    recorded = ways.recorded
    spans = {agent["id"]: agent["spans"] for agent in recorded["agents"]}
    assert spans == {"red_0": [[0, 104]], "red_1": [[0, 20]], "blue_0": [[10, 104]]}  # 16 steps are lost
    assert recorded["shown_agent"] == "blue_0"
    assert [team["name"] for team in recorded["teams"]] == ["blue", "red"]
    labels = {(marker["index"], marker["label"]) for marker in recorded["markers"] if marker["kind"] != "unsure"}
    assert {(10, "blue_0 joined"), (19, "red_1 terminated")} < labels
    assert any(label.startswith("red_0: energy at ") for _, label in labels)
    overview = recorded["overview"]
    red_0, red_1, blue = overview["agents"]
    assert (red_0[-1], red_1[-1], blue[:11]) == (104.0, 10.0, [*[None] * 10, 2.0])
    assert [len(curve) for curve in (red_0, blue)] == [len(overview["index"])] * 2
    assert overview["teams"] == [blue, [one + other for one, other in zip(red_0, red_1, strict=True)]]


def test_agents_that_join_live_are_told_with_their_chunk(tmp_path: Path) -> None:
    live = make_agent_ways(tmp_path).live
    assert [agent["id"] for agent in live[0]["agents"]] == ["red_0", "red_1", "blue_0"]
    assert [agent["spans"][0][1] for agent in live[0]["agents"]] == [16, 16, 16]
    changed = {agent["id"]: agent for agent in live[1]["agents"]}
    assert (changed["red_1"]["spans"], changed["red_1"]["outcome"]) == ([[0, 20]], "terminated")
    assert not {"team", "group", "slot", "pictures", "action_names"} & changed["red_1"].keys(), "these are known"
    assert [agent["id"] for agent in live[2]["agents"]] == ["red_0", "blue_0"], "the other one has left"
    returns = [value for message in live[:-1] for value in message["overview"]["agents"][0]]
    assert returns == live[-1]["overview"]["agents"][0]


def assert_same(ways: Ways) -> None:
    """All viewers have the same outline."""
    for field in OUTLINE_FIELDS:
        assert ways.html[field] == ways.recorded[field], field
        assert ways.live[-1][field] == ways.recorded[field], field
    assert ways.html["chunks"] == ways.recorded["chunks"]
    chosen = [
        (marker["index"], marker["kind"], marker["label"])
        for marker in ways.recorded["markers"]
        if marker["kind"] != "unsure"
    ]
    assert ways.chapters == chosen


def test_recorded_live_and_html_count_the_same_return(tmp_path: Path) -> None:
    ways = make_ways(tmp_path, 1.0, 0.0)
    first, n_steps, _, reward, intrinsic = ways.recorded["chunks"][-1]
    overview = ways.recorded["overview"]
    index = overview["index"].index(ways.recorded["total_steps"] - n_steps - 16)
    so_far = overview["cumulative_reward"][index : index + 17]
    assert so_far[0] < reward + 0.5 * intrinsic
    assert intrinsic == pytest.approx(0.02 * (first - 16), rel=1e-5)
    assert [row[:2] + row[3:] for message in ways.live[:-1] for row in message["chunks"]] == [
        row[:2] + row[3:] for row in ways.recorded["chunks"]
    ]
