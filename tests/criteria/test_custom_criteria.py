from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from recorder.errors import SettingsError, UsageError
from tests.criteria.episodes import decide_all, episode
from worker.criteria import Claim, Criterion, EpisodeSummary, Evaluator, Explanation, Observation, build_criteria


class Streak(Criterion):
    """Keeps the last ``length`` episodes when they all earned something."""

    name = "streak"

    def __init__(self, length: int = 2) -> None:
        if length < 1:
            raise UsageError(f"streak: length must be at least 1, got {length}")
        self._length = length
        self._ids: list[int] = []

    def observe(self, episode: EpisodeSummary) -> Observation:
        self._ids = [*self._ids, episode.episode_id] if episode.total_reward > 0 else []
        is_full = len(self._ids) == self._length
        claims = tuple(Claim(it, f"streak_{self._length}") for it in self._ids) if is_full else ()
        keep = True if is_full else None
        explanation = Explanation(self.name, keep, len(self._ids), self._length, "episodes in a row that earned")
        if is_full:
            self._ids = []
        return Observation(claims, explanation)

    def held(self) -> Collection[int]:
        return self._ids

    def end_run(self) -> Sequence[Claim]:
        self._ids = []
        return ()

    def state(self) -> dict[str, Any]:
        return {"ids": self._ids}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._ids = list(state["ids"])


class Broken(Criterion):
    """Fails in whatever way a test asks for."""

    name = "broken"
    answer: Callable[[EpisodeSummary], Any]

    def observe(self, episode: EpisodeSummary) -> Observation:
        return type(self).answer(episode)

    def state(self) -> dict[str, Any]:
        return {"not json": float("nan")}

    def end_run(self) -> Sequence[Claim]:
        return ["not a claim"]  # type: ignore[list-item]


class HasNoObserve(Criterion):
    """Lacks its only duty."""

    name = "has_no_observe"


def not_a_class() -> Criterion:
    return Streak()


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes packages appear to offer criteria: name in the configuration to object in this module, or to a path."""

    def entry_points_are(**targets: str) -> None:
        def fake(*, group: str) -> EntryPoints:
            assert group == "hamlet_recorder.criteria"
            return EntryPoints(
                EntryPoint(name, target if ":" in target else f"{__name__}:{target}", group)
                for name, target in targets.items()
            )

        monkeypatch.setattr("worker.criteria.custom.entry_points", fake)

    return entry_points_are


def test_a_custom_criterion_gets_its_options_and_follows_the_built_in_ones(
    install: Callable[..., None],
) -> None:
    install(winning_streak="Streak")
    criteria = build_criteria({"winning_streak": {"length": 3}, "periodic": {"interval": 2}})
    assert [it.name for it in criteria] == ["periodic", "winning_streak"]
    rewards = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0]
    decided = decide_all(Evaluator(criteria), [episode(n, reward=reward) for n, reward in enumerate(rewards)])
    assert {it.episode_id: it.reasons for it in decided if it.reasons} == {
        0: ("periodic_2",),
        2: ("periodic_2", "streak_3"),
        3: ("streak_3",),
        4: ("periodic_2", "streak_3"),
        6: ("periodic_2",),
    }
    assert len(decided) == len(rewards)
    assert {line["criterion"] for it in decided for line in it.why} == {"periodic", "winning_streak"}


def test_an_episode_that_a_custom_criterion_releases_is_decided_in_the_same_call(install: Callable[..., None]) -> None:
    install(streak="Streak")
    evaluator = Evaluator(build_criteria({"streak": {"length": 3}}))
    assert evaluator.observe(episode(0, reward=1.0)) == []
    assert evaluator.observe(episode(1, reward=1.0)) == []
    assert [it.episode_id for it in evaluator.observe(episode(2, reward=0.0))] == [0, 1, 2]


def test_a_custom_criterion_continues_after_a_restart(install: Callable[..., None]) -> None:
    install(streak="Streak")
    config = {"streak": {"length": 3}}
    before = Evaluator(build_criteria(config))
    before.observe(episode(0, reward=1.0))
    criteria = build_criteria(config)
    after = Evaluator(criteria)
    after.restore(json.loads(json.dumps(before.state())))
    assert set(criteria[0].held()) == {0}
    assert after.observe(episode(1, reward=1.0)) == []
    assert [it.reasons for it in after.observe(episode(2, reward=1.0))] == [("streak_3",)] * 3


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_package:Thing",
            r"'mine' \(no_such_package:Thing\) can't be imported: ModuleNotFoundError: .*reinstall",
        ),
        ("NoSuchName", r"can't be imported: AttributeError: .*NoSuchName"),
        ("not_a_class", r"must be a subclass of worker.criteria.Criterion, found <function not_a_class"),
        ("EntryPoint", r"must be a subclass of worker.criteria.Criterion, found <class"),
        ("HasNoObserve", r"must implement observe"),
    ],
)
def test_an_invalid_custom_criterion_is_named_in_the_error(
    install: Callable[..., None], target: str, message: str
) -> None:
    install(mine=target)
    with pytest.raises(SettingsError, match=message):
        build_criteria({"mine": {}})


def test_a_broken_custom_criterion_that_is_off_does_no_harm(install: Callable[..., None]) -> None:
    install(mine="no_such_package:Thing")
    assert build_criteria({"mine": {"enabled": False}}) == []
    assert len(build_criteria({"periodic": {}})) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lenght": 3}, "criteria.streak: unknown key 'lenght'; the nearest is 'length'"),
        ({"length": 0}, "criteria.streak: length must be at least 1"),
        ({"length": "x"}, "criteria.streak: '<' not supported"),
    ],
)
def test_options_that_a_custom_criterion_refuses_are_named_in_the_error(
    install: Callable[..., None], options: dict[str, Any], message: str
) -> None:
    install(streak="Streak")
    with pytest.raises(SettingsError, match=message):
        build_criteria({"streak": options})


def raises(episode: EpisodeSummary) -> Observation:
    raise RuntimeError("out of luck")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (raises, "observe raised RuntimeError: out of luck"),
        (lambda _: None, "expected an Observation with an Explanation, got None"),
        (lambda _: Observation((), "because"), "expected an Observation with an Explanation"),  # type: ignore[arg-type]
        (lambda _: Observation((7,), Explanation("broken", True)), "expected Claim"),  # type: ignore[arg-type]
        (lambda _: Observation((), Explanation("broken", True, [1])), "expected a number"),  # type: ignore[arg-type]
    ],
)
def test_a_failing_custom_criterion_loses_only_its_reasons_and_is_logged_once(
    install: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[EpisodeSummary], Any],
    message: str,
) -> None:
    install(broken="Broken")
    monkeypatch.setattr(Broken, "answer", staticmethod(answer), raising=False)
    evaluator = Evaluator(build_criteria({"periodic": {"interval": 1}, "broken": None}))
    with caplog.at_level(logging.ERROR):
        decided = [it for n in range(10) for it in evaluator.observe(episode(n))]
        assert evaluator.state()["criteria"]["broken"] == {}
        assert evaluator.end_run() == []
    assert [it.reasons for it in decided] == [("periodic_1",)] * 10
    assert message in decided[0].why[1]["detail"]
    assert len(caplog.records) == 1
    assert "criterion=broken" in caplog.text
