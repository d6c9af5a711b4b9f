"""Two episodes side by side in one picture, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder.catalog import Catalog
from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.recordings.find import open_checked_recording
from recorder.storage import open_storage
from recorder.urls import local_path
from recorder.video.kinds import check_kinds
from recorder.video.options import VideoOptions
from recorder.video.timeline import Timeline
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import TILE_COLUMNS, Canvas
from worker.video.encoding.frame_loop import VideoFile
from worker.video.export import opened_catalog
from worker.video.renderer import EpisodeVideoRenderer
from worker.video.sound.programmes.comparison import ComparisonProgramme
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.sounding_video import make_sounding_video
from worker.video.sound.studio import Studio

__all__ = ["ComparisonRenderer", "export_comparison_video"]


class ComparisonRenderer:
    """The same step of two episodes, on the same scales. The shorter one waits at its end.

    Args:
        left: opened recording.
        right: opened recording.
        options: its size is that of the whole picture.

    Raises:
        UsageError: the options are invalid, or do not fit these episodes.
    """

    def __init__(self, left: Episode, right: Episode, options: VideoOptions) -> None:
        half = options.width // 2 // TILE_COLUMNS * TILE_COLUMNS
        if half < TILE_COLUMNS:
            raise UsageError(f"width must be at least {2 * TILE_COLUMNS} for two episodes, got {options.width}")
        self.canvas = Canvas.blank(2 * half, options.height)
        self._sides = [
            EpisodeVideoRenderer(
                episode,
                style=options.style,
                timeline=side_timeline(episode, options),
                canvas=self.canvas.part(Rect(x, 0, half, options.height)),
                beside=(other,),
                source=options.source,
                agent=options.agent,
            )
            for episode, other, x in ((left, right, 0), (right, left, half))
        ]

    @property
    def n_frames(self) -> int:
        """Number of frames of the longer episode."""
        return max(side.n_frames for side in self._sides)

    def draw(self, frame: int) -> None:
        """Draw a frame."""
        for side in self._sides:
            side.draw(min(frame, side.n_frames - 1))


def side_timeline(episode: Episode, options: VideoOptions) -> Timeline:
    """The timeline of one side: at a steady pace, so that both show the same step, and without a title card."""
    return replace(options, title_secs=0.0).timeline(episode.n_steps)


def export_comparison_video(
    episode_id: int,
    other_episode_id: int,
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    *,
    run_id: str | None = None,
    other_run_id: str | None = None,
    profile: str | None = None,
    studio: Studio | None = None,
    on_frame: Callable[[int, int], bool] | None = None,
    **choices: Any,
) -> VideoFile:
    """Make a video of two recorded episodes side by side.

    Args:
        episode_id: shown on the left.
        other_episode_id: shown on the right.
        other_run_id: None for the run of the first.
        on_frame, choices, profile, studio: as in ``export_episode_video``; there is no title card.

    Raises:
        As ``export_episode_video``.
    """
    check_kinds(
        episode_id=episode_id,
        other_episode_id=other_episode_id,
        database_path=database_path,
        recordings_base_dir=recordings_base_dir,
        output_path=output_path,
        run_id=run_id,
        other_run_id=other_run_id,
        on_frame=on_frame,
    )
    options = VideoOptions.chosen(profile, **choices)
    path = local_path(output_path, "output_path")
    options.check(path.suffix)
    storage = open_storage(recordings_base_dir)
    with opened_catalog(database_path) as catalog:
        row, left = open_checked_recording(catalog, storage, run_id, episode_id)
        _, right = open_checked_recording(catalog, storage, other_run_id or row.run_id, other_episode_id)
    source = ComparisonRenderer(left, right, options)
    programme = ComparisonProgramme(
        *(EpisodeProgramme(episode, side_timeline(episode, options), agent=options.agent) for episode in (left, right))
    )
    return make_sounding_video(source, programme, path, options, studio, on_frame)
