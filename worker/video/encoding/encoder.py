"""Encodes frames to a video file with ffmpeg, and joins segments."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from recorder.video.codecs import EncoderSettings
from worker.video.encoding.codecs import holds_chapters, output_arguments
from worker.video.encoding.ffmpeg import Ffmpeg

__all__ = ["VideoEncoder", "join_segments"]

_PIPE_BYTES = 1 << 20
"""Size of the pipe to ffmpeg. The default of 64 KiB would switch between the processes fifty times per frame."""
_F_SETPIPE_SZ = 1031


class VideoEncoder:
    """An open video file, used as a context manager. After an exception there is no file.

    Args:
        path: of the finished file; its folder is created.
        width: in pixels, even.
        height: in pixels, even.
        fps: frames per second.
        settings: codec and quality.
        chapters: an ffmetadata file with chapters and tags, or None.

    Raises:
        VideoError: ffmpeg can't be started, or the folder can't be written.
        MissingExtraError: there is no ffmpeg.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncoderSettings,
        chapters: Path | None = None,
    ) -> None:
        self.n_frames = 0
        arguments = [
            "-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", f"{width}x{height}", "-framerate", str(fps),
            "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-i", "pipe:0",
        ]  # fmt: skip
        arguments += _beside_the_picture(path, chapters, None)
        self._ffmpeg = Ffmpeg([*arguments, *output_arguments(settings, fps)], path, has_input=True)
        if sys.platform == "linux" and self._ffmpeg.process.stdin is not None:
            with contextlib.suppress(OSError):  # the user's limit on pipes is reached; only speed is lost
                fcntl.fcntl(self._ffmpeg.process.stdin, _F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        """Process id of ffmpeg."""
        return self._ffmpeg.process.pid

    def __enter__(self) -> VideoEncoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ffmpeg.kill()

    def write(self, planes: Sequence[NDArray[np.uint8]]) -> None:
        """Write one frame: luma and the two chroma planes, in C order. Blocks while ffmpeg is busy.

        Raises:
            VideoError: ffmpeg has exited.
        """
        self._ffmpeg.write_frame((plane.reshape(-1).data for plane in planes), self.n_frames)
        self.n_frames += 1

    def finish(self) -> int:
        """Close the file, check it and rename it.

        Returns:
            The file's size in bytes.

        Raises:
            VideoError: ffmpeg failed, or wrote a different number of frames.
        """
        return self._ffmpeg.finish(self.n_frames)


def join_segments(
    segments: Sequence[Path],
    path: Path,
    *,
    n_frames: int,
    chapters: Path | None = None,
    soundtrack: Path | None = None,
) -> int:
    """Join videos of the same size, rate and codec without encoding them again.

    Args:
        segments: in order; each must begin with a key frame.
        n_frames: of all segments.
        chapters: as for ``VideoEncoder``.
        soundtrack: a file with the encoded sound, or None.

    Returns:
        The file's size in bytes.

    Raises:
        VideoError: ffmpeg failed, or the result has a different number of frames.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="segments-") as listing:
        for segment in segments:
            quoted = str(segment.resolve()).replace("'", "'\\''")
            listing.write(f"file '{quoted}'\n")
        listing.flush()
        arguments = ["-f", "concat", "-safe", "0", "-i", listing.name]
        arguments += [*_beside_the_picture(path, chapters, soundtrack), "-c", "copy"]
        if path.suffix == ".mp4":
            arguments += ["-movflags", "+faststart"]
        ffmpeg = Ffmpeg(arguments, path, has_input=False)
        try:
            return ffmpeg.finish(n_frames)
        finally:
            ffmpeg.kill()


def _beside_the_picture(path: Path, chapters: Path | None, soundtrack: Path | None) -> list[str]:
    """Return ffmpeg's arguments for the inputs after the picture, and which parts of all inputs the file gets."""
    inputs: list[str] = []
    wanted = ["-map", "0:v"]
    if chapters is not None and holds_chapters(path.suffix):
        inputs += ["-f", "ffmetadata", "-i", str(chapters)]
        wanted += ["-map_metadata", "1"]
    if soundtrack is not None:
        wanted += ["-map", f"{1 + inputs.count('-i')}:a", "-c:a", "copy"]
        inputs += ["-i", str(soundtrack)]
    return [*inputs, *wanted] if inputs else []
