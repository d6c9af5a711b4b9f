"""List requested videos with their progress; cancel one, or retry one."""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.errors import RecordingNotFoundError, UsageError
from recorder.runtime.python_versions import UTC

if TYPE_CHECKING:
    from recorder.catalog import VideoRow

EXAMPLE = """\
videos --state rendering
videos --cancel 3f2a
videos --wait 3f2a"""

_UNFINISHED = ("queued", "rendering", "joining")
_LOOK_EVERY_SECS = 0.5
_COLUMNS = {
    "video_id": "video",
    "run_id": "run",
    "episode_id": "episode",
    "state": "state",
    "progress": "frames",
    "size": "size",
    "file_path": "file",
    "error": "error",
    "note": "note",
}
_SPARED = ("file_path", "size", "progress")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state", choices=(*_UNFINISHED, "done", "failed", "cancelled"), help="only videos in this state"
    )
    parser.add_argument("--limit", type=non_negative, default=50, help="at most this many (default: %(default)s)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--cancel", metavar="VIDEO", help="stop a video; the first letters of its id are enough")
    action.add_argument("--retry", metavar="VIDEO", help="start a failed or cancelled video again")
    action.add_argument("--wait", metavar="VIDEO", help="wait until a video is finished; status 1 if it failed")


def run(args: argparse.Namespace) -> int:
    """List the videos, or act on one."""
    output = Output.of(args)
    changes = args.cancel is not None or args.retry is not None
    with open_catalog(settings_of(args), read_only=not changes) as catalog:
        rows = catalog.list_videos(run=run_of(args, catalog))
        named = next((name for name in (args.cancel, args.retry, args.wait) if name is not None), None)
        if named is None:
            rows = [row for row in rows if args.state in (None, row.state)][: args.limit]
        else:
            row = _one(rows, named)
            if args.cancel is not None:
                catalog.cancel_video(row.video_id, at=datetime.now(UTC))
            elif args.retry is not None:
                catalog.retry_video(row.video_id)
            while args.wait is not None and row.state in _UNFINISHED:
                time.sleep(_LOOK_EVERY_SECS)
                row = catalog.get_video(row.video_id)
            rows = [catalog.get_video(row.video_id)]
    output.document(rows)
    shown = [_shown(row) for row in rows]
    output.table(counted(len(rows), "video"), _COLUMNS, shown, folded="error", spared=_SPARED)
    return ExitStatus.FAILED if args.wait is not None and rows[0].state != "done" else ExitStatus.OK


def _one(rows: list[VideoRow], beginning: str) -> VideoRow:
    found = [row for row in rows if row.video_id.startswith(beginning)]
    if not found:
        raise RecordingNotFoundError(f"no video has an id that begins with {beginning!r}: list them with 'videos'")
    if len(found) > 1:
        raise UsageError(f"{len(found)} videos have an id that begins with {beginning!r}: give more letters of it")
    return found[0]


def _shown(row: VideoRow) -> dict[str, Any]:
    return {
        "video_id": row.video_id[:12],
        "run_id": row.run_id,
        "episode_id": row.episode_id,
        "state": row.state,
        "progress": f"{row.n_frames_done}/{row.n_frames_total}" if row.n_frames_total else "",
        "size": "" if row.file_size_bytes is None else human_bytes(row.file_size_bytes),
        "file_path": row.file_path,
        "error": row.error,
        "note": row.note,
    }
