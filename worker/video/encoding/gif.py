"""Encodes a GIF with one palette, chosen from frames of the whole video.

The palette must be known before the first frame is written, so frames are stored without loss first. With one palette,
only what changes between frames is stored.
"""

from __future__ import annotations

import secrets
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.video.encoding.ffmpeg import Ffmpeg

__all__ = ["GifEncoder"]

_SAMPLES = 32
"""Frames whose colours make the palette."""


class GifEncoder:
    """An open GIF, used as a context manager. After an exception there is no file.

    Args:
        path: of the finished file; its folder is created.
        width, height: in pixels.
        fps: frames per second.

    Raises:
        VideoError: ffmpeg can't be started, or the folder can't be written.
        MissingExtraError: there is no ffmpeg.
    """

    def __init__(self, path: Path, *, width: int, height: int, fps: Fraction) -> None:
        self.n_frames = 0
        self._path = path
        begin = f".{path.stem}.{secrets.token_hex(4)}.part"
        self._lossless = path.with_name(f"{begin}.mkv")
        self._palette = path.with_name(f"{begin}.png")
        self._ffmpeg = Ffmpeg(
            [
                "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}", "-framerate", str(fps),
                "-i", "pipe:0", "-c:v", "ffv1",
            ],
            self._lossless,
            has_input=True,
        )  # fmt: skip

    def __enter__(self) -> GifEncoder:
        return self

    def __exit__(self, *_: object) -> None:
        self._ffmpeg.kill()
        self._lossless.unlink(missing_ok=True)
        self._palette.unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """Process id of ffmpeg."""
        return self._ffmpeg.process.pid

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Write one frame, ``uint8[height, width, 3]``, RGB.

        Raises:
            VideoError: ffmpeg has exited.
        """
        self._ffmpeg.write_frame([np.ascontiguousarray(pixels).reshape(-1).data], self.n_frames)
        self.n_frames += 1

    def finish(self) -> int:
        """Choose the palette, encode and rename the file.

        Returns:
            The file's size in bytes.

        Raises:
            VideoError: ffmpeg failed, or wrote a different number of frames.
        """
        self._ffmpeg.finish(self.n_frames)
        every = max(1, self.n_frames // _SAMPLES)
        self._run(
            ["-i", str(self._lossless.absolute()), "-vf", f"select=not(mod(n\\,{every})),palettegen", "-update", "1"],
            self._palette,
            n_frames=1,
        )
        return self._run(
            [
                "-i", str(self._lossless.absolute()), "-i", str(self._palette.absolute()),
                "-lavfi", "paletteuse=dither=none:diff_mode=rectangle", "-loop", "0",
            ],
            self._path,
            n_frames=self.n_frames,
        )  # fmt: skip

    def _run(self, arguments: list[str], path: Path, *, n_frames: int) -> int:
        self._ffmpeg = Ffmpeg(arguments, path, has_input=False)
        return self._ffmpeg.finish(n_frames)
