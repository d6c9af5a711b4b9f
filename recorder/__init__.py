"""Flight recorder for reinforcement-learning training: ``from recorder import EpisodeRecorder``.

The names in ``__all__`` are public; see ``docs/reference.md``. Each is loaded on first use, so a trainer loads only
numpy, msgpack, lz4 and redis, and the command line can fix its import path first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recorder.capture import EpisodeRecorder, PublisherLimits, RecorderStats
    from recorder.catalog import Catalog
    from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, Substrate
    from recorder.episode_file import Episode, open_episode
    from recorder.errors import RecorderError
    from recorder.recorded_step import RecordedStep
    from recorder.redis_server.find import find_redis_url
    from recorder.replay.client import ReplayClient
    from recorder.replay.manager import Playback, ReplayManager
    from recorder.settings import Settings, load_settings
    from recorder.video.options import VideoOptions
    from worker.criteria import (
        Claim,
        Criterion,
        EpisodeSummary,
        Explanation,
        Observation,
        PerformanceCriterion,
        PeriodicCriterion,
        StageBoundariesCriterion,
        StageTransitionCriterion,
    )
    from worker.recording_writer import RecordingWriter
    from worker.video import (
        BatchResult,
        LanguageModel,
        Studio,
        VideoFile,
        batch_export_videos,
        export_comparison_video,
        export_episode_video,
        export_reel_video,
    )

__all__ = [
    "BatchResult",
    "Catalog",
    "Claim",
    "Criterion",
    "Episode",
    "EpisodeMetadata",
    "EpisodeRecorder",
    "EpisodeStatus",
    "EpisodeSummary",
    "Explanation",
    "Gap",
    "LanguageModel",
    "Observation",
    "PerformanceCriterion",
    "PeriodicCriterion",
    "Playback",
    "PublisherLimits",
    "RecordedStep",
    "RecorderError",
    "RecorderStats",
    "RecordingWriter",
    "ReplayClient",
    "ReplayManager",
    "Settings",
    "StageBoundariesCriterion",
    "StageTransitionCriterion",
    "Studio",
    "Substrate",
    "VideoFile",
    "VideoOptions",
    "batch_export_videos",
    "export_comparison_video",
    "export_episode_video",
    "export_reel_video",
    "find_redis_url",
    "load_settings",
    "open_episode",
]

_HOMES = {
    "recorder.capture": ("", ("EpisodeRecorder", "PublisherLimits", "RecorderStats")),
    "recorder.catalog": ("catalog", ("Catalog",)),
    "recorder.episode": ("", ("EpisodeMetadata", "EpisodeStatus", "Gap", "Substrate")),
    "recorder.episode_file": ("", ("Episode", "open_episode")),
    "recorder.errors": ("", ("RecorderError",)),
    "recorder.recorded_step": ("", ("RecordedStep",)),
    "recorder.redis_server.find": ("", ("find_redis_url",)),
    "recorder.replay.client": ("server", ("ReplayClient",)),
    "recorder.replay.manager": ("", ("Playback", "ReplayManager")),
    "recorder.settings": ("", ("Settings", "load_settings")),
    "recorder.video.options": ("", ("VideoOptions",)),
    "worker.criteria": (
        "",
        (
            "Claim",
            "Criterion",
            "EpisodeSummary",
            "Explanation",
            "Observation",
            "PerformanceCriterion",
            "PeriodicCriterion",
            "StageBoundariesCriterion",
            "StageTransitionCriterion",
        ),
    ),
    "worker.recording_writer": ("catalog", ("RecordingWriter",)),
    "worker.video": (
        "video",
        (
            "BatchResult",
            "LanguageModel",
            "Studio",
            "VideoFile",
            "batch_export_videos",
            "export_comparison_video",
            "export_episode_video",
            "export_reel_video",
        ),
    ),
}
"""Module to the extra that it needs, and to its public names."""

_HOME_OF = {name: (module, extra) for module, (extra, names) in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'recorder' has no attribute {name!r}")
    from recorder.runtime.extras import require_extra  # lazy: the command line fixes its import path first

    module, extra = _HOME_OF[name]
    with require_extra(name, module.partition(".")[0], extra=extra):
        found = globals()[name] = getattr(import_module(module), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
