"""Frames drawn and encoded at the same time: the loop that every kind of video goes through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from recorder.errors import VideoError
from recorder.video.options import VideoOptions
from worker.video.encoder import VideoEncoder
from worker.video.planes import Yuv420Planes
from worker.video.surface import Canvas

__all__ = ["FrameSource", "OnFrame", "VideoFile", "VideoStoppedError", "make_video"]

OnFrame = Callable[[int], bool]
"""Told how many frames are done after each; False stops the video."""


class VideoStoppedError(VideoError):
    """Whoever was told of the progress asked for an end; no file was left."""


class FrameSource(Protocol):
    """Something that can draw any frame of a video."""

    @property
    def canvas(self) -> Canvas:
        """What is drawn on: a whole canvas."""

    @property
    def n_frames(self) -> int:
        """Frames of the whole video."""

    def draw(self, frame: int) -> None:
        """Bring the canvas to a frame."""


class VideoFile(NamedTuple):
    """A finished video."""

    path: Path
    n_frames: int
    file_size_bytes: int


def make_video(
    source: FrameSource,
    path: Path,
    options: VideoOptions,
    *,
    frames: range | None = None,
    chapters: Path | None = None,
    on_frame: OnFrame | None = None,
) -> VideoFile:
    """Draw and encode; while ffmpeg encodes a frame, the next one is drawn.

    Args:
        path: of the file; it appears when it is whole.
        frames: which frames; None is all.
        chapters: an ffmetadata file, or None.

    Raises:
        UsageError: the options can't be, or not with this file name.
        VideoError: ffmpeg failed or was killed; VideoStoppedError when ``on_frame`` said so.
    """
    options.check(path.suffix)
    wanted = range(source.n_frames) if frames is None else frames
    planes = Yuv420Planes(source.canvas)
    size = {"width": source.canvas.width, "height": source.canvas.height}
    with VideoEncoder(path, **size, fps=options.rate, settings=options.encoder, chapters=chapters) as encoder:
        for n_done, frame in enumerate(wanted, 1):
            source.draw(frame)
            planes.update()
            encoder.write(planes.planes())
            if on_frame is not None and not on_frame(n_done):
                raise VideoStoppedError(f"stopped after {n_done} of {len(wanted)} frames: {path}")
        return VideoFile(path, encoder.n_frames, encoder.finish())
