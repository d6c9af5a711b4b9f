"""Capturing: what a trainer calls, and what works for it in the background."""

from recorder.capture.limits import PublisherLimits
from recorder.capture.recorder import EpisodeRecorder
from recorder.capture.stats import RecorderStats

__all__ = ["EpisodeRecorder", "PublisherLimits", "RecorderStats"]
