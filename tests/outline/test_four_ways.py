"""Recorded, live, HTML file and video have the same outline. tests/page tests the page's part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outline.ways import OUTLINE_FIELDS, RANGES, make_ways


@pytest.mark.parametrize("name", RANGES)
def test_recorded_live_html_and_chapters_have_the_same_outline(tmp_path: Path, name: str) -> None:
    ways = make_ways(tmp_path, *RANGES[name])
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
    kinds = {marker["kind"] for marker in ways.recorded["markers"]}
    assert kinds == {"low_meter", "affordance", "unsure", "gap", "best_reward", "end"}
    assert ways.recorded["dull"]


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
