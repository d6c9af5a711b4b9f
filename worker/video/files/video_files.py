"""Stores and deletes videos and their segments, in a folder or in a store behind a URL.

ffmpeg writes local files, in temporary folders of workers and exports. In a folder they are renamed; to a store they are
uploaded.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path, PurePosixPath

from recorder.catalog import Catalog, VideoRow
from recorder.errors import StorageError, VideoError
from recorder.storage import Storage, UrlStorage, episode_path
from recorder.video.sound_choices import CAPTION_FILES
from worker.video.encoding.ffmpeg import UNFINISHED

__all__ = [
    "LocalVideos",
    "StoredVideos",
    "VideoFiles",
    "delete_stale_videos",
    "left_work_folders",
    "video_files",
    "video_name",
    "work_folder",
]

logger = logging.getLogger(__name__)

_SEGMENTS = ".segments"


class VideoFiles(ABC):
    """The files of videos, by their path below the videos' root, with forward slashes."""

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Yield a path to write to. The file is stored at the end of the block, unless the block raised an error.

        Raises:
            VideoError, StorageError: it can't be stored.
        """

    @abstractmethod
    def reading(self, names: Sequence[str]) -> AbstractContextManager[list[Path]]:
        """Yield the files as local ones for the duration of the block.

        Raises:
            StorageError: one is missing or can't be read.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file if it exists.

        Raises:
            StorageError: it can't be deleted.
        """

    @abstractmethod
    def clear_segments(self, video_id: str) -> None:
        """Delete a video's segments, if there are any."""

    @abstractmethod
    def delete_unfinished(self, *, older_than_secs: float) -> int:
        """Delete temporary files of killed workers.

        Args:
            older_than_secs: since the last write to a file.

        Returns:
            The number of files.
        """

    def segment_name(self, video_id: str, name: str) -> str:
        """Return the path of a segment, which exists until the segments are joined."""
        return f"{_SEGMENTS}/{video_id}/{name}"

    def narration_name(self, video_id: str) -> str:
        """Return the path of the narration that the segments show; it exists as long as they."""
        return self.segment_name(video_id, "narration.zip")


class LocalVideos(VideoFiles):
    """A folder that all render workers and the replay server can reach."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writing(self, name: str) -> AbstractContextManager[Path]:
        return nullcontext(self.folder / name)  # the encoder renames the file when it is complete

    def reading(self, names: Sequence[str]) -> AbstractContextManager[list[Path]]:
        return nullcontext([self.folder / name for name in names])

    def delete(self, name: str) -> None:
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"can't delete the video ({error.strerror}): {self.folder / name}") from error

    def clear_segments(self, video_id: str) -> None:
        shutil.rmtree(self.folder / _SEGMENTS / video_id, ignore_errors=True)

    def delete_unfinished(self, *, older_than_secs: float) -> int:
        left = chain(self.folder.rglob(UNFINISHED), left_work_folders())  # the sound is made in a temporary folder
        return _delete_old(left, older_than_secs=older_than_secs)


class StoredVideos(VideoFiles):
    """A store behind a URL."""

    def __init__(self, storage: UrlStorage) -> None:
        self._storage = storage

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        with work_folder() as folder:
            path = folder / name.rpartition("/")[2]
            yield path
            self._storage.upload(path, name)

    @contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[list[Path]]:
        with work_folder() as folder:
            paths = [folder / name.rpartition("/")[2] for name in names]
            for name, path in zip(names, paths, strict=True):
                self._storage.download(name, path)
            yield paths

    def delete(self, name: str) -> None:
        self._storage.delete(name)

    def clear_segments(self, video_id: str) -> None:
        try:
            self._storage.delete_folder(f"{_SEGMENTS}/{video_id}")
        except StorageError as error:
            logger.warning("video_id=%s: can't delete its segments: %s", video_id, error)

    def delete_unfinished(self, *, older_than_secs: float) -> int:
        return _delete_old(left_work_folders(), older_than_secs=older_than_secs)


def video_files(storage: Storage) -> VideoFiles:
    """Return the files of videos in a storage."""
    return StoredVideos(storage) if isinstance(storage, UrlStorage) else LocalVideos(Path(storage.root))


def video_name(row: VideoRow, suffix: str) -> str:
    """Return the path of a finished video."""
    folder, _, name = episode_path(row.run_id, row.episode_id, compression="none").rpartition("/")
    return f"{folder}/{name.removesuffix('.msgpack')}_{row.video_id[:12]}{suffix}"


def delete_stale_videos(catalog: Catalog, files: VideoFiles, *, limit: int) -> int:
    """Delete the videos whose recording was deleted or replaced by another play, and their rows.

    If a file can't be deleted, its row stays and the next call tries again.

    Returns:
        The number of deleted rows.

    Raises:
        CatalogError: the catalog can't be read or written.
    """
    n_deleted = 0
    for row in catalog.stale_videos(limit=limit):
        try:
            if row.file_path is not None:
                # By name, because options that an older version stored may be invalid today.
                for suffix in (PurePosixPath(row.file_path).suffix, *(f".{kind}" for kind in CAPTION_FILES)):
                    files.delete(str(PurePosixPath(row.file_path).with_suffix(suffix)))
        except StorageError as error:
            logger.warning("video_id=%s: can't delete its file: %s", row.video_id, error)
            continue
        n_deleted += catalog.delete_video(row.video_id)
        # After the row, because a worker that was stopped may still be writing its segment.
        files.clear_segments(row.video_id)
    return n_deleted


def _delete_old(paths: Iterator[Path], *, older_than_secs: float) -> int:
    oldest = time.time() - older_than_secs
    n_deleted = 0
    for path in paths:
        try:
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                n_deleted += 1
        except FileNotFoundError:
            continue  # it was renamed, or its worker has deleted it
        except OSError as error:
            logger.warning("can't delete a temporary video: %s", error)
    return n_deleted


_PREFIX = "hamlet-render-"


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a temporary local folder.

    Raises:
        VideoError: it can't be created.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
    except OSError as error:
        raise VideoError(f"can't create a temporary folder ({error.strerror})") from error
    with folder as name:
        yield Path(name)


def left_work_folders() -> Iterator[Path]:
    """The folders on this machine, those in use included."""
    return Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
