"""Encodes frames to a video file with ffmpeg, and joins segments: codec, quality, colours."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recorder.video.codecs import X264_PRESETS, EncoderSettings
from worker.video.encoding.ffmpeg import Ffmpeg

__all__ = ["VideoEncoder", "holds_chapters", "join_segments", "output_arguments"]

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

    def __exit__(self, *_: object) -> None:
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


_VP9_SPEEDS = {name: max(0, 5 - i // 2) for i, name in enumerate(X264_PRESETS)}
_SVT_PRESETS = {name: 12 - i for i, name in enumerate(X264_PRESETS)}


def holds_chapters(suffix: str) -> bool:
    """Return whether a file with this suffix can have chapters and tags."""
    return suffix.lower() != ".gif"


def output_arguments(settings: EncoderSettings, fps: Fraction) -> list[str]:
    """Return ffmpeg's arguments between the input and the file name; ``GifEncoder`` has those of a GIF."""
    group = max(1, round(settings.keyframe_secs * fps))
    arguments = [
        "-c:v",
        settings.codec,
        "-crf",
        str(settings.crf),
        "-pix_fmt",
        "yuv420p",
        "-g",
        str(group),
        "-fps_mode",
        "cfr",
    ]
    if settings.n_threads:
        arguments += ["-threads", str(settings.n_threads)]
    match settings.codec:
        case "libx264":
            # lossless H.264 (crf 0) needs another profile
            profile = ["-profile:v", "high"] if settings.crf else []
            # chroma location 1: chroma samples are in the centre of their four pixels
            arguments += ["-preset", settings.preset, *profile, "-x264-params", "open-gop=0:chromaloc=1"]
        case "libx265":
            arguments += ["-preset", settings.preset, "-tag:v", "hvc1", "-x265-params", "open-gop=0:log-level=warning"]
        case "libvpx-vp9":
            arguments += ["-b:v", "0", "-row-mt", "1", "-cpu-used", str(_VP9_SPEEDS[settings.preset])]
        case "libsvtav1":
            arguments += ["-preset", str(_SVT_PRESETS[settings.preset])]
    arguments += ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return (
        [*arguments, "-movflags", "+faststart"] if settings.codec in ("libx264", "libx265", "libsvtav1") else arguments
    )
