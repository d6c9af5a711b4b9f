from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from recorder.errors import SettingsError
from tests.criteria.episodes import claimed, episode
from worker.criteria import build_criteria

SEED = """
periodic:
  enabled: true
  interval: 100
stage_transitions:
  enabled: true
  lookback: 5
  lookahead: 5
performance:
  enabled: true
  top_percentile: 10.0
  bottom_percentile: 10.0
  history_window: 100
stage_boundaries:
  enabled: true
  record_first_n: 5
  record_last_n: 5
"""


def test_the_documented_yaml_makes_the_four_criteria_in_the_order_of_the_table() -> None:
    config = yaml.safe_load(SEED)
    table = ["periodic", "stage_transitions", "performance", "stage_boundaries"]
    assert [it.name for it in build_criteria(config)] == table
    assert [it.name for it in build_criteria(dict(reversed(config.items())))] == table


def test_options_reach_the_criterion() -> None:
    (criterion,) = build_criteria({"periodic": {"interval": 3}})
    assert set(claimed(criterion, map(episode, range(7)))) == {0, 3, 6}


def test_a_criterion_that_is_disabled_or_not_named_is_off() -> None:
    assert build_criteria({}) == []
    assert [it.name for it in build_criteria({"periodic": {"enabled": False}, "performance": None})] == ["performance"]


def test_the_configuration_is_left_as_it_was() -> None:
    config = yaml.safe_load(SEED)
    build_criteria(config)
    assert config == yaml.safe_load(SEED)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"perodic": {}}, "criteria: unknown key 'perodic'; the nearest is 'periodic'"),
        ({"periodic": {"intervall": 3}}, "criteria.periodic: unknown key 'intervall'; the nearest is 'interval'"),
        ({"periodic": {"interval": 0}}, "criteria.periodic: interval must be a whole number of at least 1, got 0"),
        ({"performance": {"top_percentile": 101}}, "criteria.performance: top_percentile must be a percentage"),
        ({"stage_transitions": {"lookback": -1}}, "criteria.stage_transitions: lookback must be a whole number"),
        ({"stage_boundaries": {"record_last_n": "5"}}, "criteria.stage_boundaries: record_last_n must be a whole"),
        ({"periodic": 100}, "criteria.periodic: expected a mapping such as {enabled: true}, got 100"),
        ({"periodic": {"enabled": "yes"}}, "criteria.periodic.enabled: expected true or false, got 'yes'"),
        ({1: {}}, "criteria: unknown key '1'"),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_key_and_the_way_out(config: dict[Any, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        build_criteria(config)
