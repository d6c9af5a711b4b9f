"""Settings of the criteria: which episodes are kept. Keys and defaults are the same for every trainer's file."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from recorder.settings.fields import Section, setting

__all__ = [
    "CriteriaSettings",
    "CustomCriterionSettings",
    "PerformanceSettings",
    "PeriodicSettings",
    "StageBoundariesSettings",
    "StageTransitionsSettings",
]


class PeriodicSettings(Section):
    """Every N-th episode."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    interval: int = setting(
        100, "An episode is kept when its id is divisible by this: an even sample of the run.", unit="episodes", ge=1
    )


class StageTransitionsSettings(Section):
    """The episodes around a change of the curriculum's stage."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    lookback: int = setting(
        5,
        "Finished episodes of the lane kept from before the change. Each lane's last ones wait in Redis for it, so the "
        "memory it takes is this times the number of lanes.",
        unit="episodes",
        ge=0,
        le=1000,
    )
    lookahead: int = setting(5, "Episodes of the lane kept from the change on.", unit="episodes", ge=0)


class PerformanceSettings(Section):
    """The best and the worst returns of late."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    top_percentile: float = setting(
        10.0, "Share of the window whose returns count as the best; 0 keeps none.", unit="percent", ge=0, le=100
    )
    bottom_percentile: float = setting(
        10.0, "Share of the window whose returns count as the worst; 0 keeps none.", unit="percent", ge=0, le=100
    )
    history_window: int = setting(
        100,
        "Previous episodes an episode is compared with. Nothing is judged before max(10, a tenth of it) are known. The best and "
        "the worst of a run are always kept.",
        unit="episodes",
        ge=10,
        le=100_000,
    )


class StageBoundariesSettings(Section):
    """The first and the last episodes at each stage."""

    enabled: bool = setting(True, "Whether this criterion is used.")
    record_first_n: int = setting(5, "Episodes kept from the beginning of each stage.", unit="episodes", ge=0)
    record_last_n: int = setting(
        5,
        "Episodes kept from the end of each stage, known at the next change or at the run's end; they wait in Redis "
        "until then.",
        unit="episodes",
        ge=0,
        le=1000,
    )


class CustomCriterionSettings(Section):
    """A criterion of another package; what stands beside ``enabled`` is passed to its constructor."""

    model_config = ConfigDict(extra="allow")

    enabled: bool = setting(True, "Whether this criterion is used.")

    @property
    def options(self) -> dict[str, Any]:
        """The keys beside ``enabled``, as the file has them."""
        return dict(self.model_extra or {})


class CriteriaSettings(Section):
    """An episode is kept when any one of these asks for it; it keeps the reasons of all."""

    periodic: PeriodicSettings = PeriodicSettings()
    stage_transitions: StageTransitionsSettings = StageTransitionsSettings()
    performance: PerformanceSettings = PerformanceSettings()
    stage_boundaries: StageBoundariesSettings = StageBoundariesSettings()
    custom: dict[str, CustomCriterionSettings] = setting(
        {},
        "Criteria of other packages by the name of their entry point in the group `hamlet_recorder.criteria`; each is "
        "a mapping of `enabled` and the options of its own.",
    )
