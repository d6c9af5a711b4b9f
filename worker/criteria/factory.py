"""Accepts criteria in any form: settings, a mapping, or criterion objects."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from recorder.errors import SettingsError, UsageError
from recorder.settings import CriteriaSettings, Settings
from recorder.settings.fields import Section
from worker.criteria.base import Criterion
from worker.criteria.build import BUILT_IN, build_criteria
from worker.criteria.custom import GuardedCriterion
from worker.criteria.evaluator import Evaluator

__all__ = ["GivenCriteria", "criteria_factory"]

GivenCriteria = Settings | CriteriaSettings | Mapping[str, Any] | Criterion | Iterable[Criterion]

_EXPECTED = (
    "criteria: expected settings, a mapping as under 'recording: criteria:', or a list of criteria such as "
    "[PeriodicCriterion(interval=100)]; found "
)


def criteria_factory(given: GivenCriteria) -> Callable[[], list[Criterion]]:
    """Return a function that makes new criteria for each run. It is called once here to check the criteria.

    Args:
        given: the settings or their criteria; a mapping as under ``recording: criteria:`` in a configuration; or one or
            more criterion objects. Objects are copied with their current state.

    Raises:
        SettingsError: the configuration of a criterion is invalid.
        UsageError: it is none of these, two criteria share a name, or one cannot be copied.
    """
    if isinstance(given, Settings | CriteriaSettings | Mapping):
        make = partial(build_criteria, _as_config(given))
    else:
        make = partial(_copies, _as_list(given))
    Evaluator(make())
    return make


def _as_config(given: Settings | CriteriaSettings | Mapping[str, Any]) -> dict[str, Any]:
    """Return name to options, with the custom criteria at the same level."""
    given = given.criteria if isinstance(given, Settings) else given
    config = _plain(given)
    custom = config.pop("custom", None) or {}
    if not isinstance(custom, Mapping):
        raise SettingsError(f"criteria.custom: expected a mapping from names to options, got {custom!r}")
    return {**config, **_plain(custom)}


def _plain(given: Section | Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with its sections as mappings."""
    source = given.model_dump() if isinstance(given, Section) else given
    return {str(name): it.model_dump() if isinstance(it, Section) else it for name, it in source.items()}


def _as_list(given: object) -> list[Criterion]:
    if isinstance(given, Criterion):
        return [given]
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise UsageError(f"{_EXPECTED}{type(given).__name__}")
    criteria = []
    for one in given:
        if not isinstance(one, Criterion):
            found = f"the class {one.__name__}" if isinstance(one, type) else type(one).__name__
            raise UsageError(f"{_EXPECTED}{found} in the list")
        is_ours = type(one) in (*BUILT_IN.values(), GuardedCriterion)
        criteria.append(one if is_ours else GuardedCriterion(one, one.name))
    return _copies(criteria)


def _copies(criteria: list[Criterion]) -> list[Criterion]:
    try:
        return copy.deepcopy(criteria)
    except Exception as error:
        raise UsageError(f"criteria: each run needs its copy of a criterion, but copying failed: {error}") from error
