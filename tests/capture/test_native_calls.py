"""The machine code that wrappers call: what it writes, what it leaves to the usual way, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from recorder.black_box import Kind, Ring, RingWriter
from recorder.capture import EpisodeRecorder
from recorder.capture.call_times import LOOKED_EVERY_EVENTS, TIMED_EVERY_CALLS, TIMED_EVERY_STEPS
from recorder.capture.writing.native_writer import (
    native,
    native_blocks,
    native_ends,
    native_events,
    native_steps,
    native_template,
)
from tests.capture.recorded import close_and_read

pytestmark = pytest.mark.skipif(native is None, reason="the package was built without a C compiler")

_ROWS = np.array([[1.5, 2.5], [3.5, 4.5]], np.float32)

_BATCH: dict[str, Any] = {
    "actions": np.array([1, 2]),
    "rewards": np.array([0.5, 1.5]),
    "dones": np.array([True, True]),
    "terminated": np.array([False, False]),
    "truncated": np.array([True, False]),
    "q_values": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "epsilon": np.array([0.25, 0.125]),
    "action_masks": np.array([[True, False], [False, True]]),
    "extras": {"observation": _ROWS},
}
"""A step of two lanes in which no two values are the same."""


class _Batches:
    """A recorder that has seen such steps, and its quick way."""

    def __init__(self) -> None:
        self.recorder = EpisodeRecorder(sender="thread", strict=True)
        self.steps = np.zeros(2, np.int64)
        self.nothing = np.zeros((2, 0), np.float32)
        self.places = {
            "episode_ids": np.array([5, 6]),
            "steps": self.steps,
            "lanes": np.array([3, 4]),
        }
        values = {**_BATCH, "positions": self.nothing, "meters": self.nothing}
        for _ in range(2):  # the second has the writer made
            self.recorder.record_batch(**self.places, **values)
            self.steps += 1


def _ends(
    *,
    late: Sequence[Any] = (),
    gaps: Sequence[Any] = (),
    tell: Callable[[int], None] = lambda _: None,
    look: Callable[[], None] = lambda: None,
) -> tuple[Any, RingWriter, Any]:
    writer = RingWriter(Ring.create(None, capacity=2**16, identity={}))
    assert writer.event(Kind.FINISH, 0, b""), "there is room from now on"
    events = native_events(writer, late=late, gaps=gaps)
    assert events is not None
    ends = native_ends(events, tell, look, dtype=_ROWS.dtype, shape=_ROWS.shape)
    assert ends is not None
    return ends, writer, events


_TEMPLATE = native_template(bytes(16), (0, 8)) if native is not None else None


def _steps(recorder: EpisodeRecorder) -> Any:
    """The quick way of lane 3, after two steps of episode 7."""
    for step in range(2):  # the second has the writer made
        flags = {"done": False, "terminated": False, "truncated": False}
        recorder.record_step(7, step, (), (), 1, 0.5, extras={"observation": _ROWS[0]}, lane=3, **flags)
    plain = recorder.plain_steps(lane=3, mask_name="mask")
    assert plain is not None
    return plain


def test_a_step_stands_at_its_place() -> None:
    with EpisodeRecorder(sender="thread", strict=True) as recorder:
        plain, writer = _steps(recorder), recorder._inlet.writer
        at = writer.ring.ring_at + writer.head
        assert plain.write(7, 2, 1, (_ROWS[0], 0.5, False, True, {})) is True
        assert plain.write(7, 3, 1, (_ROWS[0], 0.5, np.True_, np.False_, {"lives": 3})) is True
        assert plain.write(7, 4, 1, (_ROWS[0], 0.5, np.False_, False, {})) is False
        places = np.frombuffer(writer.ring.memory, np.int64, 4, at)[1:]
        assert places.tolist() == [7, 2, 3]


def test_first_steps_begin_an_episode_and_some_steps_are_timed() -> None:
    begun: list[int] = []
    times: list[float] = []
    with EpisodeRecorder(sender="thread", strict=True) as recorder:
        _steps(recorder)
        plain = native_steps(recorder._steps, begun.append, times.append, lane=3, mask_name="mask")
        assert plain is not None
        expected = 0
        for number in range(8, 8 + 2 * LOOKED_EVERY_EVENTS):
            for step in range(TIMED_EVERY_STEPS + 2):
                assert plain.write(number, step, 1, (_ROWS[0], 0.5, False, False, {})) is False
                is_timed = step % TIMED_EVERY_STEPS == 0 and (step > 0 or number % LOOKED_EVERY_EVENTS == 0)
                expected += is_timed
                assert len(times) == expected
    assert begun == list(range(8, 8 + 2 * LOOKED_EVERY_EVENTS))
    assert min(times) > 0


def test_a_step_that_comes_another_way_is_left_to_the_usual_one() -> None:
    recorder = EpisodeRecorder(sender="thread", strict=True)
    plain = _steps(recorder)
    result = (_ROWS[0], 0.5, False, False, {})
    others: list[tuple[int, Any]] = [(2, list(result)), (2, (*result, 1)), (2, result[:4])]
    others += [(2, (*result[:4], info)) for info in (None, {"mask": 1}, MappingProxyType({}))]
    others += [(2, (*result[:2], flag, False, {})) for flag in (None, 1, 0.0, np.array([True]))]
    others += [(2, (observation, *result[1:])) for observation in (None, _ROWS, _ROWS[0].astype(">f4"))]
    others += [(2, (_ROWS[0], 2**70, False, False, {}))]
    for step, other in others:
        assert plain.write(7, step, 1, other) is None
    assert plain.write(7.0, 2, 1, result) is plain.write(7, 2, 2**70, result) is None
    assert recorder.close()
    assert plain.write(7, 2, 1, result) is None, "nothing is written after the end"
    assert recorder.stats().n_recorded_steps == 2


def test_a_step_of_lanes_has_each_value_where_the_usual_way_puts_it() -> None:
    batches = _Batches()
    plain = batches.recorder.plain_blocks(**batches.places, nothing=batches.nothing)
    assert plain is not None
    assert plain.write(*_BATCH.values())
    assert batches.steps.tolist() == [3, 3]
    ended = close_and_read(batches.recorder)
    assert [ended[number].metadata.lane for number in (5, 6)] == [3, 4]
    for place, number in enumerate((5, 6)):
        columns = {name: values.tolist() for name, values in ended[number].episode.columns().items()}
        assert columns.keys() > {"action", "done", "q_values", "epsilon", "action_masks", "extras.observation"}
        for name, (*_, usual, quick) in columns.items():
            assert usual == quick, f"{name} of lane {place}"
        assert ended[number].metadata.n_steps == 3


def test_one_step_of_lanes_in_so_many_is_timed() -> None:
    batches = _Batches()
    times: list[float] = []
    plain = native_blocks(batches.recorder._blocks, times.append, **batches.places, nothing=batches.nothing)
    assert plain is not None
    for n_calls in range(3 * TIMED_EVERY_CALLS):
        assert plain.write(*_BATCH.values())
        assert len(times) == n_calls // TIMED_EVERY_CALLS + 1
    assert min(times) > 0
    assert batches.recorder.close()


def test_a_step_of_lanes_that_comes_another_way_is_neither_written_nor_counted() -> None:
    batches = _Batches()
    plain = batches.recorder.plain_blocks(**batches.places, nothing=batches.nothing)
    assert plain is not None
    others: list[dict[str, Any]] = [
        {"actions": np.array([1.0, 2.0])},
        {"rewards": [0.5, 1.5]},
        {"epsilon": None},
        {"extras": 3},
        {"extras": {}},
    ]
    for other in others:
        assert plain.write(*{**_BATCH, **other}.values()) is False
    assert batches.recorder.close()
    assert plain.write(*_BATCH.values()) is False, "nothing is written after the end"
    assert batches.steps.tolist() == [2, 2]
    assert batches.recorder.stats().n_recorded_steps == 4


def test_an_end_says_which_episode_is_over_and_looks_now_and_then() -> None:
    told: list[int] = []
    looks: list[int] = []
    ends, writer, _ = _ends(tell=told.append, look=lambda: looks.append(len(told)))
    assert ends.begin(_ROWS, (0, 1))
    for number in range(2 * LOOKED_EVERY_EVENTS):
        assert ends.end(number % 2, number, _TEMPLATE, None)
    assert told == list(range(2 * LOOKED_EVERY_EVENTS))
    assert looks == [LOOKED_EVERY_EVENTS, 2 * LOOKED_EVERY_EVENTS]
    at = writer.ring.ring_at + writer.head
    assert bytes(writer.ring.memory[at - 16 : at]) == np.array([3.5, 4.5], ">f8").tobytes()


def test_an_end_is_left_to_the_usual_way_while_something_goes_first() -> None:
    late: list[int] = []
    gaps: list[int] = []
    told: list[int] = []
    ends, writer, events = _ends(late=late, gaps=gaps, tell=told.append)
    assert ends.begin(_ROWS, (0,))
    head = writer.head
    for waiting in (late, gaps):
        waiting.append(1)
        assert not ends.end(0, 1, _TEMPLATE, None)
        waiting.clear()
    with writer.lock:
        assert not ends.end(0, 1, _TEMPLATE, None)
    writer.unpublished = gaps  # type: ignore[assignment]
    assert not ends.end(0, 1, _TEMPLATE, None)
    writer.unpublished, limit = None, writer.limit
    writer.limit = head + 39
    assert not ends.end(0, 1, _TEMPLATE, None)
    writer.limit = limit
    events.is_over = True
    assert not ends.end(0, 1, _TEMPLATE, None)
    assert (writer.head, told, writer.lock.locked()) == (head, [], False)
    events.is_over = False
    assert ends.end(0, 1, _TEMPLATE, None)


def test_an_end_of_another_kind_is_left_to_the_usual_way() -> None:
    ends, writer, _ = _ends()
    head = writer.head
    assert not ends.end(0, 1, _TEMPLATE, None), "nothing is known of how it began"
    assert ends.begin(_ROWS, (0, 1))
    ends.forget(1)
    assert ends.numbers(0) == (1.5, 2.5)
    assert ends.numbers(1) is ends.numbers(2) is ends.numbers(-1) is None
    for place in (1, 2, -1):
        assert not ends.end(place, 1, _TEMPLATE, None)
    with_return = native_template(bytes(24), (0, 8, 16))
    for template, total in [(with_return, None), (_TEMPLATE, 1.0), (with_return, 1), (with_return, np.float64(1))]:
        assert not ends.end(0, 1, template, total)
    assert writer.head == head
    assert ends.end(0, 1, with_return, 0.5)
    at = writer.ring.ring_at + writer.head
    assert bytes(writer.ring.memory[at - 24 : at]) == np.array([0.5, 1.5, 2.5], ">f8").tobytes()


def test_rows_of_another_kind_are_left_to_the_usual_way() -> None:
    ends, _, _ = _ends()
    others: list[Any] = [
        _ROWS.tolist(),
        _ROWS[0],
        _ROWS[:1],
        _ROWS[:, :1].copy(),
        _ROWS.astype(np.float64),
        _ROWS.astype(np.int32),
        _ROWS.astype(">f4"),
        np.asfortranarray(_ROWS),
        np.zeros((2, 4), np.float32)[:, ::2],
        np.ma.masked_array(_ROWS),
    ]
    for other in others:
        assert not ends.begin(other, (0, 1))
    for place in (2, -1, 2**40):
        assert not ends.begin(_ROWS, (place,))
    assert ends.numbers(0) is ends.numbers(1) is None


def test_a_template_has_its_holes_within_it() -> None:
    for holes in [(1,), (-1,), (0, 2**40)]:
        with pytest.raises(ValueError, match="is not within the data"):
            native_template(bytes(8), holes)
