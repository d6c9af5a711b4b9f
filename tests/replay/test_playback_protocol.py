"""The playback protocol, message by message, as clients of the original protocol use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent_episodes import JOINS_AT, LEAVES_AT, agent_episode_columns
from tests.episodes import METERS
from tests.replay.conftest import Connect, connecting, make_app, serving_here
from tests.replay.viewer import Viewer
from tests.waiting import wait_until


@pytest.fixture
def viewer(connect: Connect) -> Viewer:
    return connect()


@pytest.fixture
def loaded(viewer: Viewer) -> Viewer:
    viewer.send(type="load_replay", episode_id=100)
    viewer.receive("replay_loaded")
    viewer.receive("state_update")
    return viewer


@pytest.mark.parametrize("path", ["/ws", "/ws/training"])
def test_the_server_greets_first(connect: Connect, path: str) -> None:
    greeting = connect(path).greeting
    assert (greeting["type"], greeting["mode"], greeting["protocol"]) == ("connected", "replay", 1)


def test_recordings_are_listed_by_the_original_filters(viewer: Viewer) -> None:
    viewer.send(type="list_recordings", filters={"stage": 2, "reason": "periodic_100", "min_reward": 10.0, "limit": 50})
    rows = viewer.receive("recordings_list")["recordings"]
    assert rows
    assert {row["curriculum_stage"] for row in rows} == {2}
    assert {"episode_id", "survival_steps", "total_reward", "recording_reason", "timestamp", "file_path"} <= set(
        rows[0]
    )
    viewer.send(type="list_recordings", min_reward=900)
    assert [row["run_id"] for row in viewer.receive("recordings_list")["recordings"]] == ["long"]
    viewer.send(command="list_recordings", limit=3)
    assert len(viewer.receive("recordings_list")["recordings"]) == 3


def test_load_replay_answers_with_metadata_and_the_first_step(viewer: Viewer) -> None:
    viewer.send(type="load_replay", episode_id=100)
    loaded = viewer.receive("replay_loaded")
    assert (loaded["episode_id"], loaded["total_steps"]) == (100, 50)
    assert loaded["metadata"]["survival_steps"] == 50
    assert viewer.receive("state_update")["replay_metadata"]["current_step"] == 0


def test_a_state_update_has_the_original_shape(loaded: Viewer) -> None:
    loaded.send(type="replay_control", action="seek", seek_step=25)
    update = loaded.receive("state_update")
    assert (update["mode"], update["episode_id"], update["step"]) == ("replay", 100, 25)
    assert update["cumulative_reward"] == 26.0
    assert update["substrate"] == {"type": "grid", "position_dim": 2, "width": 8, "height": 8}
    grid = update["grid"]
    assert (grid["width"], grid["height"]) == (8, 8)
    (agent,) = grid["agents"]
    assert agent["id"] == "agent_0"
    assert agent["color"].startswith("#")
    assert all(type(agent[name]) is int for name in ("x", "y", "last_action"))
    assert grid["affordances"] == [{"type": "Bed", "x": 2, "y": 3}, {"type": "Job", "x": 5, "y": 6}]
    assert list(update["agent_meters"]["agent_0"]["meters"]) == list(METERS)
    assert len(update["q_values"]) == len(update["action_masks"]) == 6
    assert (update["time_of_day"], update["interaction_progress"]) == (1, 0.0)
    assert update["temporal"] == {"time_of_day": 1, "interaction_progress": 0.0}
    assert update["replay_metadata"] == {
        "total_steps": 50,
        "current_step": 25,
        "survival_steps": 50,
        "total_reward": 50.0,
        "curriculum_stage": 2,
    }


def test_playing_sends_every_step_once_and_then_finishes(loaded: Viewer) -> None:
    loaded.send(type="set_speed", speed=100)
    loaded.send(type="play")
    steps = [loaded.receive("state_update")["step"] for _ in range(49)]
    assert steps == list(range(1, 50))
    assert loaded.receive("replay_finished")["episode_id"] == 100


def test_playing_at_the_end_begins_again(loaded: Viewer) -> None:
    loaded.send(type="replay_control", action="seek", seek_step=49)
    loaded.receive("state_update")
    loaded.send(type="play")
    assert [loaded.receive("state_update")["step"] for _ in range(2)] == [0, 1]


def test_frequent_speed_changes_do_not_stop_playback(loaded: Viewer) -> None:
    loaded.send(type="play")

    def has_gone_on() -> object:
        loaded.send(type="set_speed", speed=1.0)
        return loaded.socket.receive(timeout=0.02)

    wait_until(has_gone_on, message="the next step")


def test_pause_stops_at_the_step(connect: Connect) -> None:
    viewer, other = connect(), connect()
    for each in (viewer, other):
        each.send(type="load_replay", run_id="long", episode_id=1)
        each.skip_to("state_update")
        each.send(type="set_speed", speed=20)
    viewer.send(type="play")
    before = viewer.receive("state_update")["step"]
    viewer.send(type="pause")
    viewer.send(type="list_recordings", limit=1)
    while (message := viewer.receive())["type"] == "state_update":
        before = message["step"]
    other.send(type="play")
    for _ in range(5):  # at the same speed: a viewer that still played would have got a step by now
        other.receive("state_update")
    viewer.send(type="list_recordings", limit=1)
    viewer.receive("recordings_list")
    viewer.send(type="step")
    assert viewer.receive("state_update")["step"] == before + 1


def test_step_moves_forward_and_back_reset_to_the_start(loaded: Viewer) -> None:
    for message, step in (
        ({"type": "step"}, 1),
        ({"command": "step", "n": 3}, 4),
        ({"type": "replay_control", "action": "step"}, 5),
        ({"type": "step", "n": -2}, 3),
        ({"type": "reset"}, 0),
        ({"type": "step", "n": -1}, 0),
    ):
        loaded.send(**message)
        assert loaded.receive("state_update")["step"] == step


def test_stepping_onto_the_last_step_finishes(loaded: Viewer) -> None:
    loaded.send(type="replay_control", action="seek", seek_step=48)
    loaded.receive("state_update")
    loaded.send(type="step")
    assert loaded.receive("state_update")["step"] == 49
    loaded.receive("replay_finished")


def test_two_viewers_don_t_disturb_each_other(connect: Connect) -> None:
    one, other = connect(), connect()
    one.send(type="load_replay", episode_id=100)
    other.send(type="load_replay", episode_id=1, run_id="long")
    one.skip_to("state_update")
    other.skip_to("state_update")
    one.send(type="set_speed", speed=50)
    one.send(type="play")
    other.send(type="step", n=500)
    assert other.receive("state_update")["step"] == 500
    one.skip_to("replay_finished")
    other.send(type="step")
    assert other.receive("state_update")["step"] == 501


@pytest.mark.parametrize(
    ("run_id", "n_dims"), [("nowhere", 0), ("deep", 3), ("old", 2), ("plain", 2), ("gaps", 2), ("..", 2), ("../x", 2)]
)
def test_every_kind_of_recording_plays(viewer: Viewer, run_id: str, n_dims: int) -> None:
    viewer.send(type="load_replay", episode_id=1, run_id=run_id)
    total = viewer.receive("replay_loaded")["total_steps"]
    update = viewer.receive("state_update")
    assert update["run_id"] == run_id
    agents = update["grid"]["agents"]
    assert [len(agent["position"]) for agent in agents] == ([n_dims] if n_dims else [])
    assert [("z" in agent) for agent in agents] == ([n_dims > 2] if n_dims else [])
    viewer.send(type="step", n=total - 1)
    assert viewer.receive("state_update")["replay_metadata"]["current_step"] == total - 1


def test_step_numbers_skip_a_gap_and_indexes_do_not(viewer: Viewer) -> None:
    viewer.send(type="load_replay", episode_id=1, run_id="gaps")
    assert viewer.receive("replay_loaded")["total_steps"] == 48
    viewer.receive("state_update")
    viewer.send(type="replay_control", action="seek", seek_step=16)
    update = viewer.receive("state_update")
    assert (update["step"], update["replay_metadata"]["current_step"], update["cumulative_reward"]) == (32, 16, 17.0)


def test_an_episode_without_steps_loads_and_finishes(viewer: Viewer) -> None:
    viewer.send(type="load_replay", episode_id=1, run_id="empty")
    assert viewer.receive("replay_loaded")["total_steps"] == 0
    viewer.send(type="play")
    viewer.send(type="step")
    viewer.receive("replay_finished")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "play"}, "no_episode"),
        ({"type": "load_replay"}, "bad_message"),
        ({"type": "load_replay", "episode_id": "7"}, "bad_message"),
        ({"type": "load_replay", "episode_id": 77777}, "not_found"),
        ({"type": "load_replay", "episode_id": 1, "run_id": "../../etc"}, "not_found"),
        ({"type": "set_speed", "speed": 0}, "bad_message"),
        ({"type": "dance"}, "unknown_type"),
        ({"speed": 1}, "bad_message"),
    ],
)
def test_an_invalid_message_is_answered_and_the_connection_stays(
    viewer: Viewer, message: dict[str, object], code: str
) -> None:
    viewer.send(**message)
    error = viewer.receive("error")
    assert error["code"] == code
    assert error["message"]
    viewer.send(type="load_replay", episode_id=100)
    viewer.receive("replay_loaded")


def test_errors_for_missing_recordings_have_the_original_text(viewer: Viewer) -> None:
    viewer.send(type="load_replay", episode_id=77777)
    assert viewer.receive("error")["message"].startswith("Recording not found: ")


def test_a_failed_load_keeps_the_current_replay(loaded: Viewer) -> None:
    loaded.send(type="load_replay", episode_id=77777)
    loaded.receive("error")
    loaded.send(type="step")
    assert loaded.receive("state_update")["episode_id"] == 100


def test_the_pace_at_speed_1_is_a_setting(folder: Path) -> None:
    app = make_app(folder, server={"steps_per_second": 40})
    with serving_here(app) as port, connecting(port) as connect:
        viewer = connect()
        assert viewer.greeting["base_steps_per_sec"] == 40.0


def test_the_agents_that_take_part_in_a_step_are_all_in_its_update(viewer: Viewer) -> None:
    viewer.send(type="load_replay", episode_id=0, run_id="team")
    viewer.receive("replay_loaded")
    first = viewer.receive("state_update")
    assert [agent["id"] for agent in first["grid"]["agents"]] == list(first["agent_meters"]) == ["red_0", "red_1"]
    viewer.send(type="replay_control", action="seek", seek_step=JOINS_AT)
    joined = viewer.receive("state_update")
    columns = agent_episode_columns(40)
    place = columns["extras.agents.1.position"][JOINS_AT, 0].tolist()
    agents = {agent["id"]: agent for agent in joined["grid"]["agents"]}
    action = columns["extras.agents.1.action"][JOINS_AT, 0]
    color = agents["blue_0"].pop("color")
    assert color not in (agents["red_0"]["color"], agents["red_1"]["color"])
    assert agents["blue_0"] == {"id": "blue_0", "x": place[0], "y": place[1], "last_action": action, "position": place}
    assert joined["agent_meters"]["blue_0"]["meters"] == {"energy": 0.75, "mood": 0.75}
    viewer.send(type="replay_control", action="seek", seek_step=LEAVES_AT)
    assert list(viewer.receive("state_update")["agent_meters"]) == ["red_0", "blue_0"]
