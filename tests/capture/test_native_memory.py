"""The writer in machine code reads no memory that has been let go, whatever other code does during a call."""

from __future__ import annotations

import gc
import struct
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recorder.black_box import Kind, Layout, Ring, RingWriter
from recorder.capture.writing.native_writer import (
    PURE_PYTHON,
    is_native,
    native,
    native_ends,
    native_events,
    native_template,
    native_writer,
)
from recorder.capture.writing.source import FIELDS, Writer
from recorder.capture.writing.step_writer import StepSource
from recorder.capture.writing.ways import step_way
from recorder.schema import EXTRAS_PREFIX

pytestmark = pytest.mark.skipif(native is None, reason="the package was built without a C compiler")


class _Reading:
    """A value that does something when it is read."""

    def __init__(self) -> None:
        self.does: Callable[[], object] = lambda: None

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[np.float32]:
        self.does()
        return np.zeros(2, np.float32)


class _Writing:
    """Writes steps that have nothing but these extras.

    Args:
        acquire: takes the lock of the ring where another call has it.
    """

    def __init__(self, extras: Mapping[str, Any], *, acquire: Callable[[], bool] = lambda: False) -> None:
        ways = {f"{EXTRAS_PREFIX}{name}": step_way("extras.x", value) for name, value in extras.items()}
        self._layout = Layout([way.field(name) for name, way in ways.items()])
        self.writer = RingWriter(Ring.create(None, capacity=2**20, identity={}))
        layout_id = self.writer.layout_id(self._layout)
        assert layout_id is not None
        same: dict[str, Any] = {"layout_id": layout_id, "generation": 0, "acquire": acquire}
        made = native_writer(Kind.STEP, self.writer, self._layout, ways, **same)
        assert (made is None) is not is_native()
        self._write: Writer = made or StepSource(self.writer, self._layout).compiled(ways, **same)
        self._extras = extras

    def write(self) -> bool | None:
        return self._write(1, 2, 3, *[None] * len(FIELDS), self._extras)

    def written(self, name: str) -> list[float]:
        """A column of the last record."""
        ring = self.writer.ring
        at = ring.ring_at + self.writer.head - self._layout.n_bytes
        column: list[float] = np.ndarray((), self._layout.record_dtype, ring.memory, at)[name].tolist()
        return column


def _free(value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value.untyped_storage().resize_(0)
    else:
        value.resize(0, refcheck=False)


def test_an_array_that_another_value_takes_out_of_the_extras_is_held_while_it_is_read() -> None:
    memory = np.ones(4, np.float32)
    reading = _Reading()
    extras = {"x": memory[:], "y": reading}
    weakref.finalize(extras["x"], memory.fill, 7)  # as the next owner of the memory would
    writing = _Writing(extras)
    reading.does = lambda: extras.pop("x", None)
    assert writing.write() is True
    assert writing.written("extras.x") == [1, 1, 1, 1]
    assert memory[0] == 7


def test_a_tensor_that_another_value_gives_other_memory_is_read_from_there() -> None:
    tensor, reading = torch.zeros(20), _Reading()
    writing = _Writing({"x": tensor, "y": reading})
    reading.does = lambda: tensor.set_(torch.ones(20))  # type: ignore[call-overload]
    assert writing.write() is True
    assert writing.written("extras.x") == [1] * 20


@pytest.mark.parametrize("make", [torch.zeros, np.zeros])
def test_memory_that_another_value_frees_is_not_read(make: Callable[[int], Any]) -> None:
    reading = _Reading()
    extras = {"x": make(20), "y": reading}
    writing = _Writing(extras)
    value = extras["x"] = make(20)  # the first was viewed by numpy, so torch keeps its memory
    reading.does = lambda: _free(value)
    assert writing.write() is False
    assert writing.writer.head == 0


@pytest.mark.parametrize("make", [torch.zeros, np.zeros])
def test_memory_that_is_freed_while_a_call_waits_for_another_is_not_read(make: Callable[[int], Any]) -> None:
    extras = {"x": make(20)}

    def acquire() -> bool:
        _free(extras["x"])
        return True

    writing = _Writing(extras, acquire=acquire)
    extras["x"] = make(20)  # the first was viewed by numpy, so torch keeps its memory
    assert writing.writer.lock.acquire()
    assert writing.write() is False
    assert writing.writer.head == 0
    assert not writing.writer.lock.locked()


def test_the_function_of_python_reads_no_tensor_that_another_value_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PURE_PYTHON, "1")
    reading = _Reading()
    extras = {"x": torch.zeros(600), "y": reading}
    writing = _Writing(extras)
    extras["x"] = torch.zeros(600)  # the first was viewed by numpy, so torch keeps its memory
    assert writing.write() is True
    head = writing.writer.head
    reading.does = lambda: _free(extras["x"])
    assert writing.write() is False
    assert writing.writer.head == head


class _Garbage:
    """Does something when the garbage collector finds it."""

    def __init__(self, does: Callable[[], object]) -> None:
        self._self = self
        self._does = does

    def __del__(self) -> None:
        self._does()


def _collecting(call: Callable[[], Any], *, nth: int, does: Callable[[], object]) -> Any:
    """What a call gives while each object that it makes has garbage collected; ``does`` comes with the nth time."""
    n_times, made = 0, []

    def collected() -> None:
        nonlocal n_times
        n_times += 1
        if n_times == nth:
            does()
        if n_times < nth:
            _Garbage(collected)
        made.append([(each,) for each in range(100)])  # small tuples that were let go would be taken again

    thresholds = gc.get_threshold()
    gc.disable()
    gc.collect()
    gc.set_threshold(1, 1000, 1000)
    try:
        _Garbage(collected)
        made.append([(each,) for each in range(4000)])
        gc.enable()
        return call()
    finally:
        n_times = nth
        gc.set_threshold(*thresholds)
        gc.enable()


@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("make", [torch.zeros, np.zeros])
def test_memory_that_a_finalizer_frees_is_not_read(make: Callable[[int], Any], nth: int) -> None:
    extras = {"x": make(20)}
    writing = _Writing(extras)
    extras["x"] = make(20)
    assert writing.write() is True, "the next one has room"
    head = writing.writer.head
    was_written: list[bool] = []

    def free() -> None:
        was_written.append(writing.writer.head != head)
        _free(extras["x"])

    call = partial(writing._write, 1, 2, 3, *[None] * len(FIELDS), extras)
    assert _collecting(call, nth=nth, does=free) is (was_written != [False])


@pytest.mark.parametrize("nth", range(1, 6))
def test_an_end_that_a_finalizer_writes_within_another_leaves_it_as_it_is(nth: int) -> None:
    writer = RingWriter(Ring.create(None, capacity=2**20, identity={}))
    events = native_events(writer, late=(), gaps=())
    assert events is not None
    ends = native_ends(events, lambda _: None, lambda: None, dtype=np.dtype(np.float32), shape=(2, 1))
    assert ends is not None
    assert ends.begin(np.array([[1.5], [2.5]], np.float32), (0, 1))
    template, longer = native_template(bytes(8), (0,)), native_template(bytes(800), (0,))
    assert writer.event(Kind.FINISH, 0, b""), "there is room"
    assert ends.end(0, 7, template, None)
    at = writer.ring.ring_at + writer.head
    assert _collecting(partial(ends.end, 0, 7, template, None), nth=nth, does=lambda: ends.end(1, 8, longer, None))
    data = bytes(writer.ring.memory[at : at + 2000])
    assert struct.unpack_from(">d", data, data.index(struct.pack("<QQ", 7, 8)) + 16) == (1.5,)
