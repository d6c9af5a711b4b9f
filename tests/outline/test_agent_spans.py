"""Dull and critical spans of several agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recorder.agents.columns import agent_column
from recorder.chunk import decode_chunk
from recorder.outline import Outline
from tests.agent_episodes import JOINS_AT, LEAVES_AT, NAMES, agent_episode_columns, agent_episode_table
from tests.episodes import make_chunks, make_metadata

N_STEPS = 80
LOW_AT = 72
"""The energy of all falls from 1 to 0, and is critical from here."""

Change = Callable[[dict[str, np.ndarray]], None]


def outline_of(change: Change = lambda _: None, chunk_steps: int = 16) -> Outline:
    """All agents stand still, apart from what is changed."""
    columns: dict[str, Any] = agent_episode_columns(N_STEPS)
    for group in (0, 1):
        for field in ("position", "q_values"):
            columns[agent_column(group, field)][:] = 1
    change(columns)
    schema, chunks = make_chunks(columns, chunk_steps=chunk_steps)
    metadata = make_metadata("agents", 0, N_STEPS, agents=agent_episode_table(N_STEPS), affordance_layout={}, **NAMES)
    outline = Outline(metadata, schema, {})
    for _, _, frame in chunks:
        outline.add_chunk(decode_chunk(frame, schema))
    outline.close(metadata, ())
    return outline


@pytest.mark.parametrize("chunk_steps", [7, 256])
def test_an_episode_is_dull_where_no_agent_moves_joins_or_leaves(chunk_steps: int) -> None:
    def move(columns: dict[str, np.ndarray]) -> None:
        columns[agent_column(1, "position")][50:] = 2

    def earn(columns: dict[str, np.ndarray]) -> None:
        columns[agent_column(0, "reward")][40:42, 0] = 9  # and another earns less: the sum is the same
        columns[agent_column(1, "reward")][40:42, 0] -= 8

    assert JOINS_AT < LEAVES_AT  # too close to each other for a dull span
    assert outline_of(chunk_steps=chunk_steps).dull() == [(LEAVES_AT + 1, LOW_AT)]
    assert outline_of(move, chunk_steps).dull() == [(LEAVES_AT + 1, 50), (51, LOW_AT)]
    assert outline_of(earn, chunk_steps).dull() == [(LEAVES_AT + 1, 40), (43, LOW_AT)]


def test_an_agent_without_position_and_meters_may_do_anything_so_nothing_is_dull() -> None:
    def forget(columns: dict[str, np.ndarray]) -> None:
        del columns[agent_column(1, "position")], columns[agent_column(1, "meters")]

    assert outline_of(forget).dull() == []


def test_each_agent_has_its_critical_spans_and_the_episode_those_of_any() -> None:
    def starve(columns: dict[str, np.ndarray]) -> None:
        columns[agent_column(0, "meters")][30:35, 0, 1] = 0.01
        columns[agent_column(1, "meters")][50:55, 0, 1] = 0.01

    outline = outline_of(starve)
    rows = {row["id"]: row["critical"] for row in outline.to_map()["agents"]}
    assert rows == {"red_0": [(30, 35), (LOW_AT, N_STEPS)], "red_1": [], "blue_0": [(50, 55), (LOW_AT, N_STEPS)]}
    assert outline.critical() == [(30, 35), (50, 55), (LOW_AT, N_STEPS)]
