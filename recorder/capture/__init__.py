"""Capturing: what a trainer calls, and how its steps come into the black box."""

from recorder.capture.recorder import EpisodeRecorder, copied_recorder
from recorder.capture.writing.native_writer import native_comparison, native_template
from recorder.publish.limits import PublisherLimits
from recorder.publish.stats import RecorderStats

__all__ = [
    "EpisodeRecorder",
    "PublisherLimits",
    "RecorderStats",
    "copied_recorder",
    "native_comparison",
    "native_template",
]
