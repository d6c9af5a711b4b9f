"""Make a video of one recorded episode, on this machine or by a render worker."""

from __future__ import annotations

import argparse
from typing import Any

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.arguments.video_choices import (
    add_studio,
    add_video_choices,
    choices_of,
    refuse_studio,
    studio_settings,
)
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.frame_progress import FrameProgress
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.errors import UsageError
from recorder.html_file import export_episode_html
from recorder.recordings.find import open_checked_recording
from recorder.runtime.extras import require_extra
from recorder.storage import check_drivers, open_recordings
from recorder.urls import local_path
from recorder.video.sound_choices import captions_of

_HTML_SUFFIXES = (".html", ".htm")

EXAMPLE = """\
export 500 --database demo.db --recordings recordings/ --output episode_500.mp4 --fps 60 --dpi 150
export 500 --profile youtube-1080p --youtube-text upload.txt
export 500 --profile youtube-1080p --effects arcade --narrate teacher
export 500 --against 480 --output before_after.mp4
export 500 --html --output episode_500.html
export 500 --queue"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "episode_id", type=non_negative, help="without --run, in the newest run that has a recording of it"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="default for episode 500: episode_000500.mp4 in the current folder"
    )
    parser.add_argument(
        "--against", type=non_negative, metavar="EPISODE", help="show another episode of the run beside it"
    )
    parser.add_argument(
        "--html", action="store_true", help="write an HTML file with the episode and the player, not a video"
    )
    parser.add_argument("--queue", action="store_true", help="render it on a worker; 'videos' shows the progress")
    parser.add_argument("--webvtt", metavar="FILE", help="also write the chapters as a WebVTT track")
    parser.add_argument(
        "--youtube-text", metavar="FILE", help="also write title, description with chapters, and tags for an upload"
    )
    add_video_choices(parser)
    add_studio(parser)


def run(args: argparse.Namespace) -> int:
    """Make the video or the HTML file, or queue the video."""
    if args.queue and (args.output or args.html or args.against is not None or args.webvtt or args.youtube_text):
        raise UsageError(
            "--queue excludes --output, --html, --against, --webvtt and --youtube-text: the worker chooses the file's place"
        )
    if args.queue:
        refuse_studio(args, "excludes --queue: the worker's configuration has it, in recording.render")
    if args.html:
        refuse_studio(args, "excludes --html, which has no sound")
    if args.html and (args.against is not None or args.webvtt or args.youtube_text or choices_of(args)):
        raise UsageError(
            "--html excludes --against, --webvtt, --youtube-text and the options for picture, time, sound and encoder"
        )
    return _queue(args) if args.queue else _write_html(args) if args.html else _make(args)


def _make(args: argparse.Namespace) -> int:
    with require_extra("A video", "worker", extra="video"):
        from worker.video import (  # lazy: loads matplotlib
            VideoOptions,
            export_comparison_video,
            export_episode_video,
            write_webvtt,
            write_youtube_text,
        )
        from worker.video.sound.studio import studio_of

    settings = settings_of(args)
    output = Output.of(args)
    choices = choices_of(args)
    suffix = VideoOptions.chosen(**choices).suffix
    path = local_path(args.output or f"episode_{args.episode_id:06d}{suffix}", "--output")
    captions = path.with_suffix(f".{captions_of(args.narrate, args.captions)}")
    if args.webvtt and local_path(args.webvtt, "--webvtt").absolute() == captions.absolute():
        raise UsageError(f"captions and chapters can't be in one file; choose another --webvtt: {captions}")
    with open_catalog(settings) as catalog, FrameProgress(enabled=not output.as_json) as progress:
        places: dict[str, Any] = {
            "database_path": catalog,
            "recordings_base_dir": settings.recordings_dir,
            "run_id": run_of(args, catalog),
        }
        progress.begin(path.name)
        making: dict[str, Any] = {
            "output_path": path,
            "on_frame": progress.advance,
            "studio": studio_of(studio_settings(args, settings)),
        }
        if args.against is None:
            video = export_episode_video(args.episode_id, **making, **places, **choices)
        else:
            video = export_comparison_video(args.episode_id, args.against, **making, **places, **choices)
        if args.webvtt:
            write_webvtt(args.episode_id, output_path=local_path(args.webvtt, "--webvtt"), **places, **choices)
        if args.youtube_text:
            text_path = local_path(args.youtube_text, "--youtube-text")
            write_youtube_text(args.episode_id, output_path=text_path, **places, **choices)
    output.document(video._asdict())
    output.note(f"{video.path}: {counted(video.n_frames, 'frame')}, {human_bytes(video.file_size_bytes)}")
    output.note(*video.notes)
    return ExitStatus.OK


def _write_html(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    output = Output.of(args)
    path = local_path(args.output or f"episode_{args.episode_id:06d}.html", "--output")
    if path.suffix.lower() not in _HTML_SUFFIXES:
        raise UsageError(f"--output must end in {' or '.join(_HTML_SUFFIXES)}, not in {path.suffix!r}")
    storage = open_recordings(settings)
    with open_catalog(settings) as catalog:
        _, episode = open_checked_recording(catalog, storage, run_of(args, catalog), args.episode_id)
    size = export_episode_html(episode, path)
    output.document({"path": path, "file_size_bytes": size})
    output.note(f"{path}: {human_bytes(size)}")
    return ExitStatus.OK


def _queue(args: argparse.Namespace) -> int:
    with require_extra("--queue", "replay_server", extra="catalog"):
        from replay_server.videos.render_requests import RenderRequests  # lazy: loads SQLAlchemy

    settings = settings_of(args)
    output = Output.of(args)
    check_drivers(settings, writes=True)
    with open_catalog(settings, read_only=False) as catalog:
        requests = RenderRequests(catalog, settings)
        row, created = requests.ask(run_of(args, catalog), args.episode_id, choices_of(args))
    output.document(row)
    output.note(f"video {row.video_id}: {'queued' if created else f'was requested before; {row.state}'}")
    return ExitStatus.OK
