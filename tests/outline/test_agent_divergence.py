"""Where two episodes of several agents differ first."""

from __future__ import annotations

from recorder.episode_file import Episode, open_episode
from recorder.outline.divergence import first_divergence
from tests.agent_episodes import NAMES, agent_episode_columns, agent_episode_table
from tests.episodes import make_episode_file


def episode(changed_step: int | None = None) -> Episode:
    columns = agent_episode_columns(40)
    if changed_step is not None:
        columns["extras.agents.0.action"][changed_step, 1] += 1
    return open_episode(make_episode_file(columns=columns, n_steps=40, agents=agent_episode_table(40), **NAMES))


def test_episodes_of_agents_differ_where_one_of_them_acts_otherwise() -> None:
    assert first_divergence(episode(), episode()) is None
    assert first_divergence(episode(), episode(changed_step=13)) == (13, "action")
