"""One video of a whole run: the worst, the median and the best recorded episode of each stage, with title cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, NamedTuple

from recorder.catalog import Catalog, RecordingRow
from recorder.episode_file import Episode
from recorder.errors import RecorderError, RecordingNotFoundError, UsageError
from recorder.recordings.find import open_checked_recording
from recorder.storage import open_storage
from recorder.urls import local_path
from recorder.video.kinds import check_kinds
from recorder.video.limits import MAX_RATE
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import shows_captions
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas
from worker.video.encoding.frame_loop import VideoFile
from worker.video.episode.series import LearningPoint
from worker.video.export import opened_catalog
from worker.video.in_run import learning_points
from worker.video.renderer import EpisodeVideoRenderer
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.programmes.reel import ReelPart, ReelProgramme
from worker.video.sound.sounding_video import make_sounding_video
from worker.video.sound.studio import Studio

__all__ = ["PICKS", "Pick", "ReelRenderer", "ReelResult", "choose_episodes", "export_reel_video"]

PICKS = ("worst", "median", "best")

_TITLE_SECS = 2.0


class Pick(NamedTuple):
    """An episode of the reel, the caption of its card, and which one of ``PICKS`` it is."""

    row: RecordingRow
    caption: str
    name: str


class Clip(NamedTuple):
    """An opened episode, its options, and why it is shown."""

    episode: Episode
    options: VideoOptions
    pick: Pick


@dataclass(slots=True)
class ReelResult:
    """The video, and the episodes that failed with their errors."""

    video: VideoFile
    failures: list[tuple[RecordingRow, RecorderError]] = field(default_factory=list)


def choose_episodes(rows: Sequence[RecordingRow], picks: Sequence[str] = PICKS) -> list[Pick]:
    """Select the episodes of a reel, stage by stage, in the order of ``PICKS``, without repeats. Pure.

    Episodes of unknown stage come first, as one more stage.

    Args:
        rows: recordings of one run; those whose return is NaN are ignored.
        picks: which of ``PICKS``.

    Raises:
        UsageError: a pick is unknown.
    """
    unknown = [pick for pick in picks if pick not in PICKS]
    if unknown:
        raise UsageError(f"picks must be some of {', '.join(PICKS)}, got {unknown[0]!r}")
    ranked = sorted(
        (row for row in rows if row.total_reward == row.total_reward),
        key=lambda row: (row.curriculum_stage is not None, row.curriculum_stage or 0, row.total_reward, row.episode_id),
    )
    chosen = []
    for stage, group in groupby(ranked, key=lambda row: row.curriculum_stage):
        of_stage = list(group)
        places = {"best": len(of_stage) - 1, "worst": 0, "median": (len(of_stage) - 1) // 2}
        # show the best even if it is also the worst
        taken: dict[int, str] = {}
        for pick in ("best", "worst", "median"):
            if pick in picks:
                taken.setdefault(places[pick], pick)
        where = "" if stage is None else f"stage {stage}: "
        chosen += [Pick(of_stage[place], f"{where}{taken[place]}", taken[place]) for place in sorted(taken)]
    return chosen


class ReelRenderer:
    """Episodes one after the other on one canvas.

    Args:
        clips: in order, at least one, all of the same size.
        learning_curve: the run's episodes.
    """

    def __init__(self, clips: Sequence[Clip], learning_curve: Sequence[LearningPoint]) -> None:
        options = clips[0].options
        self.canvas = Canvas.blank(options.width, options.height)
        self._clips, self._learning_curve = clips, learning_curve
        self._timelines = [clip.options.timeline(clip.episode.n_steps) for clip in clips]
        self._starts = list(accumulate((timeline.n_frames for timeline in self._timelines), initial=0))
        self._shown = -1
        self._renderer: EpisodeVideoRenderer | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames of all clips."""
        return self._starts[-1]

    def programme(self) -> ReelProgramme:
        """The sound of all clips."""
        return ReelProgramme(
            [
                ReelPart(
                    EpisodeProgramme(clip.episode, timeline, agent=clip.options.agent, start=start / timeline.fps),
                    clip.pick.row.curriculum_stage,
                    clip.pick.name,
                )
                for clip, timeline, start in zip(self._clips, self._timelines, self._starts, strict=False)
            ]
        )

    def draw(self, frame: int) -> None:
        """Draw a frame."""
        index = next(i for i, start in enumerate(self._starts[1:]) if frame < start)
        if index != self._shown or self._renderer is None:
            clip = self._clips[index]
            self._shown = index
            self._renderer = EpisodeVideoRenderer(
                clip.episode,
                style=clip.options.style,
                timeline=self._timelines[index],
                learning_curve=self._learning_curve,
                caption=clip.pick.caption,
                coming=f"Next: {self._clips[index + 1].pick.caption}" if index + 1 < len(self._clips) else "",
                source=clip.options.source,
                agent=clip.options.agent,
                emphasis=clip.options.emphasis,
                captions=shows_captions(clip.options.emphasis, clip.options.captions, clip.options.narrate),
                canvas=self.canvas.part(Rect(0, 0, self.canvas.width, self.canvas.height)),
            )
        self._renderer.draw(frame - self._starts[index])


def export_reel_video(
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    *,
    run_id: str | None = None,
    picks: Sequence[str] = PICKS,
    clip_secs: float = 20.0,
    profile: str | None = None,
    studio: Studio | None = None,
    on_frame: Callable[[int, int], bool] | None = None,
    **choices: Any,
) -> ReelResult:
    """Make the reel of a run; recordings that can't be read are skipped.

    Args:
        run_id: None for the run of the newest recording.
        picks: which of ``PICKS`` to show of each stage.
        clip_secs: a longer episode is played faster to take this long.
        on_frame, choices, profile, studio: as in ``export_episode_video``; ``title_secs`` defaults to 2.

    Raises:
        RecordingNotFoundError: the run has no readable recordings.
        UsageError, CatalogError, VideoError: as ``export_episode_video``.
    """
    check_kinds(
        database_path=database_path,
        recordings_base_dir=recordings_base_dir,
        output_path=output_path,
        run_id=run_id,
        clip_secs=clip_secs,
        on_frame=on_frame,
    )
    options = VideoOptions.chosen(profile, **choices)
    path = local_path(output_path, "output_path")
    options.check(path.suffix)
    if not clip_secs > 0:
        raise UsageError(f"clip_secs must be more than 0, got {clip_secs}")
    if not options.title_secs:
        options = replace(options, title_secs=_TITLE_SECS)
    storage = open_storage(recordings_base_dir)
    with opened_catalog(database_path) as catalog:
        newest = catalog.query_recordings(limit=1, run=run_id)
        if not newest:
            raise RecordingNotFoundError(
                f"there is no recording{f' of run {run_id!r}' if run_id else ''}: {catalog.url}"
            )
        run_id = str(newest[0]["run_id"])
        picked = choose_episodes([RecordingRow(**row) for row in catalog.query_recordings(run=run_id)], picks)
        clips: list[Clip] = []
        failures: list[tuple[RecordingRow, RecorderError]] = []
        for pick in picked:
            row = pick.row
            try:
                _, episode = open_checked_recording(catalog, storage, row.run_id, row.episode_id)
                clips.append(Clip(episode, _fitted(options, episode, clip_secs), pick))
            except RecorderError as error:
                failures.append((row, error))
        if not clips:
            _, first_error = failures[0]
            raise RecordingNotFoundError(f"no recording of run {run_id!r} can be read ({first_error}): {catalog.url}")
        source = ReelRenderer(clips, learning_points(catalog, run_id))
    video = make_sounding_video(source, source.programme(), path, options, studio, on_frame)
    return ReelResult(video, failures)


def _fitted(options: VideoOptions, episode: Episode, clip_secs: float) -> VideoOptions:
    """Return the options with a pace at which the episode takes at most ``clip_secs``.

    Raises:
        UsageError: no video can be that fast.
    """
    timeline = options.timeline(episode.n_steps)
    n_shown = timeline.end_index - timeline.first_index
    pace = max(timeline.steps_per_second, Fraction(n_shown) / Fraction(str(clip_secs)))
    if pace > MAX_RATE:
        raise UsageError(
            f"clip_secs={clip_secs} is too short for {n_shown} steps: a video shows at most {MAX_RATE} per second"
        )
    return replace(options, steps_per_second=float(pace), speed=1.0, pace="steady")
