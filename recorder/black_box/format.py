"""Constants of the ring file, as BLACKBOX.md states them."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "CALL_TIMES_AT",
    "CLOSE_BY_AT",
    "COUNTERS",
    "COUNTERS_AT",
    "HEADER_BYTES",
    "IDENTITY_AT",
    "LAST_ERROR_AT",
    "LAST_ERROR_BYTES",
    "MAGIC",
    "MAX_CAPACITY",
    "MAX_LAYOUTS",
    "MESSAGES_AT",
    "MESSAGE_BYTES",
    "MIN_CAPACITY",
    "NAMED_AT",
    "N_MESSAGES",
    "OUTCOME_AT",
    "PAGE_BYTES",
    "PULSE_AT",
    "READ_AT",
    "SENDER_PAGE_AT",
    "SENDER_PAGE_BYTES",
    "SENDER_PID_AT",
    "STATS_BYTES",
    "TABLE_BYTES",
    "TABLE_ENTRIES_AT",
    "TABLE_GENERATION_AT",
    "VERSION",
    "WORD_BYTES",
    "Cell",
    "Kind",
    "record_word",
]

MAGIC = b"HAMLETBB"
VERSION = 1
PAGE_BYTES = 4096
WORD_BYTES = 8

HEADER_BYTES = PAGE_BYTES
SENDER_PAGE_AT = HEADER_BYTES
SENDER_PAGE_BYTES = 3 * PAGE_BYTES
IDENTITY_AT = SENDER_PAGE_AT + SENDER_PAGE_BYTES

TABLE_BYTES = 2**18
MAX_LAYOUTS = 2**15
"""In one table: its number is the id's highest bit."""

MIN_CAPACITY = 2**20
MAX_CAPACITY = 2**36

TABLE_GENERATION_AT = 192
TABLE_ENTRIES_AT = 208
CLOSE_BY_AT = 224
COUNTERS_AT = 256
CALL_TIMES_AT = 384
LAST_ERROR_AT = 512
LAST_ERROR_BYTES = 504
PULSE_AT = 1024
SENDER_PID_AT = 1032
READ_AT = 1040
OUTCOME_AT = 1048
NAMED_AT = 1056

STATS_BYTES = 4080
MESSAGES_AT = PAGE_BYTES
"""Within the sender's page."""
MESSAGE_BYTES = 1008
N_MESSAGES = 8

COUNTERS = (
    "n_dropped_steps",
    "n_refused_steps",
    "n_mismatched_values",
    "n_dropped_values",
    "n_sampled_out_steps",
    "n_sampled_out_episodes",
    "n_errors",
    "n_waited_millis",
    "n_changed_texts",
)
"""What the trainer counts, in the order of the header's counters; 16 find room."""


class Cell(IntEnum):
    """Header numbers that are read often, as indexes of 8-byte words."""

    VERSION = 1
    CAPACITY = 2
    RING_AT = 3
    TABLES_AT = 4
    TABLE_BYTES = 5
    IDENTITY_BYTES = 6
    HEAD = 8
    TAIL = 16


class Kind(IntEnum):
    """Kinds of records."""

    STEP = 1
    BLOCK = 2
    FINISH = 3
    KEEP = 4
    ABORT = 5
    GAP = 6
    CLOSE = 7
    PAD = 8


def record_word(kind: int, n_bytes: int, layout_id: int = 0) -> int:
    """The word that a record begins with."""
    return n_bytes | kind << 32 | layout_id << 48
