"""Two processes on one ring: one writes numbered records of two sizes with a checksum each, the other checks all of them.

``python -m tests.black_box.two_processes 100000000`` does it with as many as you like.
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from recorder.black_box import Field, Kind, Layout, Ring, RingReader, RingWriter, Run
from recorder.black_box.format import MIN_CAPACITY, record_word

__all__ = ["check_records"]

_WHOLE = np.dtype(np.uint64)
_LAYOUTS = (
    Layout([Field("checksum", _WHOLE)]),
    Layout([Field("checksum", _WHOLE), Field("more", _WHOLE, (3,))]),
)
_FACTOR, _MASK = 0x9E3779B97F4A7C15, 2**64 - 1
_PAUSE_SECS = 0.001
_LITTLE_BYTES = 2**18
_IN_A_ROW = 1000
"""Records of one size, before as many of the other."""


def check_records(path: Path, n_records: int, *, capacity: int = MIN_CAPACITY) -> float:
    """Write and check; gives the seconds that it took.

    Raises:
        AssertionError: a record was read that differs from the one that was written, or is not the next one.
    """
    ring = Ring.create(path, capacity=capacity, identity={"run_id": "a", "producer_id": "b"})
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _write(ring, n_records)
            status = 0
        finally:
            os._exit(status)
    reader, number, has_ended = RingReader(ring), 0, False
    while number < n_records:
        for item in reader.look():
            assert isinstance(item, Run)
            number = _check(item, number)
        ring.tail = reader.position
        if reader.n_unread_bytes < _LITTLE_BYTES:
            time.sleep(_PAUSE_SECS)
            has_ended = has_ended or os.waitpid(child, os.WNOHANG)[0] != 0
            assert not (has_ended and reader.n_unread_bytes == 0 and number < n_records), "the writer has died"
    if not has_ended:
        os.waitpid(child, 0)
    assert reader.n_unread_bytes == 0
    return time.perf_counter() - began


def _write(ring: Ring, n_records: int) -> None:
    writer = RingWriter(ring)
    kinds = []
    for layout in _LAYOUTS:
        layout_id = writer.layout_id(layout)
        assert layout_id is not None
        n_more = (layout.n_bytes - 40) // 8
        pack = struct.Struct(f"<Qqqq{1 + n_more}Q").pack_into
        kinds.append((record_word(Kind.STEP, layout.n_bytes, layout_id), layout.n_bytes, pack, n_more))
    memory, ring_at = ring.memory, ring.ring_at
    for first in range(0, n_records, _IN_A_ROW):
        word, n_bytes, pack, n_more = kinds[first // _IN_A_ROW % 2]
        for number in range(first, min(first + _IN_A_ROW, n_records)):
            while writer.head + n_bytes > writer.limit and not writer.room(n_bytes):
                time.sleep(_PAUSE_SECS)
            checksum = number * _FACTOR & _MASK
            pack(memory, ring_at + writer.head - writer.base, word, number, ~number, 0, *[checksum] * (1 + n_more))
            writer.publish(writer.head + n_bytes)


def _check(run: Run, first: int) -> int:
    """Compare every byte of some records; gives the number of the next one."""
    records = run.records
    numbers = np.arange(first, first + len(records), dtype=np.int64)
    checksums = numbers.astype(np.uint64) * np.uint64(_FACTOR)
    assert run.layout.packed == _LAYOUTS[first // _IN_A_ROW % 2].packed
    assert np.array_equal(records["episode_id"], numbers)
    assert np.array_equal(records["step"], ~numbers)
    assert not records["lane"].any()
    assert np.array_equal(records["checksum"], checksums)
    if run.layout.fields[-1].name == "more":
        assert (records["more"] == checksums[:, None]).all()
    return first + len(records)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        n_wanted = int(sys.argv[1])
        secs = check_records(Path(folder, "ring"), n_wanted, capacity=int(sys.argv[2]) if len(sys.argv) > 2 else 2**26)
        print(f"{n_wanted} records, all as written: {secs:.1f} s, {n_wanted / secs:,.0f} a second")
