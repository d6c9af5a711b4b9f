"""Settings of the criteria, which select the episodes to keep."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict

from recorder.agents.whose_return import WHOSE_RETURN, WhoseReturn
from recorder.errors import UsageError
from recorder.settings.fields import Section, setting

__all__ = [
    "CriteriaSettings",
    "CustomCriterionSettings",
    "PerformanceSettings",
    "PeriodicSettings",
    "StageBoundariesSettings",
    "StageTransitionsSettings",
]


def _check_whose(text: str) -> str:
    try:
        return str(WhoseReturn.parse(text))
    except UsageError:
        raise ValueError(f"expected {WHOSE_RETURN}") from None


class PeriodicSettings(Section):
    """Every N-th episode."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    interval: int = setting(
        100,
        "An episode is kept if its id is divisible by this, which gives an even sample of the run.",
        unit="episodes",
        ge=1,
    )


class StageTransitionsSettings(Section):
    """The episodes around a change of the curriculum's stage."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    lookback: int = setting(
        5,
        "Finished episodes of the lane to keep from before the change. Each lane's last ones wait in Redis for "
        "it, so this times the number of lanes is the memory it takes.",
        unit="episodes",
        ge=0,
        le=1000,
    )
    lookahead: int = setting(5, "Episodes of the lane to keep from the change on.", unit="episodes", ge=0, le=10_000)


class PerformanceSettings(Section):
    """The best and the worst recent returns."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    top_percentile: float = setting(
        10.0, "Share of the window that counts as best; 0 keeps none.", unit="percent", ge=0, le=100
    )
    bottom_percentile: float = setting(
        10.0, "Share of the window that counts as worst; 0 keeps none.", unit="percent", ge=0, le=100
    )
    history_window: int = setting(
        100,
        "Previous episodes that an episode is compared with. It starts once max(10, a tenth of it) are known. The"
        " best and the worst of a run are always kept.",
        unit="episodes",
        ge=10,
        le=100_000,
    )
    of: Annotated[str, AfterValidator(_check_whose)] = setting(
        "sum",
        "Whose return is judged in episodes of several agents: `sum` (the episode's), `min`, `max`, `spread` (highest less"
        " lowest), `agent:ID` or `team:NAME`. An episode without that agent or team is not judged.",
    )


class StageBoundariesSettings(Section):
    """The first and the last episodes at each stage."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    record_first_n: int = setting(
        5,
        "Episodes to keep from the beginning of each stage. Their ids are remembered for the whole run.",
        unit="episodes",
        ge=0,
        le=10_000,
    )
    record_last_n: int = setting(
        5,
        "Episodes to keep from the end of each stage. They wait in Redis until the next change or the end of the run.",
        unit="episodes",
        ge=0,
        le=1000,
    )


class CustomCriterionSettings(Section):
    """A criterion of another package. Keys other than ``enabled`` are passed to its constructor."""

    model_config = ConfigDict(extra="allow")

    enabled: bool = setting(True, "Whether this criterion is used.")

    @property
    def options(self) -> dict[str, Any]:
        """The keys other than ``enabled``."""
        return dict(self.model_extra or {})


class CriteriaSettings(Section):
    """An episode is kept if any of these criteria wants it. Its file names the reasons of all."""

    periodic: PeriodicSettings = PeriodicSettings()
    stage_transitions: StageTransitionsSettings = StageTransitionsSettings()
    performance: PerformanceSettings = PerformanceSettings()
    stage_boundaries: StageBoundariesSettings = StageBoundariesSettings()
    custom: dict[str, CustomCriterionSettings] = setting(
        {},
        "Criteria of other packages, by the name of their entry point in the group `hamlet_recorder.criteria`. "
        "Each is a mapping of `enabled` and the criterion's options.",
    )
