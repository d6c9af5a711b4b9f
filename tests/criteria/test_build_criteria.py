from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
import yaml

from recorder.errors import SettingsError
from tests.criteria.episodes import claimed, episode
from tests.original_protocol import CONFIGURATION
from worker.criteria import build_criteria

CRITERIA = yaml.safe_load(CONFIGURATION)["recording"]["criteria"]


def test_the_documented_yaml_makes_the_four_criteria_in_the_order_of_the_table() -> None:
    config = deepcopy(CRITERIA)
    table = ["periodic", "stage_transitions", "performance", "stage_boundaries"]
    assert [it.name for it in build_criteria(config)] == table
    assert [it.name for it in build_criteria(dict(reversed(config.items())))] == table


def test_options_reach_the_criterion() -> None:
    (criterion,) = build_criteria({"periodic": {"interval": 3}})
    assert set(claimed(criterion, map(episode, range(7)))) == {0, 3, 6}


def test_a_criterion_that_is_disabled_or_missing_is_off() -> None:
    assert build_criteria({}) == []
    assert [it.name for it in build_criteria({"periodic": {"enabled": False}, "performance": None})] == ["performance"]


def test_building_criteria_does_not_change_the_configuration() -> None:
    config = deepcopy(CRITERIA)
    build_criteria(config)
    assert config == CRITERIA


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
def test_a_wrong_configuration_is_refused_with_the_key_and_advice(config: dict[Any, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        build_criteria(config)
