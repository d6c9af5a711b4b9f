from __future__ import annotations

import inspect
import re
from copy import deepcopy
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from recorder.errors import SettingsError
from recorder.settings import CriteriaSettings
from recorder.settings.fields import bounds_of
from tests.criteria.episodes import claimed, episode
from tests.original_protocol import CONFIGURATION
from worker.criteria import build_criteria
from worker.criteria.build import BUILT_IN

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


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_criterion_has_the_defaults_and_the_bounds_of_its_settings(name: str) -> None:
    section = type(getattr(CriteriaSettings(), name))
    defaults = {key: value for key, value in section().model_dump().items() if key != "enabled"}
    parameters = inspect.signature(BUILT_IN[name]).parameters
    assert {key: parameters[key].default for key in defaults} == defaults
    for key in defaults:
        least, most = bounds_of(section, key)
        for value in (limit for limit in (least, most) if limit is not None):
            section(**{key: value})
            build_criteria({name: {key: value}})
        for value in (None if least is None else least - 1, None if most is None else most + 1):
            if value is not None:
                with pytest.raises(ValidationError):
                    section(**{key: value})
                with pytest.raises(SettingsError, match=key):
                    build_criteria({name: {key: value}})
