"""The demo's own trainer: a world that follows its rules, an agent that learns, steps recorded as they were lived."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recorder import EpisodeRecorder, RecordingWriter
from recorder.__main__ import main
from recorder.agents.columns import agent_columns, presence
from recorder.catalog import Catalog
from recorder.demo.agent import EPSILON_END, EPSILON_STEPS, TableAgent
from recorder.demo.team import Towns, train_team
from recorder.demo.train import train
from recorder.demo.world import MAX_STEPS, METER_NAMES, STAGES, Action, World
from recorder.episode_file import open_episode


def world_at(place: str) -> World:
    """One lane whose agent stands on ``place`` with every meter at one half."""
    world = World(1)
    world.position[0] = world.layout[place]
    world.meters[:] = 0.5
    return world


def meter(world: World, name: str) -> float:
    return float(world.meters[0, METER_NAMES.index(name)])


def test_a_meal_feeds_costs_money_and_is_masked_without_it() -> None:
    world = world_at("HomeMeal")
    world.step(np.array([Action.INTERACT]))
    assert meter(world, "satiation") > 0.5
    assert meter(world, "money") == pytest.approx(0.4)
    world.meters[0, METER_NAMES.index("money")] = 0.05
    assert not world.masks()[0, Action.INTERACT]


def test_moves_into_walls_are_masked_and_harmless() -> None:
    world = World(1)
    world.position[0] = (0, 0)
    assert world.masks()[0, :4].tolist() == [False, True, False, True]
    world.step(np.array([Action.UP]))
    assert world.position[0].tolist() == [0, 0]


def test_an_idle_agent_dies_and_an_immortal_one_is_truncated() -> None:
    idle, immortal = World(1), World(1)
    for world in (idle, immortal):
        world.position[0] = (0, 0)
    deaths, ends = [], []
    for _ in range(MAX_STEPS):
        deaths.append(bool(idle.step(np.array([Action.UP])).terminated[0]))
        immortal.meters[:] = 1.0
        ends.append(bool(immortal.step(np.array([Action.UP])).truncated[0]))
    assert any(deaths)
    assert ends == [False] * (MAX_STEPS - 1) + [True]


def test_every_state_is_within_the_q_table() -> None:
    world = World(4, seed=1)
    for level in (0.0, 0.5, 1.0):
        world.meters[:] = level
        world.position[:] = [(0, 0), (5, 0), (0, 5), (5, 5)]
        assert (world.states() >= 0).all()
        assert (world.states() < world.n_states).all()


def test_the_agent_learns_to_live_longer() -> None:
    world = World(32, seed=0)
    agent = TableAgent(world.n_states, len(Action), seed=0)
    states, masks = world.states(), world.masks()
    ages, lengths = np.zeros(32, dtype=int), []
    for _ in range(EPSILON_STEPS):
        actions, _ = agent.act(states, masks)
        outcome = world.step(actions)
        next_states, next_masks = world.states(), world.masks()
        agent.learn(states, actions, outcome.reward, next_states, next_masks, outcome.terminated)
        ages += 1
        ended = (outcome.terminated | outcome.truncated).nonzero()[0]
        lengths += ages[ended].tolist()
        ages[ended] = 0
        world.reset(ended, STAGES[0])
        states, masks = world.states(), world.masks()
    fifth = len(lengths) // 5
    assert agent.epsilon == pytest.approx(EPSILON_END)
    assert np.mean(lengths[-fifth:]) > 2 * np.mean(lengths[:fifth])


def test_the_recording_matches_what_the_agent_did(tmp_path: Any) -> None:
    reports: list[int] = []
    recorder = EpisodeRecorder(run_id="r", strict=True, **World(4, seed=3).describe())
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path):
        result = train(
            recorder=recorder, n_lanes=4, seconds=1.0, seed=3, on_progress=lambda it: reports.append(it.env_steps)
        )
        recorder.close()
    assert reports == [result.env_steps]
    assert result.waiting_seconds + result.recording_seconds < result.seconds
    with Catalog(tmp_path / "catalog.db") as catalog:
        summary = catalog.summarise_run("r")
        rows = catalog.query_recordings(run="r")
    assert summary.n_steps == result.env_steps > 0
    assert rows
    episode = open_episode(tmp_path / rows[0]["file_path"])
    assert episode.metadata.curriculum_stage == 1
    assert tuple(episode.metadata.meter_names) == METER_NAMES
    moves = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0)])
    position, action = episode.column("position"), episode.column("action")
    assert (np.diff(position, axis=0) == moves[action[1:]]).all()
    assert episode.column("action_masks")[np.arange(episode.n_steps), action].all()


def test_a_place_serves_the_first_of_the_agents_that_live(tmp_path: Any) -> None:
    towns = Towns(2, 3)
    towns.world.position[:] = (0, 0)
    towns.world.position[[0, 1, 2, 4]] = towns.world.layout["Bed"]
    assert towns.masks()[:, Action.INTERACT].tolist() == [True, False, False, False, True, False]
    towns.present[0, 0] = False  # it has died
    assert towns.masks()[:3, Action.INTERACT].tolist()[1:] == [True, False]


def test_a_team_is_recorded_while_it_lives(tmp_path: Any) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, **World(2, seed=3).describe())
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path, criteria={"periodic": {"interval": 1}}):
        result = train_team(recorder=recorder, n_agents=2, n_lanes=2, seconds=1.0, seed=3)
        recorder.close()
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert catalog.summarise_run("r").n_steps == result.env_steps > 0
        rows = catalog.query_recordings(run="r", agent="agent_1", order="-length")
        tables = {row["episode_id"]: catalog.list_agents("r", row["episode_id"]) for row in rows}
    for row in rows:
        team = tables[row["episode_id"]]
        assert max(agent.last_step for agent in team) == row["n_steps"] - 1
        assert all(agent.outcome == "terminated" for agent in team if agent.last_step < row["n_steps"] - 1)
    episode = open_episode(tmp_path / rows[0]["file_path"])
    agents, columns = episode.metadata.agents, episode.columns()
    assert rows[0]["total_reward"] == pytest.approx(sum(agent.return_ for agent in agents))
    for agent in agents:
        own, is_there = agent_columns(columns, agent), presence(columns, agent)
        action, masks = own["action"][is_there], own["action_masks"][is_there]
        assert masks[np.arange(len(action)), action].all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--agents", "9"], "has room for 8, got 9"), (["--agents", "2", "--trainer", "torch"], "trains a single agent")],
)
def test_agents_that_the_demo_has_no_room_for_are_refused(
    arguments: list[str], message: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *arguments, "--dir", str(tmp_path / "demo")]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
