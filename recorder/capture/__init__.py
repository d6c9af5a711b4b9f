"""Capturing: what a trainer calls, and the background thread behind it."""

from recorder.capture.publisher import PublisherLimits
from recorder.capture.recorder import EpisodeRecorder
from recorder.capture.stats import RecorderStats

__all__ = ["EpisodeRecorder", "PublisherLimits", "RecorderStats"]
