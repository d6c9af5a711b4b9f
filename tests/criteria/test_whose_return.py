"""Whose return the performance criterion judges."""

from __future__ import annotations

import json
import logging
import math

import pytest

from recorder.agents.whose_return import AgentReturn, WhoseReturn
from recorder.errors import SettingsError, UsageError
from recorder.settings.criteria import PerformanceSettings
from recorder.wording import explanation_in_words
from tests.criteria.episodes import claimed, episode
from worker.criteria import EpisodeSummary, Evaluator, PerformanceCriterion, build_criteria

TEAMS = (AgentReturn("red_0", "red", 1.0), AgentReturn("red_1", "red", -4.0), AgentReturn("blue_0", "", 2.5))


def of_agents(episode_id: int, *returns: float, total: float = 0.0) -> EpisodeSummary:
    """An episode of agents ``a_0``, ``a_1``… of the team ``all``."""
    agents = tuple(AgentReturn(f"a_{number}", "all", value) for number, value in enumerate(returns))
    return episode(episode_id, reward=total)._replace(agents=agents)


@pytest.mark.parametrize(
    ("of", "expected", "of_a_single_agent"),
    [
        ("sum", 7.0, 7.0),
        ("min", -4.0, 7.0),
        ("max", 2.5, 7.0),
        ("spread", 6.5, 0.0),
        ("agent:red_1", -4.0, None),
        ("agent:red", None, None),
        ("team:red", -3.0, None),
        ("team:green", None, None),
    ],
)
def test_each_return_is_found(of: str, expected: float | None, of_a_single_agent: float | None) -> None:
    whose = WhoseReturn.parse(of)
    assert str(whose) == of
    assert (whose.of(7.0, TEAMS), whose.of(7.0, ())) == (expected, of_a_single_agent)


def test_a_name_may_have_any_letter_and_a_return_may_be_no_number() -> None:
    assert WhoseReturn.parse("agent:a:b c").of(0.0, [AgentReturn("a:b c", "", 3.0)]) == 3.0
    odd = [AgentReturn("a", "", math.nan), AgentReturn("b", "", math.inf), AgentReturn("c", "", 1.0)]
    assert all(math.isnan(WhoseReturn.parse(of).of(0.0, odd) or 0.0) for of in ("min", "max", "spread", "agent:a"))


@pytest.mark.parametrize("of", ["", "mean", "agent", "agent:", "team:", "sum:", "min:red", "Sum", 3, None])
def test_anything_else_is_refused_with_what_is_possible(of: object) -> None:
    with pytest.raises(UsageError, match=r"expected sum, min, max, spread, agent:ID or team:NAME, got"):
        PerformanceCriterion(of=of)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"criteria.performance: of: expected sum"):
        build_criteria({"performance": {"of": of}})
    with pytest.raises(ValueError, match=r"expected sum|valid string"):
        PerformanceSettings(of=of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("agent:a_1", "The return of agent 'a_1' must be above the threshold"),
        ("team:all", "The return of team 'all' must be above the threshold"),
        ("min", "The lowest return of an agent must be above the threshold"),
        ("spread", "The spread of the agents' returns must be above the threshold"),
        ("sum", "The return must be above the threshold"),
    ],
)
def test_the_explanation_says_whose_return_it_is(of: str, words: str) -> None:
    criterion = PerformanceCriterion(of=of, bottom_percentile=0.0)
    for number in range(30):
        criterion.observe(of_agents(number, 0.0, float(number), total=float(number)))
    said = criterion.observe(of_agents(30, 0.0, 1.0, total=1.0)).explanation
    assert words in explanation_in_words(said._asdict()).text


def test_the_agents_return_decides_not_the_episodes() -> None:
    episodes = [of_agents(n, float(n % 10), total=0.0 if n != 20 else 1e9) for n in range(40)]
    episodes[33] = of_agents(33, 99.0)
    found = claimed(PerformanceCriterion(of="agent:a_0", bottom_percentile=0.0), episodes)
    assert found[33] == ["top_10.0pct"]
    assert 20 not in found


def test_an_episode_without_the_agent_is_not_judged_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    criterion = PerformanceCriterion(of="agent:red_0")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            answer = criterion.observe(of_agents(number, 1.0, 2.0))
            assert (answer.claims, answer.explanation.keep) == ((), False)
            assert answer.explanation.detail == "not judged: the episode has no agent 'red_0'"
        after = PerformanceCriterion(of="agent:red_0")
        after.restore(json.loads(json.dumps(criterion.state())))
        after.observe(episode(3))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "of=agent:red_0 does not judge episode_id=0" in line
    assert "it has 'a_0', 'a_1'" in line
    assert criterion.state()["history"] == []


def test_returns_of_another_kind_are_forgotten() -> None:
    before = Evaluator([PerformanceCriterion()])
    for number in range(50):
        before.observe(of_agents(number, float(number), total=float(number)))
    criterion = PerformanceCriterion(of="max")
    after = Evaluator([criterion])
    after.restore(json.loads(json.dumps(before.state())))
    decided = after.observe(of_agents(50, 1.0))
    assert criterion.state()["history"] == [1.0]
    assert not set(before.pending()) - {one.episode_id for one in decided} - set(after.pending())
