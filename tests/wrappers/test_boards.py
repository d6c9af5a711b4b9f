"""Small known worlds are recorded with their boards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import minigrid  # noqa: F401 - registers its environments
import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from recorder.episode import Substrate
from recorder.wrappers import RecordEpisode
from tests.capture.recorded import close_and_read

WORLDS: dict[str, tuple[dict[str, Any], Sequence[int], dict[str, Any]]] = {
    "FrozenLake-v1": (
        {"is_slippery": False},
        (2, 2, 1),
        {
            "size": (4, 4),
            "path": [[1, 0], [2, 0], [2, 1]],
            "places": {"start": (0, 0), "hole 1": (1, 1), "hole 4": (0, 3), "goal": (3, 3)},
        },
    ),
    "CliffWalking-v1": (
        {},
        (0, 1, 2),
        {"size": (12, 4), "path": [[0, 2], [1, 2], [0, 3]], "places": {"cliff 1": (1, 3), "goal": (11, 3)}},
    ),
    "Taxi-v4": ({}, (), {"size": (5, 5), "places": {"destination": None, "passenger": None}}),
    "MiniGrid-DoorKey-5x5-v0": ({}, (2,), {"size": (5, 5), "places": {"goal": (3, 3), "yellow key": None}}),
}
"""Arguments, actions, and what is recorded with them."""


@pytest.mark.parametrize("name", WORLDS)
def test_a_known_world_is_recorded_with_its_board(name: str) -> None:
    arguments, actions, expected = WORLDS[name]
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(gymnasium.make(name, **arguments), recorder)
    env.reset(seed=3)
    inner: Any = env.unwrapped
    if name == "Taxi-v4":
        row, column, _, _ = inner.decode(inner.s)
        actions = (0,)
        expected["path"] = [[column, row + 1 if row < 4 else row]]
    if name.startswith("MiniGrid"):
        expected["path"] = [[int(place) for place in inner.front_pos]]
        if inner.grid.get(*inner.front_pos) is not None:
            expected["path"] = [[int(place) for place in inner.agent_pos]]
    for action in actions:
        env.step(action)
    env.close()
    (ended,) = close_and_read(recorder).values()
    metadata = ended.metadata
    assert metadata.substrate == Substrate("grid", 2, *expected["size"])
    assert ended.episode.column("position").tolist() == expected["path"]
    for place, cell in expected["places"].items():
        assert place in metadata.affordance_layout
        assert cell is None or tuple(metadata.affordance_layout[place]) == cell


def test_the_board_is_that_of_the_episodes_beginning() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(gymnasium.make("MiniGrid-DoorKey-5x5-v0"), recorder)
    env.reset(seed=3)
    inner: Any = env.unwrapped
    for column, row in np.ndindex(inner.width, inner.height):
        if getattr(inner.grid.get(column, row), "type", "") == "key":
            inner.grid.set(column, row, None)
    env.step(0)
    env.close()
    assert "yellow key" in close_and_read(recorder)[0].metadata.affordance_layout


def test_a_trainers_own_position_has_no_board_below_it() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(gymnasium.make("FrozenLake-v1", is_slippery=False), recorder)
    env.reset(seed=0)
    env.extras(position=(0.5, 0.5, 0.5))
    env.step(2)
    env.close()
    (ended,) = close_and_read(recorder).values()
    assert ended.metadata.affordance_layout == {}
    assert ended.episode.column("position")[0].tolist() == [0.5, 0.5, 0.5]
