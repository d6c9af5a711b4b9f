"""The configuration under ``recording:``: its keys, its sources and their reference."""

from recorder.settings.capture import CaptureSettings, RedisSettings
from recorder.settings.criteria import (
    CriteriaSettings,
    CustomCriterionSettings,
    PerformanceSettings,
    PeriodicSettings,
    StageBoundariesSettings,
    StageTransitionsSettings,
)
from recorder.settings.loading import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, load_settings, loaded_settings
from recorder.settings.models import Settings
from recorder.settings.server import BASE_PATH_PATTERN, QuotaSettings, ServerSettings
from recorder.settings.stores import RetentionSettings, StorageSettings
from recorder.settings.workers import IngestSettings, RenderSettings, WorkerSettings

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
    "StorageSettings",
    "WorkerSettings",
    "load_settings",
    "loaded_settings",
]
