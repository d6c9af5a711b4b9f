"""The table of agents: it follows its recordings, and filters lists."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import pytest

from recorder.agents import MAX_AGENTS, AgentInfo
from recorder.catalog import AgentSummary, Catalog
from recorder.catalog.lists import postgres_plan
from recorder.errors import UsageError
from tests.catalog.samples import NOW, commit, episode, recording

RED = AgentInfo("red_0", "red", 0, 0, 0, 9, 2.5, 10, "terminated")
BLUE = AgentInfo("blue_0", "blue", 1, 3, 4, 9, -1.0, 6)


def _write(catalog: Catalog, agents: dict[int, Sequence[AgentInfo] | None], run_id: str = "run-a") -> None:
    rows = [episode(number, run_id, decision="kept", total_reward=float(number)) for number in agents]
    commit(catalog, rows)
    recordings = [recording(number, run_id, play_id=1, agents=given) for number, given in agents.items()]
    catalog.finish_writes(recordings, at=NOW)


def test_agents_are_read_as_they_were_written(catalog: Catalog) -> None:
    _write(catalog, {1: (BLUE, RED), 2: (), 3: None})
    assert catalog.list_agents("run-a", 1) == [RED, BLUE]
    assert catalog.list_agents("run-a", 2) == catalog.list_agents("run-a", 3) == []
    assert catalog.count_agents([("run-a", 1), ("run-a", 2), ("run-b", 1)]) == {("run-a", 1): 2}
    assert catalog.returns_of_agent("blue_0", [("run-a", 1), ("run-a", 2)]) == {("run-a", 1): -1.0}


def test_an_episode_holds_as_many_agents_as_a_file(catalog: Catalog) -> None:
    many = [AgentInfo(f"{number}{'é' * 250}", "t" * 256, slot=number) for number in range(MAX_AGENTS)]
    _write(catalog, {1: many})
    assert [agent.agent_id for agent in catalog.list_agents("run-a", 1)] == [agent.agent_id for agent in many]


def test_a_later_write_replaces_the_agents_unless_it_does_not_know_them(catalog: Catalog) -> None:
    _write(catalog, {1: (RED, BLUE)})
    catalog.upsert_recordings([recording(1, n_steps=3)])
    assert catalog.list_agents("run-a", 1) == [RED, BLUE]
    catalog.upsert_recordings([recording(1, agents=(BLUE,))])
    assert catalog.list_agents("run-a", 1) == [BLUE]
    catalog.upsert_recordings([recording(1, agents=())])
    assert catalog.list_agents("run-a", 1) == []


def test_agents_leave_with_their_recording(catalog: Catalog) -> None:
    _write(catalog, {1: (RED,), 2: (RED,), 3: (RED,)})
    _write(catalog, {1: (RED,)}, "run-b")
    catalog.delete_recording("run-a", 1)
    commit(catalog, [episode(2, play_id=2)])  # a later play, whose file does not exist yet
    catalog.delete_run("run-b")
    assert [len(catalog.list_agents(*key)) for key in (("run-a", 1), ("run-a", 2), ("run-a", 3), ("run-b", 1))] == [
        *(0, 0, 1),
        0,
    ]


@pytest.mark.parametrize("order", ["-finished", "episode_id", "reward", "-length", "stage"])
def test_the_filter_by_agent_goes_with_others(catalog: Catalog, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(catalog, {number: (RED, BLUE) if number % 2 else (RED,) for number in range(1, 8)})
    _write(catalog, dict.fromkeys(range(1, 4), (BLUE,)), "run-b")
    commit(catalog, [episode(number) for number in range(20, 40)])

    def listed(**wanted: object) -> list[tuple[str, int]]:
        found, cursor = [], None
        while True:
            page = catalog.list_episodes(order=order, limit=2, cursor=cursor, **wanted)  # type: ignore[arg-type]
            found += [(row.run_id, row.episode_id) for row in page.episodes]
            cursor = page.next_cursor
            if cursor is None:
                return found

    every = listed()

    def in_order(*keys: tuple[str, int]) -> list[tuple[str, int]]:
        return sorted(keys, key=every.index)

    catalog.tag_episode("run-a", 3, "good")
    blue_of_a, blue_of_b = [("run-a", n) for n in (1, 3, 5, 7)], [("run-b", n) for n in (1, 2, 3)]
    # How many matches PostgreSQL looks up at once, and among how many rows of the list it looks for many.
    for n_few, n_nearest in ((500, 400), (500, 3), (0, 3)):
        monkeypatch.setattr(postgres_plan, "_FEW", n_few)
        monkeypatch.setattr(postgres_plan, "_N_NEAREST", n_nearest)
        assert listed(agent="blue_0") == in_order(*blue_of_a, *blue_of_b)
        assert listed(agent="blue_0", run="run-a", min_reward=3.0, recorded=True) == in_order(*blue_of_a[1:])
        assert listed(agent="blue_0", reason="periodic_*", max_episode=1) == in_order(("run-a", 1), ("run-b", 1))
        assert listed(agent="blue_0", tag="good") == [("run-a", 3)]
        assert listed(agent="blue") == listed(agent="red_0", decision="skipped") == listed(agent="red_0\ud800") == []
    rows = catalog.query_recordings(agent="blue_0", run="run-a", max_reward=5.0)
    assert [row["episode_id"] for row in rows] == [7, 5, 3, 1]
    assert catalog.count_recordings(agent="red_0") == 7


def test_recordings_are_sorted_by_the_return_of_an_agent(catalog: Catalog) -> None:
    returns = {1: 3.0, 2: -1.0, 3: nan, 4: 7.0}
    _write(
        catalog, {n: (AgentInfo("a", return_=value), AgentInfo("b", return_=-value)) for n, value in returns.items()}
    )
    _write(catalog, {5: (AgentInfo("b"),)})
    for order, expected in (("agent_return", [2, 1, 4, 3]), ("-agent_return", [3, 4, 1, 2])):
        assert [row["episode_id"] for row in catalog.query_recordings(agent="a", order=order)] == expected
    rows = catalog.query_recordings(agent="b", order="-agent_return", offset=1, limit=2, max_reward=2.0)
    assert [row["episode_id"] for row in rows] == [2, 5]
    with pytest.raises(UsageError, match="needs an agent"):
        catalog.query_recordings(order="agent_return")


def test_the_agents_of_a_run_are_summed_up(catalog: Catalog) -> None:
    odd = AgentInfo("odd", return_=nan, n_steps=1)
    _write(catalog, {1: (RED, BLUE, odd), 2: (AgentInfo("red_0", "red", return_=7.5, n_steps=20),)})
    _write(catalog, {1: (BLUE,)}, "run-b")
    _write(catalog, {3: (AgentInfo("red_0", "red", return_=nan, n_steps=30),)})
    assert catalog.summarise_agents("run-a", limit=10) == [
        AgentSummary("red_0", "red", 3, 5.0, 20.0),
        AgentSummary("blue_0", "blue", 1, -1.0, 6.0),
        AgentSummary("odd", "", 1, None, 1.0),
    ]
    assert len(catalog.summarise_agents("run-a", limit=2)) == 2
