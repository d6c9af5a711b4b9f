"""Draws and encodes frames in parallel: the loop that all kinds of video use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from recorder.errors import VideoError
from recorder.video.options import VideoOptions
from worker.video.canvas.surface import Canvas
from worker.video.encoding.encoder import VideoEncoder
from worker.video.encoding.gif import GifEncoder
from worker.video.encoding.planes import Yuv420Planes

__all__ = ["FrameSource", "OnFrame", "VideoFile", "VideoStoppedError", "make_video"]

OnFrame = Callable[[int], bool]
"""Called after each frame with the number of finished frames; return False to stop."""


class VideoStoppedError(VideoError):
    """``on_frame`` stopped the video; there is no file."""


class FrameSource(Protocol):
    """A source of frames."""

    @property
    def canvas(self) -> Canvas:
        """The canvas to draw on, complete."""

    @property
    def n_frames(self) -> int:
        """Number of frames of the whole video."""

    def draw(self, frame: int) -> None:
        """Draw a frame on the canvas."""


class VideoFile(NamedTuple):
    """A finished video.

    ``captions`` is the file with its captions. ``notes`` are for the user: what of the sound could not be had, and why.
    """

    path: Path
    n_frames: int
    file_size_bytes: int
    captions: Path | None = None
    notes: tuple[str, ...] = ()


def make_video(
    source: FrameSource,
    path: Path,
    options: VideoOptions,
    *,
    frames: range | None = None,
    chapters: Path | None = None,
    on_frame: OnFrame | None = None,
) -> VideoFile:
    """Draw and encode. While ffmpeg encodes a frame, the next one is drawn.

    Args:
        path: of the file, which appears when it is complete.
        frames: which frames; None for all.
        chapters: an ffmetadata file, or None.

    Raises:
        UsageError: the options are invalid, or do not fit this file name.
        VideoError: ffmpeg failed or was killed.
        VideoStoppedError: ``on_frame`` returned False.
    """
    options.check(path.suffix)
    wanted = range(source.n_frames) if frames is None else frames
    canvas = source.canvas
    size = {"width": canvas.width, "height": canvas.height}
    if options.encoder.codec == "gif":
        with GifEncoder(path, **size, fps=options.rate) as gif:
            _write_frames(source, wanted, path, lambda: gif.write(canvas.pixels), on_frame)
            return VideoFile(path, gif.n_frames, gif.finish())
    planes = Yuv420Planes(canvas)
    with VideoEncoder(path, **size, fps=options.rate, settings=options.encoder, chapters=chapters) as encoder:

        def write() -> None:
            planes.update()
            encoder.write(planes.planes())

        _write_frames(source, wanted, path, write, on_frame)
        return VideoFile(path, encoder.n_frames, encoder.finish())


def _write_frames(
    source: FrameSource, frames: range, path: Path, write: Callable[[], None], on_frame: OnFrame | None
) -> None:
    for n_done, frame in enumerate(frames, 1):
        source.draw(frame)
        write()
        if on_frame is not None and not on_frame(n_done):
            raise VideoStoppedError(f"stopped after {n_done} of {len(frames)} frames: {path}")
