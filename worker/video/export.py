"""Makes videos of one or many recorded episodes, for scripts and the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder.catalog import Catalog, RecordingRow
from recorder.episode_file import Episode
from recorder.errors import RecorderError, VideoError
from recorder.recordings.find import find_recording, open_checked_recording
from recorder.storage import episode_path, open_storage
from recorder.urls import local_path
from recorder.video.episode_timeline import timeline_of
from recorder.video.kinds import check_kinds
from recorder.video.options import VideoOptions
from recorder.video.timeline import Timeline
from worker.video.encoding.frame_loop import VideoFile
from worker.video.episode.restored import restored_pictures
from worker.video.in_run import renderer_in_run
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.sounding_video import make_sounding_video
from worker.video.sound.studio import Studio
from worker.video.texts.chapters import chapter_file, webvtt
from worker.video.texts.youtube_text import youtube_text

__all__ = [
    "BatchResult",
    "batch_export_videos",
    "export_episode_video",
]


def export_episode_video(
    episode_id: int,
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    *,
    run_id: str | None = None,
    profile: str | None = None,
    studio: Studio | None = None,
    on_frame: Callable[[int, int], bool] | None = None,
    **choices: Any,
) -> VideoFile:
    """Make a video of one recorded episode.

    Args:
        database_path: the catalog: a SQLite file, a URL, or an open catalog.
        recordings_base_dir: a folder or an fsspec URL.
        output_path: ``.mp4``, or another suffix for the codec. An existing file is replaced when the new one is
            complete.
        run_id: None for the newest run that has a recording of this episode.
        profile: a name from ``PROFILES``.
        studio: what this machine has: sounds, voice, language model, modules with environments.
        on_frame: called with the number of finished frames and the total; return False to stop.
        choices: ``dpi`` (100 is 1600x900), ``fps`` (30), ``style`` (``dark``), ``speed`` (1), ``steps_per_second`` (8),
            ``pace`` (``steady``), and every other field of ``VideoOptions`` and ``EncoderSettings``.

    Raises:
        UsageError: a choice is invalid.
        RecordingNotFoundError: there is no such recording.
        StorageError, EpisodeFileError: its file is missing or broken.
        MissingExtraError: the chosen voice is not installed.
        VideoError: ffmpeg failed; a file at ``output_path`` is unchanged.
    """
    check_kinds(
        episode_id=episode_id,
        database_path=database_path,
        recordings_base_dir=recordings_base_dir,
        output_path=output_path,
        run_id=run_id,
        on_frame=on_frame,
    )
    options = VideoOptions.chosen(profile, **choices)
    path = local_path(output_path, "output_path")
    options.check(path.suffix)
    with opened_catalog(database_path) as catalog:
        row = find_recording(catalog, run_id, episode_id)
        return _export(catalog, row, recordings_base_dir, path, options, studio or Studio(), on_frame)


@dataclass(slots=True)
class BatchResult:
    """The videos of a batch, and the episodes that failed with their errors."""

    videos: list[VideoFile] = field(default_factory=list)
    failures: list[tuple[RecordingRow, RecorderError]] = field(default_factory=list)


def batch_export_videos(
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_dir: str | Path,
    *,
    run_id: str | None = None,
    stage: int | None = None,
    reason: str | None = None,
    min_reward: float | None = None,
    max_reward: float | None = None,
    limit: int | None = None,
    order: str = "-timestamp",
    profile: str | None = None,
    studio: Studio | None = None,
    on_episode: Callable[[int, int, RecordingRow], None] | None = None,
    on_frame: Callable[[int, int], bool] | None = None,
    **choices: Any,
) -> BatchResult:
    """Make a video of every recording that matches the filters. An error does not stop the others.

    Args:
        output_dir: gets an ``episode_000500.mp4`` for each; in a folder per run if there are several runs.
        stage, reason, min_reward, max_reward, limit, order: as in ``Catalog.query_recordings``; ``reason`` may
        contain ``*``
            and ``?``.
        on_episode: called before each with its index, the number of episodes, and the recording.
        on_frame, choices, profile, studio: as in ``export_episode_video``. An ``agent`` selects the recordings that have it.

    Raises:
        UsageError: a choice is invalid.
        CatalogError: the catalog can't be read.
    """
    check_kinds(
        database_path=database_path,
        recordings_base_dir=recordings_base_dir,
        output_dir=output_dir,
        run_id=run_id,
        stage=stage,
        reason=reason,
        min_reward=min_reward,
        max_reward=max_reward,
        limit=limit,
        order=order,
        on_episode=on_episode,
        on_frame=on_frame,
    )
    folder = local_path(output_dir, "output_dir")
    options = VideoOptions.chosen(profile, **choices)
    options.check(options.suffix)
    result = BatchResult()
    with opened_catalog(database_path) as catalog:
        found = catalog.query_recordings(
            stage, reason, min_reward, max_reward, limit, run=run_id, agent=options.agent, order=order
        )
        rows = [RecordingRow(**row) for row in found]
        several_runs = len({row.run_id for row in rows}) > 1
        for i, row in enumerate(rows):
            if on_episode is not None:
                on_episode(i, len(rows), row)
            path = folder / _file_name(row, options.suffix, with_run=several_runs)
            try:
                result.videos.append(
                    _export(catalog, row, recordings_base_dir, path, options, studio or Studio(), on_frame)
                )
            except RecorderError as error:
                result.failures.append((row, error))
    return result


def write_webvtt(
    episode_id: int,
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    *,
    run_id: str | None = None,
    profile: str | None = None,
    **choices: Any,
) -> None:
    """Write an episode's chapters as a WebVTT track for the video that the same choices make.

    Raises:
        UsageError, RecordingNotFoundError, StorageError, EpisodeFileError: as ``export_episode_video``.
        VideoError: the track can't be written.
    """
    _write_text(webvtt, episode_id, database_path, recordings_base_dir, output_path, run_id, profile, choices)


def write_youtube_text(
    episode_id: int,
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    *,
    run_id: str | None = None,
    profile: str | None = None,
    **choices: Any,
) -> None:
    """Write title, description with chapters, and tags for an upload of the video that the same choices make.

    Raises:
        UsageError, RecordingNotFoundError, StorageError, EpisodeFileError: as ``export_episode_video``.
        VideoError: the text can't be written.
    """
    _write_text(youtube_text, episode_id, database_path, recordings_base_dir, output_path, run_id, profile, choices)


def _write_text(
    text_of: Callable[[Episode, Timeline], str],
    episode_id: int,
    database_path: str | Path | Catalog,
    recordings_base_dir: str | Path,
    output_path: str | Path,
    run_id: str | None,
    profile: str | None,
    choices: dict[str, Any],
) -> None:
    check_kinds(
        episode_id=episode_id,
        database_path=database_path,
        recordings_base_dir=recordings_base_dir,
        output_path=output_path,
        run_id=run_id,
    )
    path = local_path(output_path, "output_path")
    options = VideoOptions.chosen(profile, **choices)
    with opened_catalog(database_path) as catalog:
        _, episode = open_checked_recording(catalog, open_storage(recordings_base_dir), run_id, episode_id)
    try:
        path.write_text(text_of(episode, timeline_of(episode, options)), encoding="utf-8")
    except OSError as error:
        raise VideoError(f"can't write the text ({error.strerror}): {output_path}") from error


def _file_name(row: RecordingRow, suffix: str, *, with_run: bool) -> str:
    folder, _, name = episode_path(row.run_id, row.episode_id, compression="none").rpartition("/")
    name = name.removesuffix(".msgpack") + suffix
    return f"{folder}/{name}" if with_run else name


def opened_catalog(database: str | Path | Catalog) -> AbstractContextManager[Catalog]:
    """Yield the catalog. It is closed afterwards only if it was opened here."""
    return nullcontext(database) if isinstance(database, Catalog) else Catalog(database, read_only=True)


def _export(
    catalog: Catalog,
    row: RecordingRow,
    recordings: str | Path,
    path: Path,
    options: VideoOptions,
    studio: Studio,
    on_frame: Callable[[int, int], bool] | None,
) -> VideoFile:
    _, episode = open_checked_recording(catalog, open_storage(recordings), row.run_id, row.episode_id)
    with restored_pictures(catalog, row.run_id, episode, options, studio.environments) as restored:
        renderer = renderer_in_run(catalog, row.run_id, episode, options, drawn=restored)
        with chapter_file(episode, renderer.timeline, enabled=options.chapters) as chapters:
            programme = EpisodeProgramme(episode, renderer.timeline, agent=options.agent)
            video = make_sounding_video(renderer, programme, path, options, studio, on_frame, chapters=chapters)
    return video._replace(notes=(*video.notes, restored.note)) if restored and restored.note else video
