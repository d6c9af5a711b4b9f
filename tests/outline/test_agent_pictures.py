"""Which pictures show one of several agents."""

from __future__ import annotations

import numpy as np

from recorder.outline import Outline, ShownPicture, picture_before, shown_pictures
from recorder.schema import Encoding
from tests.agent_episodes import SEEN, SEEN_JOINS_AT, SEEN_LEAVES_AT, seen_by_agents

SHARED = np.full((16, 16, 3), 7, np.uint8)


def test_an_agent_is_shown_by_what_it_sees_while_it_takes_part() -> None:
    episode = seen_by_agents()
    first_and_last = {"red_0": (0, 23), "red_1": (0, SEEN_LEAVES_AT - 1), "blue_0": (SEEN_JOINS_AT, 23)}
    for agent in episode.metadata.agents:
        (picture,) = shown_pictures(episode.schema, agent)
        first, last = first_and_last[agent.agent_id]
        for step in (0, 8, 23):
            found = picture_before(episode, picture, step)
            if step < first:
                assert found is None
                continue
            assert found is not None
            assert found[0] == min(step, last)
            np.testing.assert_array_equal(found[1], SEEN[agent.agent_id][found[0]])


def test_the_outline_names_the_pictures_of_each_agent_and_those_of_the_episode_come_first() -> None:
    episode = seen_by_agents(shared=SHARED)
    outline = Outline.of(episode).to_map()
    assert outline["pictures"] == ["extras.render"]
    columns = [f"extras.agents.{group}.extras.observation" for group in (0, 0, 1)]
    assert [agent["pictures"] for agent in outline["agents"]] == [[column] for column in columns]
    blue = episode.metadata.agents[2]
    assert shown_pictures(episode.schema, blue) == [ShownPicture("extras.render"), ShownPicture(columns[2], blue)]


def test_pictures_of_agents_are_stored_as_pictures_however_many_share_a_group() -> None:
    encodings = {spec.name: spec.encoding for spec in seen_by_agents().schema.columns}
    assert [encodings[f"extras.agents.{group}.extras.observation"] for group in (0, 1)] == [Encoding.XOR] * 2
