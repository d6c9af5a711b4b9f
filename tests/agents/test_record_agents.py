"""Steps of several agents: recorded as one episode, with the table of its agents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from recorder.agents import AgentInfo
from recorder.agents.columns import agent_columns, presence
from recorder.agents.table import agent_table
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.outline.agents.agents_outline import shown_agent
from recorder.step_stream import CHUNK, Play
from tests.capture.recorded import Ended, close_and_read, ends
from worker.ingest.assemble import read_play

TEAMS = {"red_0": "red", "red_1": "red", "blue_0": "blue"}


def fields(reward: float = 1.0, **changes: Any) -> dict[str, Any]:
    """The fields of an agent in a step."""
    return {"position": (1, 2), "meters": [0.5], "action": 2, "reward": reward, **changes}


def by_id(ended: Ended) -> dict[str, AgentInfo]:
    return {agent.agent_id: agent for agent in ended.metadata.agents}


def test_agents_that_join_and_leave_are_one_episode() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(100):
        agents = {"red_0": fields(1.0, position=(step, 0), q_values=np.arange(3.0) + step, extras={"speed": step / 2})}
        if step < 20:
            agents["red_1"] = fields(0.5, q_values=np.zeros(3), extras={"speed": 1.0}, terminated=step == 19)
        if step >= 70:
            agents["blue_0"] = fields(2.0, q_values=np.ones(3), extras={"speed": 2.0}, truncated=step == 99)
        agents["red_0"]["truncated"] = step == 99
        if "red_1" in agents:
            agents["red_1"]["truncated"] = False
        for values in agents.values():
            values.setdefault("terminated", False)
            values["intrinsic_reward"] = 0.25
        recorder.record_agents(0, step, agents, {"time_of_day": step % 24, "extras": {"wind": 3.0}}, teams=TEAMS)
    recorder.finish_episode(0, {"intrinsic_weight": 2.0})
    ended = close_and_read(recorder)[0]
    table = by_id(ended)
    assert table["red_0"] == AgentInfo("red_0", "red", 0, 0, 0, 99, 150.0, 100, "truncated")
    assert table["red_1"] == AgentInfo("red_1", "red", 0, 1, 0, 19, 20.0, 20, "terminated")
    assert table["blue_0"] == AgentInfo("blue_0", "blue", 1, 0, 70, 99, 75.0, 30, "truncated")
    assert ended.metadata.total_reward == sum(agent.return_ for agent in table.values())
    assert ended.episode.column("reward").sum() == 100 + 10 + 60
    assert ended.episode.column("time_of_day").tolist() == [step % 24 for step in range(100)]
    assert np.flatnonzero(ended.episode.column("truncated")).tolist() == [99]
    assert not ended.episode.column("terminated").any()
    columns = ended.episode.columns()
    first, joined = agent_columns(columns, table["red_0"]), agent_columns(columns, table["blue_0"])
    assert first["position"][:, 0].tolist() == list(range(100))
    assert first["q_values"][7].tolist() == [7.0, 8.0, 9.0]
    assert first["extras.speed"][99] == 49.5
    assert presence(columns, table["blue_0"]).tolist() == [step >= 70 for step in range(100)]
    assert not np.any(joined["q_values"][:70]), "the steps before it joined hold zeros"
    assert ended.episode.present("extras.agents.roster").nonzero()[0].tolist() == [0, 64, 70]


def test_an_episode_that_its_trainer_did_not_end_has_the_table() -> None:
    recorder = EpisodeRecorder()
    for step in range(5):
        recorder.record_agents(3, step, {"a": fields(), "b": fields(2.0)}, teams={"b": "x"})
    closed = close_and_read(recorder)
    salvaged = read_play(recorder.stream.read_plays(recorder.run_id, [_play(recorder)])[0][:-1])
    expected = (AgentInfo("a", "", 0, 0, 0, 4, 5.0, 5), AgentInfo("b", "x", 0, 1, 0, 4, 10.0, 5))
    assert closed[3].metadata.agents == salvaged.metadata.agents == expected
    assert salvaged.metadata.total_reward == 15.0


def test_a_chunk_that_is_lost_on_its_way_changes_no_return() -> None:
    recorder = EpisodeRecorder()
    for step in range(600):
        recorder.record_agents(3, step, {"a": fields(), "b": fields(2.0)} if step < 300 else {"a": fields()})
    recorder.finish_episode(3, agent_returns={"b": 7.0})
    ended = close_and_read(recorder)[3]
    assert ended.body["agents"] == [["a", "", 600.0], ["b", "", 7.0]]
    entries = recorder.stream.read_plays(recorder.run_id, [_play(recorder)])[0]
    chunks = [entry for entry in entries if entry.kind == CHUNK]
    left = read_play([entry for entry in entries if entry is not chunks[0]]).metadata
    assert left.n_steps < 600
    assert [(it.agent_id, it.return_, it.last_step) for it in left.agents] == [("a", 600.0, 599), ("b", 7.0, 299)]
    assert left.agents[0].n_steps == left.n_steps


def test_agents_of_other_shapes_stand_in_other_groups() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(3):
        agents = {"big": fields(action=(0.5, 0.25)), "small": fields(), 7: fields(action=step)}
        recorder.record_agents(0, step, agents, teams={7: "x"})
    recorder.finish_episode(0, agent_returns={"big": 40, 7: np.float32(2.5)})
    ended = close_and_read(recorder)[0]
    table = by_id(ended)
    assert [(it.group, it.slot) for it in table.values()] == [(0, 0), (1, 0), (1, 1)]
    assert (table["big"].return_, table["small"].return_, table["7"].return_) == (40.0, 3.0, 2.5)
    assert table["7"].team == "x"
    columns = ended.episode.columns()
    assert agent_columns(columns, table["7"])["action"].tolist() == [0, 1, 2]
    assert agent_columns(columns, table["big"])["action"].tolist() == [[0.5, 0.25]] * 3


def test_columns_grow_wider_and_joiners_double_the_slots() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(9):
        agents: dict[str, Any] = {f"a{number}": {"reward": 1 if step < 4 else 0.5} for number in range(step + 1)}
        recorder.record_agents(0, step, agents)
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    shapes = {name: spec.shape for name, spec in _specs(ended).items() if name.endswith(".reward")}
    assert shapes == {f"extras.agents.{group}.reward": (n_slots,) for group, n_slots in enumerate((1, 1, 2, 4, 8))}
    assert by_id(ended)["a0"].return_ == 6.5
    assert len(ended.metadata.agents) == 9


@pytest.mark.parametrize(
    ("agents", "problem"),
    [
        ({"a": fields(), "b": fields()}, "'b' acts after its end"),
        ({"a": fields(), 1: fields(), "1": fields()}, "two agents have the id '1'"),
        ({"a": fields(colour=3)}, "colour: no field of a step"),
        ({"a": fields(action="left")}, "action: expected numbers"),
        ({"a": fields(action=(1, 2))}, "action has the shape"),
        ({"a": fields(reward=(1, 2))}, "reward: expected one number"),
        ({"a": fields(), "": fields()}, "an agent's id has 0 letters"),
        ({"a": fields(), "c" * 257: fields()}, "an agent's id has 257 letters"),
        ({"a": fields(), "c": 7}, "expected a map of fields, found int"),
        ({"a": fields(extras=7)}, "extras: expected a map"),
    ],
)
def test_what_cannot_be_recorded_is_counted_and_nothing_else_is_lost(agents: Any, problem: str) -> None:
    recorder = EpisodeRecorder()
    recorder.record_agents(0, 0, {"a": fields(), "b": fields(terminated=True)})
    recorder.record_agents(0, 1, agents)
    recorder.record_agents(0, 2, {"a": fields()})
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    stats = recorder.stats()
    assert problem in stats.last_error
    assert (stats.n_mismatched_values, stats.n_errors, stats.n_recorded_steps) == (1, 1, 3)
    assert by_id(ended)["a"].n_steps == 3
    assert by_id(ended)["b"].n_steps == 1


def test_too_many_kinds_of_agents_are_counted_and_the_episode_can_be_read() -> None:
    recorder = EpisodeRecorder()
    agents = {f"a{size}": fields(extras={f"e{index}": np.ones(size) for index in range(16)}) for size in range(1, 71)}
    for step in range(2):
        recorder.record_agents(0, step, agents)
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    assert len(ended.metadata.agents) == 64
    assert [agent.n_steps for agent in ended.metadata.agents] == [2] * 64
    assert ended.episode.column("extras.agents.0.extras.e3").tolist() == [[[1.0]]] * 2
    assert recorder.stats().n_mismatched_values > 100
    assert recorder.stats().n_recorded_steps == 2


def test_wrong_calls_are_counted_as_steps_that_are_missing() -> None:
    recorder = EpisodeRecorder()
    recorder.record_agents(0, 0, {"a": fields()}, {"extras": {"agents.0.reward": 1}, "colour": 1})
    recorder.record_agents(0, 1, [fields()])  # type: ignore[arg-type]
    recorder.record_agents(0, 2, {"a": fields()}, teams=7)  # type: ignore[arg-type]
    recorder.finish_episode(0, agent_returns={"a": 1, "nobody": 2})
    ended = close_and_read(recorder)[0]
    stats = recorder.stats()
    assert (stats.n_mismatched_values, stats.n_refused_steps, stats.n_errors) == (2, 2, 5)
    assert ended.metadata.agents == (AgentInfo("a", first_step=0, last_step=0, return_=1.0, n_steps=1),)
    recorder.record_agents(1, 0, {"a": fields()})
    assert recorder.stats().n_refused_steps == 3
    recorder = EpisodeRecorder(strict=True)
    recorder.record_agents(0, 0, {"a": fields(done=True)})
    with pytest.raises(UsageError, match="acts after its end"):
        recorder.record_agents(0, 1, {"a": fields()})
    recorder.abort(0, "enough")
    recorder.close()


def _play(recorder: EpisodeRecorder) -> Play:
    body = ends(recorder.stream, recorder.run_id)[0]
    return Play(body["episode_id"], body["play_id"])


def _specs(ended: Ended) -> dict[str, Any]:
    chunks = [ended.episode.chunk(index) for index in range(len(ended.episode.chunks))]
    return {name: chunk.spec(name) for chunk in chunks for name in chunk.names}


def test_texts_of_agents_are_read_by_agent() -> None:
    recorder = EpisodeRecorder(strict=False)
    for step in range(70):
        agents: dict[str, Any] = {
            "alice": {"reward": 1.0, "extras": {"says": f"step {step}", "mood": None, "seen": step}},
            "bob": {"reward": 1.0, "extras": {"says": "hé\x00llo" if step == 3 else None, "mood": None, "seen": 0}},
        }
        if step >= 5:
            agents["carol"] = {"extras": {"says": "late", "texts.0.0.says": "not alice"}}
        if step == 60:
            agents["bob"]["action"] = "left"  # no extra
        recorder.record_agents(0, step, agents, {"extras": {"says": "of all"}})
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    columns = ended.episode.columns()
    own = {it.agent_id: agent_columns(columns, it) for it in ended.metadata.agents}
    assert own["alice"]["extras.says"].tolist() == [f"step {step}" for step in range(70)]
    assert own["alice"]["extras.seen"].tolist() == list(range(70))
    assert own["bob"]["extras.says"].tolist() == ["hé�llo" if step == 3 else "" for step in range(70)]
    assert own["carol"]["extras.says"].tolist() == [""] * 5 + ["late"] * 65
    assert own["carol"]["extras.texts.0.0.says"].tolist() == [""] * 5 + ["not alice"] * 65
    assert set(columns["extras.says"]) == {"of all"}
    assert recorder.stats().n_mismatched_values == 1
    assert recorder.stats().n_changed_texts == 1


def test_a_reward_that_is_not_finite_is_counted_said_once_and_makes_the_agents_return_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = EpisodeRecorder()
    for step in range(300):  # more than a chunk
        odd = {7: float("nan"), 290: float("inf")}.get(step, 1.0)
        recorder.record_agents(0, step, {"a": fields(1.0), "b": fields(odd)})
    for step in range(3):
        recorder.record_step(1, step, position=(1, 2), meters=[0.5], action=1, reward=float("-inf"))
    recorder.finish_episode(0)
    recorder.finish_episode(1)
    ended = close_and_read(recorder)[0]
    assert by_id(ended)["a"].return_ == 300.0
    assert math.isnan(by_id(ended)["b"].return_)
    assert math.isnan(ended.metadata.total_reward)
    assert agent_table([chunk for chunk, _ in ended.episode.chunks_between(0, 300)])[0].return_ == 300.0
    assert shown_agent(ended.metadata.agents) == "a"
    assert recorder.stats().n_odd_rewards == 5
    assert sum("a reward is NaN or infinite: it is recorded" in message for message in caplog.messages) == 1


def test_what_an_agent_does_not_say_is_unknown_and_not_zero() -> None:
    recorder = EpisodeRecorder(strict=True)
    whole = {"action_masks": [True, False], "extras": {"speed": 3}}
    for step in range(6):
        silent: dict[str, Any] = {"position": None, "action": None, "meters": None, "reward": None}
        other = silent if step == 3 else fields(**whole)
        recorder.record_agents(0, step, {"a": fields(**whole), "b": other})
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    a, b = (agent_columns(ended.episode.columns(), agent) for agent in ended.metadata.agents)
    for name in ("position", "action", "meters", "extras.speed"):
        np.testing.assert_array_equal(b[name][[0, 5]], a[name][[0, 5]])
        assert np.isnan(b[name][3]).all()
        assert not np.isnan(a[name]).any()
    assert b["action_masks"].tolist() == [[True, True] if step == 3 else [True, False] for step in range(6)]
    assert by_id(ended)["b"].return_ == 5.0
