"""The flight recorder of reinforcement-learning training.

``EpisodeRecorder`` is what a trainer calls. Each name is loaded when it is asked for: a trainer pays for numpy, msgpack, lz4 and
redis only, and the command line puts its import path right before any of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recorder.capture import EpisodeRecorder, PublisherLimits, RecorderStats
    from recorder.catalog import Catalog
    from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, RecordedStep, Substrate
    from recorder.episode_file import Episode, open_episode
    from recorder.redis_server.find import find_redis_url
    from recorder.settings import Settings, load_settings

__all__ = [
    "Catalog",
    "Episode",
    "EpisodeMetadata",
    "EpisodeRecorder",
    "EpisodeStatus",
    "Gap",
    "PublisherLimits",
    "RecordedStep",
    "RecorderStats",
    "Settings",
    "Substrate",
    "find_redis_url",
    "load_settings",
    "open_episode",
]

_HOMES = {
    "Catalog": "recorder.catalog",
    "Episode": "recorder.episode_file",
    "EpisodeMetadata": "recorder.episode",
    "EpisodeRecorder": "recorder.capture",
    "EpisodeStatus": "recorder.episode",
    "Gap": "recorder.episode",
    "PublisherLimits": "recorder.capture",
    "RecordedStep": "recorder.episode",
    "RecorderStats": "recorder.capture",
    "Settings": "recorder.settings",
    "Substrate": "recorder.episode",
    "find_redis_url": "recorder.redis_server.find",
    "load_settings": "recorder.settings",
    "open_episode": "recorder.episode_file",
}


def __getattr__(name: str) -> Any:
    """Load a name of ``__all__`` from the module that defines it."""
    if name in _HOMES:
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found
    raise AttributeError(f"module 'recorder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
