"""Make one video of a run: the worst, the median and the best recorded episode of each stage."""

from __future__ import annotations

import argparse

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import positive_number
from recorder.commands.arguments.video_choices import add_studio, add_video_choices, choices_of, studio_settings
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.frame_progress import FrameProgress
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.runtime.extras import require_extra
from recorder.urls import local_path

EXAMPLE = """\
reel --recordings recordings/ --output reel.mp4 --profile youtube-1080p
reel --effects --narrate --hold-secs 3 --output reel.mp4
reel --run my-run --pick best --clip-secs 10 --output best.mp4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", required=True, metavar="FILE", help="the video")
    parser.add_argument(
        "--pick", nargs="+", choices=("worst", "median", "best"), help="episodes to show of each stage (default: all)"
    )
    parser.add_argument(
        "--clip-secs",
        type=positive_number,
        default=20.0,
        metavar="SECS",
        help="longest clip; longer episodes run faster (default: 20)",
    )
    add_video_choices(parser)
    add_studio(parser)


def run(args: argparse.Namespace) -> int:
    """Make the reel. The status is 1 if an episode had to be left out."""
    with require_extra("A video", "worker", extra="video"):
        from worker.video import PICKS, export_reel_video  # lazy: loads matplotlib
        from worker.video.sound.studio import studio_of

    settings = settings_of(args)
    output = Output.of(args)
    with open_catalog(settings) as catalog, FrameProgress(enabled=not output.as_json) as progress:
        progress.begin(local_path(args.output, "--output").name)
        result = export_reel_video(
            catalog,
            settings.recordings_dir,
            args.output,
            run_id=run_of(args, catalog),
            picks=args.pick or PICKS,
            clip_secs=args.clip_secs,
            studio=studio_of(studio_settings(args, settings)),
            on_frame=progress.advance,
            **choices_of(args),
        )
    failures = [
        {"run_id": row.run_id, "episode_id": row.episode_id, "error": str(error)} for row, error in result.failures
    ]
    output.document({"video": result.video._asdict(), "failures": failures})
    output.note(
        f"{result.video.path}: {counted(result.video.n_frames, 'frame')}, {human_bytes(result.video.file_size_bytes)}"
    )
    output.note(*result.video.notes)
    for failure in failures:
        output.note(*f"LEFT OUT episode {failure['episode_id']}: {failure['error']}".split("\n"))
    return ExitStatus.FAILED if failures else ExitStatus.OK
