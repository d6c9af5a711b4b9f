"""Files of frames that are appended one by one, and whose end may be torn: u32 length, u32 crc32, bytes."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from recorder.errors import BlackBoxError

__all__ = ["FrameFile"]

_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<8sQ")


class FrameFile:
    """One file; it is closed by ``close``.

    Args:
        path: the file.
        magic: 8 bytes that it begins with.
    """

    def __init__(self, path: Path, magic: bytes) -> None:
        self.path = path
        self._magic = magic
        self._descriptor: int | None = None
        self.base = 0
        """Offset of the first frame, counted since the first file of this name."""
        self.end = 0
        """The same after the last frame."""

    def open(self) -> bool:
        """Open a file that is there, and find its end; False when there is none.

        Raises:
            BlackBoxError: it is another program's, or can't be read.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        self._descriptor = descriptor
        head = os.pread(descriptor, _HEAD.size, 0)
        if len(head) < _HEAD.size or not head.startswith(self._magic):
            self.close()
            if self._magic.startswith(head[: len(self._magic)]):
                return False  # its maker died while making it
            raise BlackBoxError(f"expected a file that begins with {self._magic!r}: {self.path}")
        self.base = self.end = _HEAD.unpack(head)[1]
        for _, end in self.read(self.base):
            self.end = end
        return True

    def create(self, base: int, frames: Iterator[bytes]) -> None:
        """Put a new file in the place of the one that is there, at once.

        Raises:
            OSError: there is no room for it; the file that is there stays.
        """
        unfinished = self.path.with_name(f"{self.path.name}.part")
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            content = _HEAD.pack(self._magic, base) + b"".join(map(_framed, frames))
            _write(descriptor, content, 0)
            unfinished.rename(self.path)
        except OSError:
            os.close(descriptor)
            unfinished.unlink(missing_ok=True)
            raise
        self.close()
        self._descriptor, self.base, self.end = descriptor, base, base + len(content) - _HEAD.size

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return self._descriptor is not None

    @property
    def n_bytes(self) -> int:
        """Size of its frames."""
        return self.end - self.base

    def append(self, frames: Iterator[bytes]) -> list[int]:
        """Add frames; gives the offset after each.

        Raises:
            OSError: there is no room for all of them, and none is added.
        """
        assert self._descriptor is not None
        ends, content = [], []
        end = self.end
        for frame in frames:
            content.append(_framed(frame))
            end += len(content[-1])
            ends.append(end)
        at = _HEAD.size + self.end - self.base
        try:
            _write(self._descriptor, b"".join(content), at)
        except OSError:
            os.ftruncate(self._descriptor, at)
            raise
        self.end = end
        return ends

    def read(self, start: int) -> Iterator[tuple[bytes, int]]:
        """The frames from an offset on, and the offset after each; up to the first that is torn."""
        assert self._descriptor is not None
        at = _HEAD.size + start - self.base
        while True:
            head = os.pread(self._descriptor, _FRAME.size, at)
            if len(head) < _FRAME.size:
                return
            n_bytes, crc = _FRAME.unpack(head)
            frame = os.pread(self._descriptor, n_bytes, at + _FRAME.size)
            if len(frame) < n_bytes or zlib.crc32(frame) != crc:
                return
            at += _FRAME.size + n_bytes
            yield frame, at - _HEAD.size + self.base

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete it; a later one counts on from its end."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.base = self.end

    def _unusable(self, error: OSError) -> BlackBoxError:
        return BlackBoxError(f"can't open the file beside a black box: {error.strerror or error}: {self.path}")


def _framed(frame: bytes) -> bytes:
    return _FRAME.pack(len(frame), zlib.crc32(frame)) + frame


def _write(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        n_written = os.pwrite(descriptor, view, at)
        view, at = view[n_written:], at + n_written
