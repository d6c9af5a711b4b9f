"""The tables: columns, keys and indexes.

Every row belongs to a run and is deleted with it. ``docs/catalog.md`` describes the columns.
"""

from recorder.catalog.models.episodes import GIVEN_UP, UNWRITTEN, episode_annotations, episode_tags, episodes
from recorder.catalog.models.recordings import recording_agents, recording_reasons, recordings
from recorder.catalog.models.runs import installation, runs
from recorder.catalog.models.shared import METADATA
from recorder.catalog.models.videos import video_segments, videos

__all__ = [
    "GIVEN_UP",
    "METADATA",
    "UNWRITTEN",
    "episode_annotations",
    "episode_tags",
    "episodes",
    "installation",
    "recording_agents",
    "recording_reasons",
    "recordings",
    "runs",
    "video_segments",
    "videos",
]
