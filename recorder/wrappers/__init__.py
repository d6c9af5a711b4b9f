"""Wrappers that record any Gymnasium environment without a change of the training loop.

``RecordEpisode`` is for one environment, ``recorder.wrappers.vector.RecordEpisode`` for vector environments. Whatever
they record goes through an ``EpisodeRecorder``. Gymnasium is imported here and nowhere else in the package.
"""

from __future__ import annotations

from recorder.errors import MissingExtraError

try:
    import gymnasium  # noqa: F401 - said here once, in words, for all modules below
except ImportError as error:
    raise MissingExtraError("recorder.wrappers", "gymnasium") from error

from recorder.wrappers.environment.autoseed import AutoSeed
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.reproduction import Divergence, Reproduction, make_environment
from recorder.wrappers.single import RecordEpisode
from recorder.wrappers.states import Restoration

__all__ = [
    "AutoSeed",
    "Divergence",
    "RecordEpisode",
    "Reproduction",
    "Restoration",
    "describe_environment",
    "make_environment",
]
