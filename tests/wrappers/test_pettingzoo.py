"""Environments of PettingZoo: the recording is what a hand-written loop would have logged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.classic.rps import rps
from pettingzoo.classic.tictactoe import tictactoe
from pettingzoo.utils.conversions import parallel_to_aec

from recorder.agents.columns import agent_columns, presence
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers.pettingzoo import RecordEpisode
from tests.capture.recorded import Ended, close_and_read

SEEN, ACTS = spaces.Box(0, 100, (2,), np.float32), spaces.Discrete(3)


class Relay(ParallelEnv[str, Any, Any]):
    """Runner ``k`` joins at step ``2k`` and runs four steps; it earns its number, and sees whom it is and the step."""

    metadata: dict[str, Any] = {"name": "relay_v0"}  # noqa: RUF012
    possible_agents = ["runner_0", "runner_1", "runner_2"]  # noqa: RUF012

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return SEEN

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return ACTS

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self._step = 0
        self.agents = ["runner_0"]
        return self._observations(self.agents), {"runner_0": {}}

    def step(self, actions: dict[str, Any]) -> Any:
        self._step += 1
        before = list(self.agents)
        ends = {agent: self._step == 2 * int(agent[-1]) + 4 for agent in before}
        is_last = {agent: ends[agent] and agent == "runner_2" for agent in before}
        joins = [agent for agent in self.possible_agents if self._step == 2 * int(agent[-1])]
        self.agents = [agent for agent in before if not ends[agent]] + joins
        both = before + joins
        return (
            self._observations(both),
            {agent: float(agent[-1]) + 1 for agent in before} | dict.fromkeys(joins, 0.0),
            {agent: ends.get(agent, False) and not is_last.get(agent, False) for agent in both},
            {agent: is_last.get(agent, False) for agent in both},
            {agent: {} for agent in both},
        )

    def _observations(self, agents: list[str]) -> dict[str, Any]:
        return {agent: np.array([int(agent[-1]), self._step], np.float32) for agent in agents}


def own(ended: Ended, agent_id: str) -> dict[str, Any]:
    """The columns of an agent in the steps in which it is present."""
    (info,) = (agent for agent in ended.metadata.agents if agent.agent_id == agent_id)
    columns = ended.episode.columns()
    return {name: values[presence(columns, info)] for name, values in agent_columns(columns, info).items()}


def test_a_parallel_environment_whose_agents_join_and_leave_is_logged() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(
        Relay(), recorder, teams={"runner_0": "early"}, agent_fn=lambda: {"runner_0": {"meters": [0.5]}}
    )
    logs: list[dict[str, list[Any]]] = []
    for number in range(2):
        env.reset(seed=number)
        log: dict[str, list[Any]] = {}
        while env.agents:
            actions = {agent: (env.unwrapped._step + int(agent[-1])) % 3 for agent in env.agents}
            observations, rewards, terminations, truncations, _ = env.step(actions)
            for agent, action in actions.items():
                row = (action, rewards[agent], terminations[agent], truncations[agent], observations[agent].tolist())
                log.setdefault(agent, []).append(row)
        logs.append(log)
    env.close()
    ended = close_and_read(recorder)
    assert len(ended) == 2
    for number, log in enumerate(logs):
        episode = ended[number]
        assert episode.metadata.info == {"env_id": "relay_v0", "seed": number}
        assert str(episode.metadata.status) == "complete"
        assert episode.metadata.n_steps == 8
        assert episode.metadata.total_reward == 4 * (1 + 2 + 3)
        assert [(it.agent_id, it.first_step, it.n_steps, it.outcome, it.team) for it in episode.metadata.agents] == [
            ("runner_0", 0, 4, "terminated", "early"),
            ("runner_1", 2, 4, "terminated", ""),
            ("runner_2", 4, 4, "truncated", ""),
        ]
        for agent, rows in log.items():
            columns = own(episode, agent)
            names = ("action", "reward", "terminated", "truncated", "extras.observation")
            assert list(zip(*(columns[name].tolist() for name in names), strict=True)) == rows
        assert own(episode, "runner_0")["meters"].tolist() == [[0.5]] * 4


class Masked(Relay):
    """Says which actions come next: in the info, or in the observation of those that join."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observations, _ = super().reset(seed, options)
        return observations, {"runner_0": {"action_mask": self._mask()}}

    def step(self, actions: dict[str, Any]) -> Any:
        *result, infos = super().step(actions)
        return *result, {agent: {"action_mask": self._mask()} for agent in infos}

    def _mask(self) -> Any:
        return np.array([self._step, 1, 0], np.int8)


def test_a_mask_is_that_of_the_info_before_the_action_and_a_position_makes_a_board() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(Masked(), recorder, agent_fn=lambda: {"runner_0": {"position": (1, 2)}})
    env.reset()
    while env.agents:
        env.step(dict.fromkeys(env.agents, 1))
    env.close()
    ended = close_and_read(recorder)[0]
    for name, first_step in (("runner_0", 0), ("runner_1", 2), ("runner_2", 4)):
        assert own(ended, name)["action_masks"].tolist() == [[first_step + n, 1, 0] for n in range(4)]
    assert ended.metadata.substrate is None  # the places of the agents say what the board is


class Talking(Relay):
    """Its observations are texts."""

    def _observations(self, agents: list[str]) -> dict[str, Any]:
        return {agent: f"{agent} at {self._step}" for agent in agents}


def test_observations_that_are_texts_are_recorded_by_agent() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(Talking(), recorder)
    env.reset()
    while env.agents:
        env.step(dict.fromkeys(env.agents, 1))
    env.close()
    ended = close_and_read(recorder)[0]
    assert own(ended, "runner_1")["extras.observation"].tolist() == [f"runner_1 at {step}" for step in range(3, 7)]


class Shown(Relay):
    """Can be looked at; one look fails."""

    render_mode = "rgb_array"

    def render(self) -> Any:
        if self._step == 5:
            raise RuntimeError("the window is gone")
        return np.full((24, 32, 4), 10 * self._step, np.uint8)


@pytest.mark.parametrize(
    ("options", "steps"), [({}, [0, 1, 2, 3, 5, 6, 7]), ({"every": 3}, [0, 3, 6]), ({"frames": "none"}, [])]
)
def test_what_render_shows_is_recorded_beside_the_agents(options: dict[str, Any], steps: list[int]) -> None:
    recorder = EpisodeRecorder()
    env = RecordEpisode(Shown(), recorder, **options)
    env.reset()
    while env.agents:
        env.step(dict.fromkeys(env.agents, 1))
    env.close()
    ended = close_and_read(recorder)[0]
    assert ended.metadata.n_steps == 8
    found = {
        step.step: step.extras["render"] for step in ended.episode.steps() if step.extras.get("render") is not None
    }
    assert list(found) == steps
    assert all((picture == 10 * (step + 1)).all() and picture.shape == (24, 32, 3) for step, picture in found.items())


PICTURE = np.full((20, 20, 3), 7, np.uint8)


@pytest.mark.parametrize("is_aec", [False, True])
@pytest.mark.parametrize(
    ("rendered", "n_errors", "value"),
    [
        (None, 10, None),
        ([], 10, None),
        ([None], 10, None),
        ("a map of letters", 10, None),
        ([PICTURE, PICTURE + 1], 0, 8),
    ],
)
def test_render_may_give_nothing_a_list_or_no_picture(
    is_aec: bool, rendered: Any, n_errors: int, value: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Relay):
        render_mode = "rgb_array"

        def render(self) -> Any:
            return rendered

    recorder = EpisodeRecorder()
    env = RecordEpisode(parallel_to_aec(Odd()) if is_aec else Odd(), recorder)
    for _ in range(2):
        play(env)
    env.close()
    ended = close_and_read(recorder)
    n_steps = 12 if is_aec else 8
    assert [it.metadata.n_steps for it in ended.values()] == [n_steps] * 2
    found = [step.extras.get("render") for step in ended[0].episode.steps()]
    if value is None:
        assert found == [None] * n_steps
    else:
        assert all((picture == value).all() for picture in found)
    assert recorder.stats().n_errors == n_errors
    assert recorder.stats().n_missing_steps == 0
    assert sum("no picture 10 times in a row" in line for line in caplog.messages) == (n_errors > 0)


def play(env: Any) -> None:
    """A whole game, in turns or at once."""
    env.reset(seed=1)
    if hasattr(env, "agent_iter"):
        for agent in env.agent_iter():
            is_over = env.terminations[agent] or env.truncations[agent]
            env.step(None if is_over else 0)
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))


class Seeing(Relay):
    """Each agent sees its number and the step, in an array that is drawn into again."""

    render_mode = None

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(0, 255, (16, 16), np.uint8)

    def _observations(self, agents: list[str]) -> dict[str, Any]:
        self._drawn = {} if self._step == 0 else self._drawn
        for agent in agents:
            self._drawn.setdefault(agent, np.zeros((16, 16), np.uint8))[:] = 100 * int(agent[-1]) + self._step
        return {agent: self._drawn[agent] for agent in agents}


@pytest.mark.parametrize(
    ("is_aec", "options"),
    [(False, {"frames": "observation"}), (True, {"frames": "observation"}), (True, {"record_observations": True})],
)
def test_what_each_agent_sees_is_recorded_and_stays_between_its_turns(is_aec: bool, options: dict[str, Any]) -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(parallel_to_aec(Seeing()) if is_aec else Seeing(), recorder, **options)
    play(env)
    env.close()
    ended = close_and_read(recorder)[0]
    seen = [own(ended, f"runner_{number}")["extras.observation"][:, 0, 0].tolist() for number in range(3)]
    at_once = [[1, 2, 3, 4], [103, 104, 105, 106], [205, 206, 207, 208]]
    in_turns = [[1, 2, 2, 2, 3, 3], [0, 103, 103, 104, 104, 104, 105, 105], [0, 205, 205, 206, 207, 208]]
    assert seen == (in_turns if is_aec else at_once)


@pytest.mark.parametrize("options", [{"frames": "pictures"}, {"every": 0}])
def test_frames_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        RecordEpisode(Relay(), None, **options)


def test_known_actions_have_names() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(rps.parallel_env(), recorder)
    env.reset(seed=1)
    env.step(dict.fromkeys(env.agents, 2))
    env.close()
    ended = close_and_read(recorder)[0]
    assert ended.metadata.action_names == ("rock", "paper", "scissors")
    assert ended.metadata.substrate is not None
    assert ended.metadata.substrate.type == "aspatial"


class Speaking(Relay):
    """As an environment of MPE2 in which one agent speaks, and the others move."""

    metadata: dict[str, Any] = {"name": "simple_speaker_listener_v4"}  # noqa: RUF012

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return ACTS if agent == "runner_0" else spaces.Discrete(5)


def test_actions_have_names_by_agent_where_agents_differ() -> None:
    def info_of(**options: Any) -> dict[str, Any]:
        recorder = EpisodeRecorder(strict=True)
        env = RecordEpisode(Speaking(), recorder, **options)
        env.reset()
        env.step({"runner_0": 1})
        env.close()
        ended = close_and_read(recorder)[0]
        assert ended.metadata.action_names == ()
        return dict(ended.metadata.info)

    moves = ["nothing", "left", "right", "down", "up"]
    assert info_of()["agent_action_names"] == {"runner_1": moves, "runner_2": moves}
    own = {"runner_0": ("say a", "say b", "say c")}
    assert info_of(action_names=own)["agent_action_names"] == {"runner_0": ["say a", "say b", "say c"]}


def test_a_game_in_turns_is_logged_with_whose_turn_it_was() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(tictactoe.env(), recorder)
    env.reset(seed=1)
    moves = [0, 3, 1, 4, 2]  # the first player wins
    for agent in env.agent_iter():
        _, _, termination, truncation, _ = env.last()
        env.step(None if termination or truncation else moves.pop(0))
        assert agent in env.possible_agents
    env.close()
    ended = close_and_read(recorder)[0]
    assert [(it.agent_id, it.return_, it.n_steps, it.outcome) for it in ended.metadata.agents] == [
        ("player_1", 1.0, 5, "terminated"),
        ("player_2", -1.0, 5, "terminated"),
    ]
    assert str(ended.metadata.status) == "complete"
    first, second = own(ended, "player_1"), own(ended, "player_2")
    assert first["extras.acting"].tolist() == [True, False, True, False, True]
    assert first["action"][first["extras.acting"]].tolist() == [0, 1, 2]
    assert second["action"][second["extras.acting"]].tolist() == [3, 4]
    assert first["extras.observation.observation"].shape == (5, 3, 3, 2)
    masks = [first["action_masks"][turn] for turn in (0, 2)] + [second["action_masks"][turn] for turn in (1, 3)]
    taken = [np.flatnonzero(mask == 0).tolist() for mask in masks]
    assert taken == [[], [0, 3], [0], [0, 1, 3]]  # before the move
    assert not first["action_masks"][1].any()


def test_an_illegal_move_ends_the_game_for_all() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(tictactoe.env(), recorder)
    env.reset()
    for move in (0, 0):
        env.last()
        env.step(move)
    while env.agents:
        env.step(None)
    ended = close_and_read(recorder)[0]
    assert {it.agent_id: it.return_ for it in ended.metadata.agents} == {"player_1": 0.0, "player_2": -1.0}
    assert str(ended.metadata.status) == "complete"
    assert ended.metadata.n_steps == 2


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_recorded_environment_is_one_of_its_kind() -> None:
    from pettingzoo.test import api_test, parallel_api_test  # here, because it warns of its own names

    recorder = EpisodeRecorder(strict=True)
    parallel_api_test(RecordEpisode(Relay(), recorder), num_cycles=30)
    api_test(RecordEpisode(rps.env(), recorder), num_cycles=20)
    parallel_to_aec(RecordEpisode(Relay(), None))
    with pytest.raises(UsageError, match="no environment of PettingZoo"):
        RecordEpisode(object(), recorder)
    assert close_and_read(recorder)
    assert recorder.stats().n_errors == 0


def test_a_reset_breaks_an_episode_off() -> None:
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(Relay(), recorder)
    env.reset()
    env.step({"runner_0": 1})
    env.reset()
    assert str(close_and_read(recorder)[0].metadata.status) == "truncated"
