"""Encodes frames to a video file with ffmpeg. The only module that starts processes.

A file is written in its folder under a temporary name that starts with a dot and contains ``.part``. It is renamed only
after ffmpeg has succeeded and written the expected number of frames, so a file at the final path is always complete.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import FrameType, TracebackType

import numpy as np
from numpy.typing import NDArray

from recorder.errors import MissingExtraError, VideoError
from recorder.video.codecs import EncoderSettings
from worker.video.codecs import holds_chapters, output_arguments

__all__ = ["UNFINISHED", "VideoEncoder", "ffmpeg_path", "join_segments"]

UNFINISHED = ".*.part.*"
"""Pattern of temporary file names."""

_PIPE_BYTES = 1 << 20
"""Size of the pipe to ffmpeg. The default of 64 KiB would switch between the processes fifty times per frame."""
_STDERR_LINES = 15
_F_SETPIPE_SZ = 1031
_PR_SET_PDEATHSIG = 1


def ffmpeg_path() -> str:
    """Return ffmpeg's path: ``$IMAGEIO_FFMPEG_EXE``, else that of the imageio-ffmpeg package, else the one on the
    PATH.

    Raises:
        VideoError: ``$IMAGEIO_FFMPEG_EXE`` names no program.
        MissingExtraError: there is none.
    """
    chosen = os.environ.get("IMAGEIO_FFMPEG_EXE")
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise VideoError(f"IMAGEIO_FFMPEG_EXE is not an executable program; correct or unset it: {chosen}")
        return found
    with contextlib.suppress(ImportError, RuntimeError):
        from imageio_ffmpeg import get_ffmpeg_exe  # the package is 170 MB, and not needed if the system has ffmpeg

        return str(get_ffmpeg_exe())
    found = shutil.which("ffmpeg")
    if found is None:
        raise MissingExtraError("Encoding videos (no ffmpeg was found)", "video")
    return found


class _Ffmpeg:
    """One run of ffmpeg that writes one file."""

    def __init__(self, arguments: Sequence[str], path: Path, *, has_input: bool) -> None:
        self._path = path
        if path.is_dir():
            raise VideoError(f"the video's path is a folder; give a file name: {path}")
        program = ffmpeg_path()
        # An absolute path, because ffmpeg reads "run:1.mp4" as a protocol called "run".
        self._part = path.absolute().with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _clean_up
        self._progress = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _clean_up
        self.command = [
            program, "-hide_banner", "-nostdin", "-loglevel", "warning", "-nostats",
            "-progress", f"pipe:{self._progress.fileno()}", *arguments, "-y", str(self._part),
        ]  # fmt: skip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(path.parent, os.W_OK):  # ffmpeg would print its whole command first
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            with _interrupts_held_back():
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._log,
                    pass_fds=[self._progress.fileno()],
                    bufsize=0,
                    process_group=0,
                    preexec_fn=_die_with_parent(os.getpid()) if sys.platform == "linux" else None,
                )
        except OSError as error:
            self._clean_up()
            raise VideoError(f"can't write the video ({error.strerror}): {path}") from error
        except KeyboardInterrupt:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill ffmpeg and its children, and delete the temporary file. Does nothing after success."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.process.wait()
        self._clean_up()

    def finish(self, n_frames: int) -> int:
        """Wait for ffmpeg, check the number of frames, and rename the file.

        Returns:
            The file's size in bytes.
        """
        code = self.process.wait()
        if code != 0:
            raise self.error(f"ffmpeg ended with status {code}")
        written = self._frames_written()
        if written != n_frames:
            raise self.error(f"ffmpeg wrote {written} of {n_frames} frames")
        try:
            descriptor = os.open(self._part, os.O_RDWR)
            try:
                os.fsync(descriptor)
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            self._part.replace(self._path)
        except OSError as error:
            raise VideoError(f"can't write the video ({error.strerror}): {self._path}") from error
        self._clean_up()
        return size

    def error(self, what: str) -> VideoError:
        """Return an error with the command and ffmpeg's last output."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()[-_STDERR_LINES:]
        said = "\n  ".join(lines) or "nothing"
        return VideoError(f"{what}: {self._path}\n  command: {shlex.join(self.command)}\n  ffmpeg said:\n  {said}")

    def _frames_written(self) -> int:
        self._progress.seek(0)
        frames = [line for line in self._progress.read().splitlines() if line.startswith(b"frame=")]
        return int(frames[-1].removeprefix(b"frame=")) if frames else 0

    def _clean_up(self) -> None:
        with contextlib.suppress(OSError):  # never created: the folder does not exist
            self._part.unlink()
        self._log.close()
        self._progress.close()


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
        if chapters is not None and holds_chapters(path.suffix):
            arguments += ["-f", "ffmetadata", "-i", str(chapters), "-map_metadata", "1", "-map", "0:v"]
        self._ffmpeg = _Ffmpeg([*arguments, *output_arguments(settings, fps)], path, has_input=True)
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
        stdin = self._ffmpeg.process.stdin
        assert stdin is not None
        try:
            for plane in planes:
                rest = plane.reshape(-1).data
                while len(rest):
                    rest = rest[stdin.write(rest) :]
        except OSError as error:
            self._ffmpeg.process.wait()
            raise self._ffmpeg.error(f"ffmpeg ended after {self.n_frames} frames") from error
        self.n_frames += 1

    def finish(self) -> int:
        """Close the file, check it and rename it.

        Returns:
            The file's size in bytes.

        Raises:
            VideoError: ffmpeg failed, or wrote a different number of frames.
        """
        stdin = self._ffmpeg.process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        return self._ffmpeg.finish(self.n_frames)


def join_segments(segments: Sequence[Path], path: Path, *, n_frames: int, chapters: Path | None = None) -> int:
    """Join videos of the same size, rate and codec without encoding them again.

    Args:
        segments: in order; each must begin with a key frame.
        n_frames: of all segments.

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
        if chapters is not None and holds_chapters(path.suffix):
            arguments += ["-f", "ffmetadata", "-i", str(chapters), "-map_metadata", "1"]
        arguments += ["-map", "0:v", "-c", "copy"]
        if path.suffix == ".mp4":
            arguments += ["-movflags", "+faststart"]
        ffmpeg = _Ffmpeg(arguments, path, has_input=False)
        try:
            return ffmpeg.finish(n_frames)
        finally:
            ffmpeg.kill()


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block. Inside ``Popen`` the new process would be unknown and could not be
    ended."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    held_back: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held_back.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held_back:
            handler(*held_back[0])


def _die_with_parent(parent: int):  # type: ignore[no-untyped-def]
    """Return a function for the child between fork and exec: the kernel sends SIGKILL when the parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died in the meantime
            os._exit(1)

    return ask
