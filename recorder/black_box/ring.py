"""The ring file itself: making, mapping and locking it, and what stands in its header.

One process opens a file once: closing any descriptor of it would let go of the process's locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgpack

from recorder.black_box.format import (
    CALL_TIMES_AT,
    CLOSE_BY_AT,
    COUNTERS,
    COUNTERS_AT,
    HEADER_BYTES,
    IDENTITY_AT,
    LAST_ERROR_AT,
    LAST_ERROR_BYTES,
    MAGIC,
    MAX_CAPACITY,
    MESSAGE_BYTES,
    MESSAGES_AT,
    MIN_CAPACITY,
    N_MESSAGES,
    NAMED_AT,
    OUTCOME_AT,
    PAGE_BYTES,
    PULSE_AT,
    READ_AT,
    SENDER_PAGE_AT,
    SENDER_PAGE_BYTES,
    SENDER_PID_AT,
    STATS_BYTES,
    TABLE_BYTES,
    TABLE_ENTRIES_AT,
    TABLE_GENERATION_AT,
    VERSION,
    Cell,
)
from recorder.errors import BlackBoxError, BlackBoxInUseError, BlackBoxVersionError

__all__ = ["Message", "Outcome", "Ring"]

_MAX_IDENTITY_BYTES = 8 * 2**20
_MESSAGE_FRAME_BYTES = 32
"""What msgpack adds to the texts of a message."""
_TRAINER_BYTE = 0
_SENDER_BYTE = 1


class Outcome(IntEnum):
    """How a sender ended."""

    AT_WORK = 0
    ALL_SENT = 1
    SOMETHING_LEFT = 2


class Message(NamedTuple):
    """What a sender has to say to its trainer: a line for the log."""

    level: int
    logger: str
    text: str
    error_class: str | None = None
    error_text: str = ""


class Ring:
    """A mapped ring; ``create`` makes one, ``open`` opens one that is there."""

    def __init__(self, memory: mmap.mmap, descriptor: int | None, path: Path | None) -> None:
        self.path = path
        """None for anonymous memory, which dies with the process."""
        self.memory = memory
        self._descriptor = descriptor
        self._is_trainers = False
        self._view = memoryview(memory)
        self.words = self._view[:HEADER_BYTES].cast("Q")
        """The header, as numbers of 8 bytes."""
        self._decimals = self._view[:HEADER_BYTES].cast("d")
        self._sender_words = self._view[SENDER_PAGE_AT : SENDER_PAGE_AT + SENDER_PAGE_BYTES].cast("Q")
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

    @property
    def head(self) -> int:
        """Position after the last whole record."""
        return self.words[Cell.HEAD]

    @property
    def tail(self) -> int:
        """Position of the first record that is still needed; setting it gives room back to the trainer."""
        return self.words[Cell.TAIL]

    @tail.setter
    def tail(self, position: int) -> None:
        self.words[Cell.TAIL] = position

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

    # What the trainer says.

    @property
    def close_by(self) -> float:
        """Seconds since 1970 until which a closing sender may go on; 0 before the trainer has closed."""
        return self._decimals[CLOSE_BY_AT // 8]

    @close_by.setter
    def close_by(self, unix_secs: float) -> None:
        self._decimals[CLOSE_BY_AT // 8] = unix_secs

    def put_counters(self, counters: Mapping[str, int], last_error: str) -> None:
        """What the trainer counted; ``COUNTERS`` names them."""
        for index, name in enumerate(COUNTERS):
            self.words[COUNTERS_AT // 8 + index] = counters[name]
        text = last_error.encode("utf-8", "replace")[:LAST_ERROR_BYTES]
        self.memory[LAST_ERROR_AT + 8 : LAST_ERROR_AT + 8 + len(text)] = text
        self.words[LAST_ERROR_AT // 8] = len(text)

    def counters(self) -> dict[str, int]:
        """What ``put_counters`` was given last."""
        return {name: self.words[COUNTERS_AT // 8 + index] for index, name in enumerate(COUNTERS)}

    @property
    def last_error(self) -> str:
        """The trainer's last error; empty before the first."""
        n_bytes = min(self.words[LAST_ERROR_AT // 8], LAST_ERROR_BYTES)
        return bytes(self.memory[LAST_ERROR_AT + 8 : LAST_ERROR_AT + 8 + n_bytes]).decode("utf-8", "ignore")

    @property
    def call_times(self) -> tuple[float, float] | None:
        """Microseconds that a call takes, median and 99th percentile; None before any was timed."""
        median, p99 = self._decimals[CALL_TIMES_AT // 8], self._decimals[CALL_TIMES_AT // 8 + 1]
        return (median, p99) if median > 0 else None

    @call_times.setter
    def call_times(self, times: tuple[float, float] | None) -> None:
        self._decimals[CALL_TIMES_AT // 8 + 1] = times[1] if times else 0.0
        self._decimals[CALL_TIMES_AT // 8] = times[0] if times else 0.0

    # What the sender says.

    @property
    def pulse(self) -> int:
        """Grows with each turn of the sender's loop."""
        return self.words[PULSE_AT // 8]

    def beat(self, *, pid: int, read_position: int) -> None:
        """The sender has turned its loop once more."""
        self.words[SENDER_PID_AT // 8], self.words[READ_AT // 8] = pid, read_position
        self.words[PULSE_AT // 8] += 1

    @property
    def sender_pid(self) -> int:
        """Of the last sender; 0 before the first."""
        return self.words[SENDER_PID_AT // 8]

    @property
    def read_position(self) -> int:
        """Position of the next record that the sender will read."""
        return self.words[READ_AT // 8]

    @property
    def outcome(self) -> Outcome:
        """How the sender ended, once it has."""
        return Outcome(self.words[OUTCOME_AT // 8])

    @outcome.setter
    def outcome(self, outcome: Outcome) -> None:
        self.words[OUTCOME_AT // 8] = outcome

    @property
    def is_named(self) -> bool:
        """Whether a log has named this file as one that waits for another Redis."""
        return bool(self.words[NAMED_AT // 8])

    @is_named.setter
    def is_named(self, is_named: bool) -> None:
        self.words[NAMED_AT // 8] = is_named

    def put_stats(self, stats: Mapping[str, Any]) -> None:
        """The sender's counters; a reader sees all of them or the ones before."""
        packed = cast("bytes", msgpack.packb(stats))
        if len(packed) > STATS_BYTES:
            raise BlackBoxError(f"the sender's counters take {len(packed)} bytes, more than {STATS_BYTES}")
        words, at = self._sender_words, SENDER_PAGE_AT + 16
        words[0] += 1 + words[0] % 2
        words[1] = len(packed)
        self.memory[at : at + len(packed)] = packed
        words[0] += 1

    def stats(self) -> dict[str, Any]:
        """What ``put_stats`` was given last; empty before that."""
        words, at = self._sender_words, SENDER_PAGE_AT + 16
        for _ in range(100):
            before = words[0]
            packed = bytes(self.memory[at : at + min(words[1], STATS_BYTES)])
            if before % 2 == 0 and words[0] == before:
                return cast("dict[str, Any]", msgpack.unpackb(packed)) if packed else {}
        return {}  # a sender that died while it wrote them

    @property
    def n_messages(self) -> int:
        """Messages that senders have written."""
        return self._sender_words[MESSAGES_AT // 8]

    def put_message(self, message: Message) -> None:
        """Tell the trainer; it keeps the latest ``N_MESSAGES``."""
        room = MESSAGE_BYTES - 8 - _MESSAGE_FRAME_BYTES - len(message.logger) - len(message.error_class or "")
        error_text = _short(message.error_text, room // 2)
        text = _short(message.text, room - len(error_text.encode()))
        packed = cast("bytes", msgpack.packb(list(message._replace(text=text, error_text=error_text))))
        number = self.n_messages
        at = _slot_at(number)
        self.memory[at + 8 : at + 8 + len(packed)] = packed
        struct.pack_into("<Q", self.memory, at, len(packed))
        self._sender_words[MESSAGES_AT // 8] = number + 1

    def messages(self, *, after: int) -> Iterator[Message]:
        """The messages after the first ``after``; those that were overwritten are skipped."""
        n_messages = self.n_messages
        for number in range(max(after, n_messages - N_MESSAGES), n_messages):
            at = _slot_at(number)
            (n_bytes,) = struct.unpack_from("<Q", self.memory, at)
            with contextlib.suppress(ValueError, TypeError):  # it was being overwritten
                yield Message(*msgpack.unpackb(bytes(self.memory[at + 8 : at + 8 + min(n_bytes, MESSAGE_BYTES - 8)])))

    # Layout tables.

    def table_cells(self, table: int) -> tuple[int, int]:
        """Generation and number of entries of a table."""
        return self.words[TABLE_GENERATION_AT // 8 + table], self.words[TABLE_ENTRIES_AT // 8 + table]

    def set_table_cells(self, table: int, generation: int, n_entries: int) -> None:
        """Note them; an entry is counted once it is whole."""
        self.words[TABLE_ENTRIES_AT // 8 + table] = n_entries
        self.words[TABLE_GENERATION_AT // 8 + table] = generation

    def close(self) -> None:
        """Let go of the file and its locks. Views into the ring keep the memory until they go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete the file; what is mapped stays until it is let go."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

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


def _slot_at(number: int) -> int:
    return SENDER_PAGE_AT + MESSAGES_AT + 64 + number % N_MESSAGES * MESSAGE_BYTES


def _short(text: str, n_bytes: int) -> str:
    """The text, or as much of it as finds room in UTF-8."""
    data = text.encode("utf-8", "replace")
    return data.decode() if len(data) <= n_bytes else f"{data[: n_bytes - 4].decode('utf-8', 'ignore')} …"


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
