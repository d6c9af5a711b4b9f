"""Make a video of every recording that matches the filters. A broken recording does not stop the others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from recorder.commands.arguments.filters import add_filters, add_order, filters_of, order_of
from recorder.commands.arguments.opening import open_catalog, reason_of, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.arguments.video_choices import (
    add_studio,
    add_video_choices,
    choices_of,
    studio_settings,
)
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.frame_progress import FrameProgress
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.runtime.extras import require_extra
from recorder.urls import local_path
from recorder.wording import reason_in_words

if TYPE_CHECKING:
    from recorder.catalog import Catalog, RecordingRow


_REASONS_NAMED = 20

EXAMPLE = """\
batch --database demo.db --recordings recordings/ --output-dir videos/ --stage 2 --min-reward 200 --limit 20 --verbose
batch --recordings recordings/ --output-dir videos/failures/ --max-reward 50 --limit 10
batch --recordings recordings/ --output-dir videos/transitions/ --reason 'stage_*_transition'
batch --recordings recordings/ --output-dir videos/best/ --order return --limit 5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output-dir", required=True, metavar="DIR", help="folder for the videos; it is created")
    chosen = parser.add_argument_group("which recordings")
    add_filters(chosen)
    chosen.add_argument("--limit", type=non_negative, help="at most this many, in this order (default: all)")
    add_order(chosen)
    add_video_choices(parser)
    add_studio(parser)


def run(args: argparse.Namespace) -> int:
    """Make the videos. The status is 1 if a video failed, and 3 if no recording matches."""
    with require_extra("A video", "worker", extra="video"):
        from worker.video import batch_export_videos  # lazy: loads matplotlib
        from worker.video.sound.studio import studio_of

    settings = settings_of(args)
    output = Output.of(args)
    with open_catalog(settings) as catalog, FrameProgress(enabled=not output.as_json) as progress:

        def begin(index: int, n_videos: int, row: RecordingRow) -> None:
            progress.begin(f"{index + 1} of {n_videos}: episode {row.episode_id}")

        result = batch_export_videos(
            catalog,
            settings.recordings_dir,
            local_path(args.output_dir, "--output-dir"),
            run_id=run_of(args, catalog),
            limit=args.limit,
            order=order_of(args),
            on_episode=begin,
            on_frame=progress.advance,
            studio=studio_of(studio_settings(args, settings)),
            **filters_of(args, catalog),
            **choices_of(args),
        )
        nothing = "" if result.videos or result.failures else _why_nothing(args, catalog)
    failures = [
        {"run_id": row.run_id, "episode_id": row.episode_id, "error": str(error)} for row, error in result.failures
    ]
    output.document({"videos": [video._asdict() for video in result.videos], "failures": failures})
    for video in result.videos:
        output.note(f"{video.path}: {counted(video.n_frames, 'frame')}, {human_bytes(video.file_size_bytes)}")
        output.note(*video.notes)
    for failure in failures:
        output.note(
            *f"FAILED episode {failure['episode_id']} of run {failure['run_id']}: {failure['error']}".split("\n")
        )
    if failures:
        output.note(f"{counted(len(result.videos), 'video')} made, {len(failures)} failed")
    if nothing:
        output.note(nothing)
        return ExitStatus.NOT_FOUND
    return ExitStatus.FAILED if failures else ExitStatus.OK


def _why_nothing(args: argparse.Namespace, catalog: Catalog) -> str:
    if args.limit == 0:
        return "--limit 0 selects no recordings"
    run_id = run_of(args, catalog)
    if args.reason is None or catalog.count_recordings(reason=reason_of(args, catalog), run=run_id):
        return f"no recording matches the filters; recordings in the catalog: {catalog.count_recordings(run=run_id)}"
    reasons = list(dict.fromkeys(map(reason_in_words, catalog.list_reasons(run_id))))
    shown = ", ".join(reasons[:_REASONS_NAMED]) or "none"
    more = f" and {len(reasons) - _REASONS_NAMED} more" if len(reasons) > _REASONS_NAMED else ""
    return f"no recording was kept for {args.reason!r}; existing reasons: {shown}{more}"
