"""A process gives memory back that was freed after it had stopped growing."""

from __future__ import annotations

import sys

import pytest

from replay_server.memory import Trimmer, resident_bytes

MIB = 2**20
PIECE_BYTES = 2000
"""Small enough that the C library keeps what is freed, large enough to come from it."""

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux reports the memory of a process")


@LINUX
def test_memory_that_is_freed_long_after_the_growth_goes_back_to_the_system() -> None:
    now = 0.0
    trimmer = Trimmer(clock=lambda: now)
    trimmer.trim()
    before = resident_bytes()
    held = [bytes(PIECE_BYTES) for _ in range(200 * MIB // PIECE_BYTES)]
    kept = held[::5000]  # what others still use, here and there
    trimmer.trim()
    grown = resident_bytes()
    assert grown - before > 150 * MIB
    del held
    now = 30.0
    trimmer.trim()
    now = 70.0
    trimmer.trim()
    assert resident_bytes() - before < 50 * MIB, kept[0]
