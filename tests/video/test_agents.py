"""A video of several agents: all on the board, and the numbers of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recorder.agents.columns import agent_column
from recorder.agents.info import ACTION_NAMES
from recorder.catalog import Catalog
from recorder.episode_file import Episode, open_episode
from recorder.errors import UsageError
from recorder.outline import EpisodeEvents
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from tests.agent_episodes import (
    JOINS_AT,
    LEAVES_AT,
    NAMES,
    add_agent_episode,
    agent_episode_columns,
    agent_episode_table,
    write_agent_episode,
)
from tests.episodes import add_episode, make_episode_file
from tests.video.sample import sample_episode
from worker.video import batch_export_videos
from worker.video.canvas.theme import THEMES
from worker.video.episode.series import EpisodeSeries
from worker.video.narration.facts import Fact
from worker.video.narration.grammar import GrammarWriter
from worker.video.renderer import EpisodeVideoRenderer
from worker.video.sound.programmes.episode import EpisodeProgramme

SIZE = {"width": 640, "height": 360}
RED_0, RED_1, BLUE_0 = (THEMES["dark"].agents[number] for number in (21, 22, 0))


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Episode:
    path = write_agent_episode(tmp_path_factory.mktemp("video") / "agents.msgpack.lz4", affordance_layout={})
    return open_episode(path)


def count(pixels: NDArray[np.uint8], color: tuple[int, int, int]) -> int:
    return int((pixels[:, : pixels.shape[1] // 2] == color).all(axis=2).sum())


def test_all_agents_that_take_part_in_a_step_are_on_the_board(episode: Episode) -> None:
    renderer = EpisodeVideoRenderer(episode, **SIZE)
    at_first, joined, left = (renderer.frame(n).copy() for n in (0, JOINS_AT, LEAVES_AT + 1))
    assert count(at_first, RED_0) > 100
    assert count(at_first, RED_1) > 100
    assert count(joined, BLUE_0) > count(at_first, BLUE_0) + 100
    assert count(left, RED_1) == 0
    assert (renderer.frame(0) == at_first).all(), "a frame depends on the frames before it"


def test_the_numbers_are_those_of_the_chosen_agent_by_default_the_one_with_the_highest_return(
    episode: Episode,
) -> None:
    best, other = EpisodeSeries(episode), EpisodeSeries(episode, "red_1")
    assert (best.agent_id, best.cumulative[-1], best.cumulative[JOINS_AT - 1]) == ("blue_0", 60.0, 0.0)
    assert (other.agent_id, other.cumulative[-1]) == ("red_1", 10.0)
    assert np.isnan(other.meters[LEAVES_AT:]).all()
    assert not np.isnan(other.meters[:LEAVES_AT]).any()
    assert [each.agent_id for each in other.others] == ["red_0", "blue_0"]
    one, two = (EpisodeVideoRenderer(episode, agent=agent, **SIZE).frame(15) for agent in ("red_0", "blue_0"))
    assert (one != two).any()


def test_the_actions_of_an_agent_have_its_names() -> None:
    columns, agents = agent_episode_columns(40), agent_episode_table(40)
    info = {ACTION_NAMES: {"red_0": ["north", "south", "rest"]}}
    data = make_episode_file(columns=columns, n_steps=40, agents=agents, affordance_layout={}, info=info, **NAMES)
    episode = open_episode(data)
    assert EpisodeSeries(episode, "red_0").action_names == ("north", "south", "rest")
    assert EpisodeSeries(episode, "blue_0").action_names == NAMES["action_names"]
    assert EpisodeEvents(episode, "red_0").scene.action_names == ["north", "south", "rest"]


def test_an_agent_that_the_episode_lacks_is_refused_with_those_that_it_has(episode: Episode) -> None:
    with pytest.raises(UsageError, match="agent 'green': the episode has red_0, red_1, blue_0"):
        EpisodeVideoRenderer(episode, agent="green", **SIZE)
    with pytest.raises(UsageError, match="agent 'green': the episode has one agent without a name"):
        EpisodeVideoRenderer(sample_episode(2), agent="green", **SIZE)


def test_a_video_of_agents_without_positions_shows_their_values_over_time() -> None:
    columns = {name: values for name, values in agent_episode_columns(40).items() if not name.endswith("position")}
    data = make_episode_file(columns=columns, n_steps=40, agents=agent_episode_table(40), **NAMES)
    series = EpisodeSeries(open_episode(data), "red_0")
    assert [extra.name for extra in series.extras] == ["speed"]
    assert EpisodeVideoRenderer(open_episode(data), **SIZE).frame(20).any()


def test_sounds_and_sentences_are_those_of_the_agent_whose_numbers_are_shown() -> None:
    columns = agent_episode_columns(40)
    columns[agent_column(0, "meters")][15:LEAVES_AT, 1, 1] = 0.05  # red_1 dies of it
    agents = agent_episode_table(40)
    episode = open_episode(make_episode_file(columns=columns, n_steps=40, agents=agents, affordance_layout={}, **NAMES))
    options = VideoOptions(narrate="teacher", voice="none", steps_per_second=2)

    def told(agent: str | None) -> tuple[list[tuple[str, int]], list[Fact]]:
        programme = EpisodeProgramme(episode, timeline_of(episode, options), agent=agent)
        events = [(event.kind, event.index) for event in programme.events.events]
        return events, [timed.fact for timed in programme.script().facts]

    events, facts = told("red_1")
    assert events == [("critical", 15), ("death", LEAVES_AT - 1), ("end", 39)]
    assert [fact.values.get("return") for fact in facts] == [None, None, "10.00", "10.00"]
    assert facts[2].values["steps"] == "20 steps"
    assert facts[3].values["steps"] == "40 steps"
    assert "red_1" in GrammarWriter("teacher", 1).write(facts[0])
    events, facts = told(None)
    assert facts[0].values["name"] == "blue_0"
    assert [kind for kind, _ in events] == ["low", "critical", "end"]
    with pytest.raises(UsageError, match="agent 'green'"):
        told("green")


def test_a_batch_for_an_agent_takes_the_recordings_that_have_it(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        row = add_agent_episode(catalog, tmp_path, n_steps=21)
        catalog.upsert_recordings([replace(row, agents=agent_episode_table(21))])
        add_episode(catalog, tmp_path, run_id="alone", n_steps=4)
        quick = {"dpi": 20, "preset": "ultrafast", "crf": 40, "fps": 8}
        result = batch_export_videos(catalog, tmp_path, tmp_path / "videos", agent="red_1", **quick)
        assert not batch_export_videos(catalog, tmp_path, tmp_path / "none", agent="green", **quick).videos
    assert [video.path.name for video in result.videos] == [f"episode_{row.episode_id:06d}.mp4"]
    assert result.failures == []
