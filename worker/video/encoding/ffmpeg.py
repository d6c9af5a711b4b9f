"""Runs ffmpeg: finds the program, starts it, and names its file when it is complete.

A file is written in its folder under a temporary name that starts with a dot and contains ``.part``. It is renamed only
after ffmpeg has succeeded, so a file at the final path is always complete.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from recorder.errors import MissingExtraError, VideoError

__all__ = ["UNFINISHED", "Ffmpeg", "ask_ffmpeg", "ffmpeg_path"]

UNFINISHED = ".*.part.*"
"""Pattern of temporary file names."""

_NO_SPACE = -errno.ENOSPC & 0xFF
"""Exit status of ffmpeg when a disk is full: the error as a byte."""
_STDERR_LINES = 15
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


def ask_ffmpeg(arguments: Sequence[str]) -> str:
    """Run ffmpeg without an output file.

    Returns:
        Its messages.

    Raises:
        VideoError: it failed.
        MissingExtraError: there is no ffmpeg.
    """
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", *arguments, "-f", "null", "-"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=_die_with_parent(os.getpid()) if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise VideoError(f"can't start ffmpeg ({error.strerror}): {command[0]}") from error
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        last = "\n  ".join(said.strip().splitlines()[-_STDERR_LINES:])
        raise VideoError(
            f"ffmpeg ended with {status_in_words(done.returncode)}: {shlex.join(command)}\n  ffmpeg said:\n  {last}"
        )
    return said


def status_in_words(status: int) -> str:
    """Return an exit status with its reason, which a full disk keeps from ffmpeg's output: the output is a file as well."""
    return f"status {status}{' (no space left on the disk)' if status == _NO_SPACE else ''}"


class Ffmpeg:
    """One run of ffmpeg that writes one file.

    Args:
        arguments: all but the file name.
        path: of the finished file; its folder is created.
        has_input: its standard input is a pipe.

    Raises:
        VideoError: ffmpeg can't be started, or the folder can't be written.
        MissingExtraError: there is no ffmpeg.
    """

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

    def write(self, data: memoryview) -> None:
        """Write to ffmpeg's standard input. Blocks while ffmpeg is busy.

        Raises:
            OSError: ffmpeg has exited.
        """
        assert self.process.stdin is not None
        while len(data):
            data = data[self.process.stdin.write(data) :]

    def write_frame(self, parts: Iterable[memoryview], n_frames: int) -> None:
        """Write one frame.

        Args:
            n_frames: frames that were written before it.

        Raises:
            VideoError: ffmpeg has exited.
        """
        try:
            for part in parts:
                self.write(part)
        except OSError as error:
            self.process.wait()
            raise self.error(f"ffmpeg ended after {n_frames} frames") from error

    def finish(self, n_frames: int | None) -> int:
        """Close the input, wait for ffmpeg, check the number of frames, and rename the file.

        Args:
            n_frames: expected; None for a file without pictures.

        Returns:
            The file's size in bytes.

        Raises:
            VideoError: ffmpeg failed, or wrote a different number of frames.
        """
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        code = self.process.wait()
        if code != 0:
            raise self.error(f"ffmpeg ended with {status_in_words(code)}")
        written = self._frames_written()
        if n_frames is not None and written != n_frames:
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

    def said(self) -> str:
        """Return ffmpeg's messages."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def error(self, what: str) -> VideoError:
        """Return an error with the command and ffmpeg's last output."""
        lines = self.said().strip().splitlines()[-_STDERR_LINES:]
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
