"""Builds criteria from the mapping ``criteria:`` of the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from recorder.errors import SettingsError, UsageError
from worker.criteria.base import Criterion
from worker.criteria.custom import GuardedCriterion, custom_criteria, load_criterion_class
from worker.criteria.performance import PerformanceCriterion
from worker.criteria.periodic import PeriodicCriterion
from worker.criteria.stage_boundaries import StageBoundariesCriterion
from worker.criteria.stage_transitions import StageTransitionCriterion

__all__ = ["BUILT_IN", "build_criteria"]

BUILT_IN: Mapping[str, type[Criterion]] = {
    it.name: it for it in (PeriodicCriterion, StageTransitionCriterion, PerformanceCriterion, StageBoundariesCriterion)
}
"""Name in the configuration to class, in the order in which reasons are listed."""


def build_criteria(config: Mapping[str, Any]) -> list[Criterion]:
    """Build the configured criteria, the built-in ones first.

    Args:
        config: name to options, as in the YAML under ``recording: criteria:``. The options are the constructor's, and
            ``enabled`` (default true). A criterion that is not named is off. A custom criterion has the name of its
            entry point.

    Raises:
        SettingsError: a criterion or option is unknown (the message names the nearest), an option is invalid, or a
            custom criterion fails to load.
    """
    installed = {} if all(name in BUILT_IN for name in config) else custom_criteria()
    if unknown := [str(name) for name in config if name not in BUILT_IN and name not in installed]:
        raise SettingsError(_unknown("criteria", unknown[0], [*BUILT_IN, *installed]))
    criteria: list[Criterion] = []
    for name in [*(name for name in BUILT_IN if name in config), *(name for name in config if name not in BUILT_IN)]:
        options = _checked_options(name, config[name])
        if not options.pop("enabled", True):
            continue
        if name in BUILT_IN:
            criteria.append(_make(name, BUILT_IN[name], options))
        else:
            criteria.append(GuardedCriterion(_make(name, load_criterion_class(installed[name]), options), name))
    return criteria


def _checked_options(name: str, options: object) -> dict[str, Any]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise SettingsError(f"criteria.{name}: expected a mapping such as {{enabled: true}}, got {options!r}")
    if not isinstance(options.get("enabled", True), bool):
        raise SettingsError(f"criteria.{name}.enabled: expected true or false, got {options['enabled']!r}")
    return {str(option): value for option, value in options.items()}


def _make(name: str, criterion: type[Criterion], options: dict[str, Any]) -> Criterion:
    parameters = inspect.signature(criterion).parameters
    takes_any = any(it.kind is inspect.Parameter.VAR_KEYWORD for it in parameters.values())
    for option in options:
        if option not in parameters and not takes_any:
            raise SettingsError(_unknown(f"criteria.{name}", option, ["enabled", *parameters]))
    try:
        return criterion(**options)
    except UsageError as error:
        raise SettingsError(f"criteria.{error}") from error
    except (TypeError, ValueError) as error:
        raise SettingsError(f"criteria.{name}: {error}") from error


def _unknown(where: str, key: str, known: list[str]) -> str:
    nearest = get_close_matches(key, known, n=1, cutoff=0.0)
    return f"{where}: unknown key {key!r}; the nearest is {nearest[0]!r}, of {', '.join(known)}"
