"""Where videos and their segments lie below the videos root, and how they are taken away again."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from recorder.catalog import Catalog, VideoRow
from recorder.storage import episode_path
from worker.video.encoder import UNFINISHED

__all__ = ["clear_segments", "delete_stale_videos", "delete_unfinished_videos", "segments_dir", "video_path"]

logger = logging.getLogger(__name__)


def video_path(videos_dir: Path, row: VideoRow, suffix: str) -> Path:
    """Where a finished video gets its name."""
    folder, _, name = episode_path(row.run_id, row.episode_id, compression="none").rpartition("/")
    return videos_dir / folder / f"{name.removesuffix('.msgpack')}_{row.video_id[:12]}{suffix}"


def segments_dir(videos_dir: Path, video_id: str) -> Path:
    """The folder of a video's segments, which is there until they are joined."""
    return videos_dir / ".segments" / video_id


def clear_segments(videos_dir: Path, video_id: str) -> None:
    """Delete a video's segments; nothing when there are none."""
    shutil.rmtree(segments_dir(videos_dir, video_id), ignore_errors=True)


def delete_stale_videos(catalog: Catalog, videos_dir: Path, *, limit: int) -> int:
    """Delete the videos whose recording was deleted, or replaced by another play of its episode, and their rows.

    A file that can't be deleted keeps its row and is tried again by the next call.

    Returns:
        How many rows were deleted.

    Raises:
        CatalogError: the catalog can't be read or written.
    """
    n_deleted = 0
    for row in catalog.stale_videos(limit=limit):
        try:
            if row.file_path is not None:
                (videos_dir / row.file_path).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("video_id=%s: its file can't be deleted: %s", row.video_id, error)
            continue
        n_deleted += catalog.delete_video(row.video_id)
        # After the row: a worker that is told to stop may still have its segment in hand.
        clear_segments(videos_dir, row.video_id)
    return n_deleted


def delete_unfinished_videos(videos_dir: Path, *, older_than_secs: float) -> int:
    """Delete what killed workers have left of videos and segments that never got their name.

    Args:
        older_than_secs: since the last byte of a file.

    Returns:
        How many files were deleted.
    """
    oldest = time.time() - older_than_secs
    n_deleted = 0
    for path in videos_dir.rglob(UNFINISHED):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
                n_deleted += 1
        except FileNotFoundError:
            continue  # it has got its name, or its worker has deleted it
        except OSError as error:
            logger.warning("an unfinished video can't be deleted: %s", error)
    return n_deleted
