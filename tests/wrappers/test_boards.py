"""Small known worlds are recorded with their boards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gymnasium
import minigrid.wrappers  # registers its environments
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus, Substrate
from recorder.wrappers import AutoSeed, RecordEpisode
from recorder.wrappers.boards import board_of
from recorder.wrappers.sb3 import RecorderCallback
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
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


def reference(name: str, arguments: dict[str, Any], lane: int) -> list[tuple[list[list[int]], dict[str, Any]]]:
    """Path and places of the episodes of a lane, by the single wrapper."""
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(walking(name, arguments, lane), recorder)
    env.reset(seed=lane)
    actions = actions_of(env.action_space, lane)
    for action in actions:
        if any(env.step(action)[2:4]):
            env.reset()
    env.close()
    return [episode_of(ended) for _, ended in sorted(close_and_read(recorder).items())]


def walking(name: str, arguments: dict[str, Any], lane: int) -> gymnasium.Env[Any, Any]:
    """An environment whose episodes are short, one lane's shorter than the other's."""
    return gymnasium.make(name, **arguments, max_episode_steps=7 + lane)


def actions_of(space: Any, lane: int) -> list[int]:
    space.seed(lane)
    return [int(space.sample()) for _ in range(N_STEPS)]


def episode_of(ended: Any) -> tuple[list[list[int]], dict[str, Any]]:
    assert ended.metadata.substrate is not None
    assert ended.metadata.substrate.type == "grid"
    return ended.episode.column("position").tolist(), dict(ended.metadata.affordance_layout)


LANES = 2
N_STEPS = 40
VECTOR_WORLDS = [
    ("FrozenLake-v1", {"is_slippery": False}),
    ("CliffWalking-v1", {}),
    ("Taxi-v4", {}),
    ("MiniGrid-LavaGapS5-v0", {}),
]


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    ("name", "arguments"), VECTOR_WORLDS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_lane_is_recorded_with_its_board_as_if_it_ran_alone(
    name: str, arguments: dict[str, Any], mode: AutoresetMode
) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    makers = [partial(walking, name, arguments, lane) for lane in range(LANES)]
    envs = RecordEpisodes(SyncVectorEnv(makers, autoreset_mode=mode), recorder)
    envs.reset(seed=list(range(LANES)))
    todo = [iter(actions_of(envs.single_action_space, lane)) for lane in range(LANES)]
    is_resetting = np.zeros(LANES, bool)
    while True:
        actions = [0 if is_resetting[lane] else next(todo[lane], None) for lane in range(LANES)]
        if None in actions:
            break
        _, _, terminations, truncations, _ = envs.step(np.array(actions))
        over = terminations | truncations
        if mode is AutoresetMode.DISABLED and over.any():
            envs.reset(options={"reset_mask": over})
        is_resetting = over & (mode is AutoresetMode.NEXT_STEP)
    envs.close()
    assert_paths(close_and_read(recorder), name, arguments)


def assert_paths(recorded: dict[int, Any], name: str, arguments: dict[str, Any]) -> None:
    """The episodes of each lane are those of the single wrapper, apart from the last, where one may have got further."""
    for lane in range(LANES):
        expected = reference(name, arguments, lane)
        found = [episode_of(ended) for _, ended in sorted(recorded.items()) if ended.metadata.lane == lane]
        assert len(found) >= 3
        assert found[:-1] == expected[: len(found) - 1]


@pytest.mark.parametrize(
    ("name", "arguments"), VECTOR_WORLDS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_callback_of_stable_baselines3_records_the_boards(name: str, arguments: dict[str, Any]) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = DummyVecEnv([partial(one_image, name, arguments, lane) for lane in range(LANES)])
    envs.seed(0)
    model = PPO(
        "MlpPolicy",
        envs,
        n_steps=30,
        batch_size=30,
        n_epochs=1,
        device="cpu",
        seed=0,
    )
    model.learn(30, callback=RecorderCallback(recorder))
    whole = [ended for ended in close_and_read(recorder).values() if ended.metadata.status == EpisodeStatus.COMPLETE]
    assert len(whole) >= 4
    for ended in whole:
        path, places = episode_of(ended)
        actions = ended.episode.column("action").tolist()
        seed = ended.metadata.info["seed"]
        env = walking(name, arguments, ended.metadata.lane)
        env.reset(seed=seed)
        board = board_of(env)
        assert board is not None
        board.begin()
        assert places == {key: tuple(cell) for key, cell in board.metadata()["affordance_layout"].items()}
        for action, cell in zip(actions, path, strict=True):
            env.step(action)
            assert list(board.position()) == cell


def one_image(name: str, arguments: dict[str, Any], lane: int) -> gymnasium.Env[Any, Any]:
    """With seeds, and without texts, which a policy can't take."""
    env = AutoSeed(walking(name, arguments, lane))
    return minigrid.wrappers.ImgObsWrapper(env) if name.startswith("MiniGrid") else env


def test_positions_of_the_trainers_own_outweigh_the_boards_of_lanes() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisodes(
        SyncVectorEnv([partial(walking, "FrozenLake-v1", {"is_slippery": False}, lane) for lane in range(LANES)]),
        recorder,
    )
    envs.reset(seed=0)
    envs.extras(position=np.full((LANES, 3), 0.5))
    envs.step(np.array([2, 2]))
    envs.close()
    for ended in close_and_read(recorder).values():
        assert ended.metadata.affordance_layout == {}
        assert ended.episode.column("position")[0].tolist() == [0.5, 0.5, 0.5]


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
