"""The cells of a ring's header: where records begin and end, what the trainer says, and how its sender does."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from enum import IntEnum

from recorder.black_box.format import (
    CALL_TIMES_AT,
    CLOSE_BY_AT,
    COUNTERS,
    COUNTERS_AT,
    HEADER_BYTES,
    LAST_ERROR_AT,
    LAST_ERROR_BYTES,
    NAMED_AT,
    OUTCOME_AT,
    PULSE_AT,
    READ_AT,
    SENDER_PID_AT,
    TABLE_ENTRIES_AT,
    TABLE_GENERATION_AT,
    Cell,
)

__all__ = ["Header", "Outcome"]


class Outcome(IntEnum):
    """How a sender ended."""

    AT_WORK = 0
    ALL_SENT = 1
    SOMETHING_LEFT = 2


class Header:
    """One process writes a cell, the other reads it.

    Args:
        memory: the whole file.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory
        self.words = memoryview(memory)[:HEADER_BYTES].cast("Q")
        """The header, as numbers of 8 bytes."""
        self._decimals = memoryview(memory)[:HEADER_BYTES].cast("d")

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

    # Layout tables.

    def table_cells(self, table: int) -> tuple[int, int]:
        """Generation and number of entries of a table."""
        return self.words[TABLE_GENERATION_AT // 8 + table], self.words[TABLE_ENTRIES_AT // 8 + table]

    def set_table_cells(self, table: int, generation: int, n_entries: int) -> None:
        """Note them; an entry is counted once it is whole."""
        self.words[TABLE_ENTRIES_AT // 8 + table] = n_entries
        self.words[TABLE_GENERATION_AT // 8 + table] = generation
