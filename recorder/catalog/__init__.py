"""The SQL index of runs, episodes, recordings, videos and annotations.

``Catalog`` is the interface, ``rows`` has its dataclasses. Only this package uses SQLAlchemy. ``docs/catalog.md``
describes the tables.
"""

from __future__ import annotations

from importlib.util import find_spec

from recorder.errors import MissingExtraError

if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
    raise MissingExtraError("The catalog", "catalog")

from recorder.catalog.catalog import Catalog
from recorder.catalog.operations.agents import AgentSummary
from recorder.catalog.operations.videos import VideoBounds
from recorder.catalog.original import ORIGINAL_COLUMNS
from recorder.catalog.rows import (
    AnnotationRow,
    CurvePoint,
    Decision,
    EpisodePage,
    EpisodeRow,
    RecordingRow,
    RunRow,
    RunState,
    RunSummary,
    UnreadableValue,
)
from recorder.catalog.video_rows import SegmentProgress, SegmentRow, VideoRow
from recorder.catalog.write_rows import ClaimedEpisode, EpisodeToWrite

__all__ = [
    "ORIGINAL_COLUMNS",
    "AgentSummary",
    "AnnotationRow",
    "Catalog",
    "ClaimedEpisode",
    "CurvePoint",
    "Decision",
    "EpisodePage",
    "EpisodeRow",
    "EpisodeToWrite",
    "RecordingRow",
    "RunRow",
    "RunState",
    "RunSummary",
    "SegmentProgress",
    "SegmentRow",
    "UnreadableValue",
    "VideoBounds",
    "VideoRow",
]
