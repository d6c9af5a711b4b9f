"""The flight recorder of reinforcement-learning training.

``EpisodeRecorder`` is what a trainer calls. Everything else is loaded when it is asked for, so that a trainer pays for numpy,
msgpack, lz4 and redis only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recorder.capture import EpisodeRecorder, PublisherLimits, RecorderStats
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, RecordedStep, Substrate
from recorder.episode_file import Episode, open_episode

if TYPE_CHECKING:
    from recorder.catalog import Catalog
    from recorder.server_search import find_server
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
    "find_server",
    "load_settings",
    "open_episode",
]

_LAZY = {
    "Catalog": "recorder.catalog",
    "Settings": "recorder.settings",
    "find_server": "recorder.server_search",
    "load_settings": "recorder.settings",
}


def __getattr__(name: str) -> Any:
    """Load the names that need more than a trainer has."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'recorder' has no attribute {name!r}")
