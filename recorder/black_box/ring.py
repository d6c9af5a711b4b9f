"""The ring file itself: making, mapping and locking it.

One process opens a file once: closing any descriptor of it would let go of the process's locks.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgpack

from recorder.black_box.format import (
    HEADER_BYTES,
    IDENTITY_AT,
    MAGIC,
    MAX_CAPACITY,
    MIN_CAPACITY,
    PAGE_BYTES,
    TABLE_BYTES,
    VERSION,
    Cell,
)
from recorder.black_box.sender_page import SenderPage
from recorder.errors import BlackBoxError, BlackBoxInUseError, BlackBoxVersionError

__all__ = ["Ring"]

_MAX_IDENTITY_BYTES = 8 * 2**20
_TRAINER_BYTE = 0
_SENDER_BYTE = 1


class Ring(SenderPage):
    """A mapped ring; ``create`` makes one, ``open`` opens one that is there."""

    def __init__(self, memory: mmap.mmap, descriptor: int | None, path: Path | None) -> None:
        super().__init__(memory)
        self.path = path
        """None for anonymous memory, which dies with the process."""
        self._descriptor = descriptor
        self._is_trainers = False
        if bytes(memory[: len(MAGIC)]) != MAGIC:
            raise BlackBoxError(f"this is no black box of hamlet-recorder: {path}")
        if self.words[Cell.VERSION] != VERSION:
            raise BlackBoxVersionError(
                f"expected version {VERSION} of a black box, found {self.words[Cell.VERSION]}: {path}"
            )
        self.capacity = self.words[Cell.CAPACITY]
        self.ring_at = self.words[Cell.RING_AT]
        self.tables_at = self.words[Cell.TABLES_AT]
        self.table_bytes = self.words[Cell.TABLE_BYTES]
        parts_end = IDENTITY_AT + self.words[Cell.IDENTITY_BYTES]
        is_sound = (
            MIN_CAPACITY <= self.capacity <= MAX_CAPACITY
            and self.capacity % PAGE_BYTES == 0
            and parts_end <= self.tables_at
            and self.tables_at + 2 * self.table_bytes <= self.ring_at
            and self.ring_at + self.capacity == len(memory)
            and self.tail <= self.head <= self.tail + self.capacity
        )
        if not is_sound:
            raise BlackBoxError(f"the header of this black box contradicts itself or the file's size: {path}")
        self.identity: Mapping[str, Any] = self._read_identity()

    @classmethod
    def create(cls, path: Path | None, *, capacity: int, identity: Mapping[str, Any]) -> Ring:
        """Make a ring; in a file it is whole and locked for the trainer before it has its name.

        Args:
            path: None for anonymous memory.
            capacity: bytes; rounded up to whole pages.
            identity: see BLACKBOX.md; msgpack types.

        Raises:
            BlackBoxError: there is no room for it, or the folder can't be written.
        """
        packed = cast("bytes", msgpack.packb(identity))
        if len(packed) > _MAX_IDENTITY_BYTES:
            raise BlackBoxError(f"config: {len(packed)} bytes, at most {_MAX_IDENTITY_BYTES}: leave something out")
        capacity = _whole_pages(min(max(capacity, MIN_CAPACITY), MAX_CAPACITY))
        identity_bytes = _whole_pages(8 + len(packed))
        tables_at = IDENTITY_AT + identity_bytes
        ring_at = tables_at + 2 * TABLE_BYTES
        n_bytes = ring_at + capacity
        descriptor, unfinished = None, None
        try:
            if path is None:
                memory = mmap.mmap(-1, n_bytes)
            else:
                unfinished = path.with_name(f"{path.name}.part")
                descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                _reserve(descriptor, n_bytes)
                memory = mmap.mmap(descriptor, n_bytes)
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            if unfinished is not None:
                unfinished.unlink(missing_ok=True)
            raise BlackBoxError(
                f"can't make a black box of {n_bytes} bytes: {error.strerror or error}: {path}"
            ) from error
        view = memoryview(memory)
        words = view[:HEADER_BYTES].cast("Q")
        words[Cell.VERSION] = VERSION
        words[Cell.CAPACITY], words[Cell.RING_AT] = capacity, ring_at
        words[Cell.TABLES_AT], words[Cell.TABLE_BYTES], words[Cell.IDENTITY_BYTES] = (
            tables_at,
            TABLE_BYTES,
            identity_bytes,
        )
        struct.pack_into("<Q", memory, IDENTITY_AT, len(packed))
        memory[IDENTITY_AT + 8 : IDENTITY_AT + 8 + len(packed)] = packed
        memory[: len(MAGIC)] = MAGIC
        ring = cls(memory, descriptor, path)
        if path is not None and unfinished is not None:
            ring.lock_as_trainer()
            unfinished.rename(path)
        return ring

    @classmethod
    def open(cls, path: Path) -> Ring:
        """Open a ring file, without a lock.

        Raises:
            BlackBoxError: it is none, or it can't be opened.
        """
        descriptor = None
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            n_bytes = os.fstat(descriptor).st_size
            if n_bytes < IDENTITY_AT:
                raise BlackBoxError(f"this is no black box of hamlet-recorder: {path}")
            return cls(mmap.mmap(descriptor, n_bytes), descriptor, path)
        except (OSError, BlackBoxError) as error:
            if descriptor is not None:
                os.close(descriptor)
            if isinstance(error, BlackBoxError):
                raise
            raise BlackBoxError(f"can't open this black box: {error.strerror or error}: {path}") from error

    # Locks.

    def lock_as_trainer(self) -> None:
        """Be the one that writes.

        Raises:
            BlackBoxInUseError: another process does.
        """
        if not self._lock(_TRAINER_BYTE):
            raise BlackBoxInUseError(f"a trainer is writing this black box: {self.path}")
        self._is_trainers = True

    def lock_as_sender(self) -> None:
        """Be the one that sends.

        Raises:
            BlackBoxInUseError: another process does.
        """
        if not self._lock(_SENDER_BYTE):
            raise BlackBoxInUseError(f"a sender is reading this black box: {self.path}")

    def is_trainer_gone(self) -> bool:
        """Whether the trainer's process has ended; from then on its lock is held here. For the sender."""
        # Beside its trainer, in one process, the lock says nothing: a process always gets its own.
        return self._descriptor is not None and not self._is_trainers and self._lock(_TRAINER_BYTE)

    def _lock(self, byte: int) -> bool:
        if self._descriptor is None:
            return True  # nobody else can open anonymous memory
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return False
        return True

    def why_unusable(self) -> str:
        """What another program has done to the file; empty when nothing. A system call."""
        if self._descriptor is None or self.path is None:
            return ""
        own = os.fstat(self._descriptor)
        if own.st_size != len(self.memory):
            return f"it was cut to {own.st_size} bytes"
        if own.st_nlink == 0:
            return "it was deleted"
        return "" if bytes(self.memory[: len(MAGIC)]) == MAGIC else "it was overwritten"

    def close(self) -> None:
        """Let go of the file and its locks. Views into the ring keep the memory until they go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete the file; what is mapped stays until it is let go."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    @property
    def server(self) -> str:
        """The address of the Redis that its trainer sent to, without a password; empty where there was none."""
        return str(self.identity.get("redis") or "")

    def _read_identity(self) -> Mapping[str, Any]:
        (n_bytes,) = struct.unpack_from("<Q", self.memory, IDENTITY_AT)
        if n_bytes > self.words[Cell.IDENTITY_BYTES] - 8:
            raise BlackBoxError(f"the identity of this black box is damaged: {self.path}")
        try:
            identity = msgpack.unpackb(bytes(self.memory[IDENTITY_AT + 8 : IDENTITY_AT + 8 + n_bytes]))
            if not isinstance(identity, dict):
                raise TypeError("expected a map")
        except (ValueError, TypeError) as error:
            raise BlackBoxError(f"the identity of this black box is damaged: {error}: {self.path}") from error
        return identity


def _whole_pages(n_bytes: int) -> int:
    return -(-n_bytes // PAGE_BYTES) * PAGE_BYTES


def _reserve(descriptor: int, n_bytes: int) -> None:
    """Have the file system set all of the room aside: a write into the mapping can't fail for want of room later.

    Raises:
        OSError: there is not enough.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, n_bytes)
        return
    zeros = bytes(2**20)  # macOS has no such call
    for start in range(0, n_bytes, len(zeros)):
        os.pwrite(descriptor, zeros[: n_bytes - start], start)
