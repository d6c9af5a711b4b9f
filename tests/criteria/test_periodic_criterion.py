from __future__ import annotations

from typing import Any

import pytest

from recorder.errors import UsageError
from tests.criteria.episodes import claimed, episode
from worker.criteria import PeriodicCriterion


def test_every_hundredth_episode_is_kept_in_any_order_of_finishing() -> None:
    ids = [*range(150, 301), *range(150)]
    assert claimed(PeriodicCriterion(interval=100), map(episode, ids)) == {
        n: ["periodic_100"] for n in (0, 100, 200, 300)
    }


def test_the_default_interval_is_one_hundred() -> None:
    assert claimed(PeriodicCriterion(), map(episode, range(1, 101))) == {100: ["periodic_100"]}


def test_an_interval_of_one_keeps_every_episode() -> None:
    assert len(claimed(PeriodicCriterion(1), map(episode, range(50)))) == 50


def test_the_explanation_gives_the_remainder() -> None:
    explanation = PeriodicCriterion(100).observe(episode(237)).explanation
    assert (explanation.keep, explanation.value, explanation.threshold) == (False, 37, 0)


@pytest.mark.parametrize("interval", [0, -1, 2.5, "100", True, None])
def test_an_invalid_interval_is_refused_with_advice(interval: Any) -> None:
    with pytest.raises(UsageError, match=r"interval must be a whole number of at least 1, got .*enabled: false"):
        PeriodicCriterion(interval=interval)
