"""Finds what happened in an episode, for the page, thumbnails, videos, HTML files and live viewers.

``Outline`` is the interface. ``looks`` defines colours, shapes and names.
"""

from recorder.outline.conversation import Said, conversation_columns, said_in, shown_conversation
from recorder.outline.events import EpisodeEvents, Event
from recorder.outline.markers import MAX_MARKERS, Marker, has_intrinsic, thin_markers
from recorder.outline.meter_levels import CRITICAL_SHARE, LOW_SHARE, MeterRanges, meter_level
from recorder.outline.outline import Outline, chunk_rows, describe_recording
from recorder.outline.overview import MAX_SAMPLES
from recorder.outline.pictures import resized, rgb_of
from recorder.outline.scene import Scene
from recorder.outline.shown_pictures import ShownPicture, picture_before, shown_pictures
from recorder.outline.step_columns import StepColumns

__all__ = [
    "CRITICAL_SHARE",
    "LOW_SHARE",
    "MAX_MARKERS",
    "MAX_SAMPLES",
    "EpisodeEvents",
    "Event",
    "Marker",
    "MeterRanges",
    "Outline",
    "Said",
    "Scene",
    "ShownPicture",
    "StepColumns",
    "chunk_rows",
    "conversation_columns",
    "describe_recording",
    "has_intrinsic",
    "meter_level",
    "picture_before",
    "resized",
    "rgb_of",
    "said_in",
    "shown_conversation",
    "shown_pictures",
    "thin_markers",
]
