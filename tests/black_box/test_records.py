"""Records come back as they were written, lap after lap, and none that is not whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.black_box import Field, Kind, Layout, RingReader, RingWriter
from recorder.black_box.format import MIN_CAPACITY
from recorder.errors import BlackBoxError
from tests.black_box.rings import STEPS, put_event, put_step, read_all, small_ring
from tests.black_box.two_processes import check_records

WIDE = Layout([Field("reward", np.dtype(np.float64)), Field("meters", np.dtype(np.float64), (900,))])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["step", "wide", "event"]), st.integers(1, 400)), min_size=1, max_size=40))
def test_any_order_of_records_comes_back_over_many_laps(parts: list[tuple[str, int]]) -> None:
    ring = small_ring()
    writer, reader = RingWriter(ring), RingReader(ring)
    number = 0
    for _ in range(3):
        for kind, n in parts:
            expected: list[object] = []
            for index in range(n if kind != "wide" else n % 60 + 1):
                if kind == "event":
                    body = bytes(index % 50)
                    assert put_event(writer, Kind.FINISH, index, body)
                    expected.append((Kind.FINISH, index, body))
                else:
                    assert put_step(writer, number, STEPS if kind == "step" else WIDE)
                    expected.append(number)
                    number += 1
            assert read_all(ring, reader) == expected


def test_a_full_ring_takes_no_step_but_still_an_end() -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    n_steps = 0
    while put_step(writer, n_steps):
        n_steps += 1
    assert MIN_CAPACITY * 7 // 8 - STEPS.n_bytes < writer.n_used_bytes <= MIN_CAPACITY * 7 // 8
    assert put_event(writer, Kind.FINISH, 0, b"end")
    assert read_all(ring) == [*range(n_steps), (Kind.FINISH, 0, b"end")]
    assert put_step(writer, n_steps)


def test_large_values_leave_half_of_the_ring_to_others() -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    with writer.lock:
        while writer.room(4096, is_large=True):
            assert put_unlocked(writer)
        assert writer.n_used_bytes <= MIN_CAPACITY // 2
        assert writer.room(4096)


def put_unlocked(writer: RingWriter) -> bool:
    """A record of 4096 bytes that nobody reads."""
    return writer.event(Kind.KEEP, 0, bytes(4096 - 24))


def test_a_look_sees_only_what_was_whole_at_the_look_before() -> None:
    ring = small_ring()
    writer, reader = RingWriter(ring), RingReader(ring)
    put_step(writer, 0)
    assert list(reader.look()) == []
    put_step(writer, 1)
    (run,) = reader.look()
    assert len(run.records) == 1  # type: ignore[union-attr]
    assert reader.n_unread_bytes == STEPS.n_bytes


def test_a_record_without_its_head_is_not_there() -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    put_step(writer, 0)
    head = ring.head
    put_step(writer, 1)
    ring.words[8] = head
    assert read_all(ring) == [0]


@pytest.mark.parametrize("word", [0, 7, 2**32, 1 << 32 | 3, 99 << 32 | 64, 1 << 32 | 2**31, 1 << 32 | 64 | 77 << 48])
def test_a_word_that_begins_no_record_is_refused(word: int) -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    put_step(writer, 0)
    put_step(writer, 1)
    memoryview(ring.memory)[ring.ring_at + STEPS.n_bytes :][:8].cast("Q")[0] = word
    reader = RingReader(ring)
    with pytest.raises(BlackBoxError):
        list(reader.look(is_final=True))


def test_layouts_of_all_steps_are_known_though_the_tables_are_used_again_and_again() -> None:
    ring = small_ring()
    writer, reader = RingWriter(ring), RingReader(ring)
    for index in range(15_000):  # each table holds about 4,600 of these
        layout = Layout([Field("reward", np.dtype(np.float64)), Field(f"extras.{index}", np.dtype(np.float64))])
        assert put_step(writer, index, layout)
        if index % 500 == 499:
            assert read_all(ring, reader) == list(range(index - 499, index + 1))
    assert writer.generation >= 2


def test_a_table_is_not_used_again_while_steps_need_it() -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    put_step(writer, 0)
    with writer.lock:
        ids = {writer.layout_id(Layout([Field(f"extras.{index}", np.dtype(np.float64))])) for index in range(20_000)}
    assert None in ids  # refused, not overwritten
    assert read_all(ring) == [0]


def test_steps_that_wait_for_a_device_hold_back_those_after_them() -> None:
    ring = small_ring()
    writer = RingWriter(ring)
    event = _Event()
    with writer.lock:
        writer.room(64)
        writer.event(Kind.KEEP, 1, b"first")
        writer.publish(writer.head, event)
        writer.event(Kind.KEEP, 2, b"second")
    assert [item[1] for item in read_all(ring)] == [1]
    event.is_done = True
    with writer.lock:
        writer.publish_ready()
    assert [item[1] for item in read_all(ring)] == [2]
    assert writer.unpublished is None


class _Event:
    """What a device says of a copy."""

    is_done = False

    def query(self) -> bool:
        """Whether it is done."""
        return self.is_done


def test_another_process_sees_every_record_as_it_was_written(tmp_path: Path) -> None:
    check_records(tmp_path / "ring", 200_000)
