"""Environments in turns: the recording of a whole game is what a hand-written loop logs from ``last()``."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest
from pettingzoo.utils.conversions import parallel_to_aec

from recorder.agents.columns import agent_columns, presence
from recorder.capture import EpisodeRecorder
from recorder.wrappers.pettingzoo import RecordEpisode
from tests.capture.recorded import Ended, close_and_read
from tests.wrappers.test_pettingzoo import Relay


class Turn(NamedTuple):
    """A turn that was not a dead agent's, as the loop sees it."""

    agent: str
    action: Any
    reached: Any
    """What the agent observes afterwards; None if it has left."""
    alive: set[str]
    """Those who had not ended before it."""


def played(env: Any) -> tuple[list[Turn], Counter[str]]:
    """A game, and the sum of the rewards that ``last()`` gave each agent, dead ones too."""
    env.reset(seed=3)
    log: list[Turn] = []
    earned: Counter[str] = Counter()
    for agent in env.agent_iter():
        _, reward, terminated, truncated, _ = env.last()
        earned[agent] += reward
        if terminated or truncated:
            env.step(None)
            continue
        if not any(turn.agent == agent for turn in log):
            env.action_space(agent).seed(7)
        action = env.action_space(agent).sample()
        alive = {it for it in env.agents if not (env.terminations[it] or env.truncations[it])}
        env.step(action)
        log.append(Turn(agent, action, env.observe(agent) if agent in env.agents else None, alive))
    return log, earned


def assert_is_logged(ended: Ended, log: list[Turn], earned: Counter[str]) -> None:
    columns = ended.episode.columns()
    assert ended.metadata.n_steps == len(log)
    assert str(ended.metadata.status) == "complete"
    assert {it.agent_id for it in ended.metadata.agents} == set(earned)
    for info in ended.metadata.agents:
        own, there = agent_columns(columns, info), presence(columns, info)
        assert np.flatnonzero(there).tolist() == [t for t, turn in enumerate(log) if info.agent_id in turn.alive]
        turns = [t for t, turn in enumerate(log) if turn.agent == info.agent_id]
        assert np.flatnonzero(own["extras.acting"]).tolist() == turns
        actions = np.array([np.ravel(log[t].action) for t in turns])
        assert own["action"][turns].reshape(actions.shape).tolist() == actions.tolist()
        for t in turns:
            if log[t].reached is not None:
                assert (own["extras.observation"][t] == log[t].reached).all()
        assert info.return_ == pytest.approx(earned[info.agent_id], rel=1e-5, abs=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("pettingzoo.butterfly.knights_archers_zombies_v11", {"max_cycles": 60}),
        ("pettingzoo.butterfly.cooperative_pong_v6", {"max_cycles": 8}),
        ("pettingzoo.butterfly.pistonball_v6", {"max_cycles": 5, "n_pistons": 3}),
        ("mpe2.simple_speaker_listener_v4", {}),
        ("mpe2.simple_tag_v3", {"continuous_actions": True}),
        ("mpe2.simple_world_comm_v3", {}),
    ],
)
def test_a_whole_game_in_turns_is_logged(module: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pytest.importorskip(module.split(".")[0])
    try:
        game = import_module(module)
    except ImportError as error:
        pytest.skip(f"{module}: {error}")
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(game.env(**options), recorder, record_observations=True)
    log, earned = played(env)
    env.close()
    assert_is_logged(close_and_read(recorder)[0], log, earned)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_game_whose_agents_join_and_leave_between_turns_is_logged() -> None:
    recorder = EpisodeRecorder(strict=True)
    log, earned = played(RecordEpisode(parallel_to_aec(Relay()), recorder))
    assert set(earned) == {"runner_0", "runner_1", "runner_2"}
    assert_is_logged(close_and_read(recorder)[0], log, earned)
