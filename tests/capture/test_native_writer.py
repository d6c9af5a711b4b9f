"""The writer in machine code writes what the function of Python writes, and leaves the same values to the slow way."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from recorder.black_box import Kind, Layout, Ring, RingWriter
from recorder.black_box.layout import has_name
from recorder.capture import EpisodeRecorder
from recorder.capture.reading.texts import encoded, is_texts, texts_of_lanes
from recorder.capture.writing.block_writer import BlockSource
from recorder.capture.writing.native_writer import PURE_PYTHON, is_native, native, native_writer
from recorder.capture.writing.source import FIELDS, Writer
from recorder.capture.writing.step_writer import StepSource
from recorder.capture.writing.ways import Form, Way, block_way, step_way
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS
from tests.capture.recorded import STEP, close_and_read

needs_native = pytest.mark.skipif(native is None, reason="the package was built without a C compiler")

_LANES = 3

_STRIDED = np.arange(12, dtype=np.float32).reshape(3, 4)
_COMPLEX = torch.tensor([1 + 2j, 3 - 4j, 5 + 6j])


class _Number(np.float32):
    """Of a class derived from numpy's."""


_VALUES: Mapping[str, Any] = {
    "None": None,
    "bool": True,
    "int": 7,
    "large int": 2**53 + 1,
    "negative int": -(2**63),
    "huge int": 2**64,
    "float": 0.1,
    "nan": float("nan"),
    "list": [1, 2, 3],
    "list of floats": [1.5, 2, True],
    "tuple": (1.0, 2.0, 3.0),
    "longer list": [1.0, 2.0, 3.0, 4.0],
    "empty list": [],
    "numpy float32": np.float32(1.5),
    "numpy float64": np.float64(1.5),
    "numpy int64": np.int64(-3),
    "numpy bool": np.bool_(True),
    "numpy float16": np.float16(0.5),
    "derived float32": _Number(1.5),
    "float32[3]": np.array([1, 2, 3], np.float32),
    "float32[4]": np.array([1, 2, 3, 4], np.float32),
    "float64[3]": np.array([1, 2, 3], np.float64),
    "big-endian float32[3]": np.array([1, 2, 3], ">f4"),
    "every second float32": np.arange(6, dtype=np.float32)[::2],
    "column of float32[3, 4]": _STRIDED[:, 1],
    "float32[3, 4]": _STRIDED,
    "float32[3, 4] in Fortran's order": np.asfortranarray(_STRIDED),
    "longlong[3]": np.array([1, 2, 3], np.longlong),
    "uint8[84, 84]": np.full((84, 84), 3, np.uint8),
    "uint8[3]": np.array([1, 2, 3], np.uint8),
    "bool[3]": np.array([True, False, True]),
    "float32[]": np.array(2, np.float32),
    "float32[1]": np.array([2], np.float32),
    "float32[0]": np.array([], np.float32),
    "complex64[3]": np.array([1, 2, 3], np.complex64),
    "object[3]": np.array([1, None, "a"], np.object_),
    "masked": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
    "tensor float32[3]": torch.tensor([1.0, 2.0, 3.0]),
    "tensor float32[12]": torch.arange(12, dtype=torch.float32),
    "tensor float32[3, 4]": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "transposed tensor": torch.arange(12, dtype=torch.float32).reshape(4, 3).T,
    "column of a tensor": torch.arange(12, dtype=torch.float32).reshape(3, 4)[:, 1],
    "expanded tensor": torch.tensor([1.0]).expand(3),
    "tensor with a gradient": torch.tensor([1.0, 2.0, 3.0], requires_grad=True),
    "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0])),
    "negated view": torch._neg_view(torch.tensor([1.0, 2.0, 3.0])),
    "imaginary part of a conjugate": _COMPLEX.conj().imag,
    "one imaginary part": _COMPLEX[:1].conj().imag,
    "tensor float32[]": torch.tensor(1.5),
    "tensor float32[1]": torch.tensor([1.5]),
    "tensor int64[]": torch.tensor(3),
    "tensor float32[0]": torch.zeros(0),
    "tensor bool[3]": torch.tensor([True, False, True]),
    "tensor uint8[3]": torch.tensor([1, 2, 3], dtype=torch.uint8),
    "tensor float16[3]": torch.tensor([1, 2, 3], dtype=torch.float16),
    "tensor bfloat16[3]": torch.tensor([1, 2, 3], dtype=torch.bfloat16),
    "tensor float64[40, 40]": torch.rand(40, 40, dtype=torch.float64),
    "sparse tensor": torch.eye(3).to_sparse(),
    "tensor without memory": torch.zeros(3, device="meta"),
    "text": "forward",
    "text of two bytes a letter": "größer",
    "text with a zero": "a\0b",
    "text that UTF-8 can't hold": "\ud800",
    "long text": "x" * 100,
    "texts": ["a", "bc", "def"],
    "texts with a missing one": ["a", None, "def"],
    "object": object(),
}


def _outcome(write: Writer, arguments: tuple[Any, ...]) -> bool | None:
    """A value that raises comes another way, too."""
    try:
        return write(*arguments)
    except Exception:  # noqa: BLE001 - whatever the value raises
        return False


class _Pair:
    """Two rings with one layout: machine code writes into one, a function of Python into the other."""

    def __init__(self, kind: Kind, layout: Layout, ways: Mapping[str, Way]) -> None:
        self._layout = layout
        self._writers = [RingWriter(Ring.create(None, capacity=2**20, identity={})) for _ in range(2)]
        native, python = self._writers
        layout_id, other_id = (writer.layout_id(layout) for writer in self._writers)
        assert layout_id is not None
        assert layout_id == other_id
        same: dict[str, Any] = {"layout_id": layout_id, "generation": 0, "acquire": lambda: False}
        made = native_writer(kind, native, layout, ways, **same)
        assert made is not None
        source = (StepSource if kind is Kind.STEP else BlockSource)(python, layout)
        self._write = made, source.compiled(ways, **same)

    def outcomes(self, arguments: tuple[Any, ...]) -> tuple[bool | None, bool | None]:
        return _outcome(self._write[0], arguments), _outcome(self._write[1], arguments)

    def last_records(self) -> list[dict[str, bytes]]:
        """The record that each has written last, by column; without what a missing value leaves in its place."""
        found = []
        for writer in self._writers:
            ring, layout = writer.ring, self._layout
            at = ring.ring_at + (writer.head - layout.n_bytes) % ring.capacity
            record = np.ndarray((), layout.record_dtype, ring.memory, at)
            names = [name for name in layout.record_dtype.names or () if record[name].size]
            there = [name for name in names if has_name(name) not in names or record[has_name(name)]]
            found.append({name: record[name].tobytes() for name in there})
            assert ring.head == writer.head
            ring.tail = writer.head
        return found


def _arguments(places: tuple[Any, ...], name: str, value: Any) -> tuple[Any, ...]:
    extras = {name.removeprefix(EXTRAS_PREFIX): value} if name.startswith(EXTRAS_PREFIX) else None
    return (*places, *(value if field == name else None for field in FIELDS), extras)


def _step_way(name: str, value: Any) -> Way | None:
    try:
        if is_texts(value) and name not in STEP_FIELDS:
            value = encoded(value).values
        return step_way(name, value)
    except Exception:  # noqa: BLE001 - it can't be recorded at all
        return None


def _block_way(name: str, value: Any) -> Way | None:
    try:
        if is_texts(value) and name not in STEP_FIELDS:
            value = texts_of_lanes(value, (_LANES,)).values
        return block_way(name, value, (1, _LANES))
    except Exception:  # noqa: BLE001 - it can't be recorded at all
        return None


def test_machine_code_was_built_where_there_is_a_compiler() -> None:
    has_compiler = shutil.which("cc") is not None and Path(sysconfig.get_paths()["include"], "Python.h").exists()
    assert not has_compiler or native is not None


@pytest.mark.parametrize("is_nullable", [False, True], ids=["always there", "missing at times"])
@pytest.mark.parametrize("name", ["position", "reward", "extras.x"])
@needs_native
def test_a_step_is_written_as_by_the_function_of_python(name: str, is_nullable: bool) -> None:
    n_written = 0
    for first_label, first in _VALUES.items():
        way = None if first is None else _step_way(name, first)
        if way is None:
            continue
        way = way._replace(is_nullable=is_nullable)
        pair = _Pair(Kind.STEP, Layout([way.field(name)]), {name: way})
        for label, value in _VALUES.items():
            native_does, python_does = pair.outcomes(_arguments((5, 6, 7), name, value))
            assert native_does is python_does, (first_label, label)
            if native_does:
                native_record, python_record = pair.last_records()
                assert native_record == python_record, (first_label, label)
                n_written += 1
    assert n_written > 20


@pytest.mark.parametrize("name", ["position", "reward", "done", "extras.x"])
@pytest.mark.parametrize("lanes", [None, np.array([4, 5, 6])], ids=["all lanes", "some lanes"])
@needs_native
def test_a_call_of_all_lanes_is_written_as_by_the_function_of_python(name: str, lanes: Any) -> None:
    places = np.array([1, 2, 3]), np.array([0, 1, 2]), lanes
    n_written = 0
    for first_label, first in _VALUES.items():
        way = None if first is None else _block_way(name, first)
        if way is None:
            continue
        layout = Layout([way.field(name)], lead=(1, _LANES), has_lanes=lanes is not None)
        pair = _Pair(Kind.BLOCK, layout, {name: way})
        for label, value in _VALUES.items():
            native_does, python_does = pair.outcomes(_arguments(places, name, value))
            assert native_does is python_does, (first_label, label)
            if native_does:
                native_record, python_record = pair.last_records()
                assert native_record == python_record, (first_label, label)
                n_written += 1
    assert n_written > 20


@needs_native
def test_places_that_come_another_way_are_left_to_the_slow_way() -> None:
    way = Way(Form.NUMBER, np.dtype(np.float64), (), float)
    pair = _Pair(Kind.STEP, Layout([way.field("reward")]), {"reward": way})
    numbers: list[Any] = [0, -1, 2**63, True, 1.0, np.int64(3), None, "1", torch.tensor(1)]
    for place in range(3):
        for number in numbers:
            places = tuple(number if index == place else 1 for index in range(3))
            assert len(set(pair.outcomes(_arguments(places, "reward", 1.0)))) == 1, places
    block = _Pair(Kind.BLOCK, Layout([way.field("reward")], lead=(1, 2)), {"reward": _block_reward()})
    arrays: list[Any] = [np.arange(2), np.arange(3), np.arange(2.0), [0, 1], torch.arange(2), None, np.arange(4)[::2]]
    for place in range(3):
        for array in arrays:
            chosen = tuple(array if index == place else None if index == 2 else np.arange(2) for index in range(3))
            assert len(set(block.outcomes(_arguments(chosen, "reward", np.zeros(2))))) == 1, chosen


def _block_reward() -> Way:
    return block_way("reward", np.zeros(2), (1, 2))


@needs_native
def test_extras_that_come_another_way_are_left_to_the_slow_way() -> None:
    way = Way(Form.NUMBER, np.dtype(np.float64), (), float)
    given: list[Any] = [
        None, {}, {"x": 1.0}, {"x": None}, {"y": 1.0}, {"x": 1.0, "y": 2.0}, {"x": 1.0, "z": None}, {1: 2},
        MappingProxyType({"x": 1.0}), MappingProxyType({}), [("x", 1.0)], "x", 3,
    ]  # fmt: skip
    for names in ((), ("x",), ("x", "y")):
        for is_nullable in (False, True):
            its_way = way._replace(is_nullable=is_nullable)
            ways = {f"{EXTRAS_PREFIX}{name}": its_way for name in names}
            pair = _Pair(Kind.STEP, Layout([way.field(name) for name, way in ways.items()]), ways)
            for extras in given:
                native_does, python_does = pair.outcomes((1, 2, 3, *[None] * len(FIELDS), extras))
                assert native_does is python_does, (names, is_nullable, extras)
                if native_does:
                    native_record, python_record = pair.last_records()
                    assert native_record == python_record


@needs_native
def test_calls_of_two_threads_at_once_are_all_recorded() -> None:
    texts = [f"turn {index}" for index in range(500)]  # reading a text runs Python, so threads change places there
    recorder = EpisodeRecorder(strict=True)

    def run(episode_id: int) -> None:
        for step, text in enumerate(texts):
            recorder.record_step(episode_id, step, **STEP, extras={"text": text})
        recorder.finish_episode(episode_id)

    threads = [threading.Thread(target=run, args=(episode_id,)) for episode_id in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = close_and_read(recorder)
    for episode_id in range(4):
        assert ended[episode_id].episode.column("extras.text").tolist() == texts


@needs_native
def test_values_are_let_go_when_a_call_returns() -> None:
    way = step_way("position", torch.zeros(20))
    pair = _Pair(Kind.STEP, Layout([way.field("position")]), {"position": way})
    tensor = torch.zeros(40)[::2]  # its numbers are not in a row: bytes are made of it
    before = sys.getrefcount(tensor)
    for _ in range(3):
        assert pair.outcomes(_arguments((1, 2, 3), "position", tensor)) == (True, True)
    assert sys.getrefcount(tensor) == before


@needs_native
def test_a_variable_of_the_environment_turns_machine_code_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_native()
    monkeypatch.setenv(PURE_PYTHON, "1")
    assert not is_native()
