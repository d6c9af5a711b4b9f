"""The configuration: the keys under ``recording:``, where their values come from, and the reference of them."""

from recorder.settings.criteria import (
    CriteriaSettings,
    CustomCriterionSettings,
    PerformanceSettings,
    PeriodicSettings,
    StageBoundariesSettings,
    StageTransitionsSettings,
)
from recorder.settings.loading import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, load_settings, loaded_settings
from recorder.settings.models import (
    BASE_PATH_PATTERN,
    CaptureSettings,
    IngestSettings,
    RedisSettings,
    RenderSettings,
    RetentionSettings,
    ServerSettings,
    Settings,
    WorkerSettings,
)
from recorder.settings.quotas import QuotaSettings

__all__ = [
    "BASE_PATH_PATTERN",
    "CONFIG_VARIABLE",
    "ENVIRONMENT_PREFIX",
    "CaptureSettings",
    "CriteriaSettings",
    "CustomCriterionSettings",
    "IngestSettings",
    "PerformanceSettings",
    "PeriodicSettings",
    "QuotaSettings",
    "RedisSettings",
    "RenderSettings",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "StageBoundariesSettings",
    "StageTransitionsSettings",
    "WorkerSettings",
    "load_settings",
    "loaded_settings",
]
