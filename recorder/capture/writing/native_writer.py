"""Whether calls are written by machine code, and what that code learns about a layout.

``native.pyx`` is built with the package where there is a C compiler; without it, and for tensors of a torch that is older than
2.10, the functions of ``source.py`` write. Both write the same records.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.black_box.format import WORD_BYTES, Cell, record_word
from recorder.black_box.layout import PLACES, has_name
from recorder.capture.call_times import LOOKED_EVERY_EVENTS, TIMED_EVERY_CALLS, TIMED_EVERY_STEPS
from recorder.capture.reading.texts import plain_bytes
from recorder.capture.reading.values import as_array
from recorder.capture.writing.ways import Form, Way
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

if TYPE_CHECKING:
    from recorder.capture.writing.native import (
        NativeBlocks,
        NativeEnds,
        NativeEvents,
        NativeSteps,
        NativeTemplate,
        NativeWriter,
    )
    from recorder.capture.writing.source import Writer

native: Any
try:
    from recorder.capture.writing import native
except ImportError:  # no compiler when this was installed
    native = None

__all__ = [
    "PURE_PYTHON",
    "is_native",
    "native_blocks",
    "native_comparison",
    "native_ends",
    "native_events",
    "native_of",
    "native_steps",
    "native_template",
    "native_writer",
]

PURE_PYTHON = "HAMLET_PURE_PYTHON"
"""Environment variable: set, calls are written without machine code."""

_INTERFACE = 3
"""That of ``native.pyx``; another one is of an older tree, which was not installed again since."""

_INT64 = np.dtype(np.int64)
_HEAD_AT = int(Cell.HEAD) * WORD_BYTES


def is_native() -> bool:
    """Whether this process has the machine code and may use it."""
    return native is not None and getattr(native, "INTERFACE", 0) == _INTERFACE and not os.environ.get(PURE_PYTHON)


def native_of(writer: Writer) -> NativeWriter | None:
    """The machine code that a writer of records is; None for a function of Python."""
    owner = getattr(writer, "__self__", None)
    return owner if native is not None and isinstance(owner, native.NativeWriter) else None


def native_events(writer: RingWriter, *, late: Sized, gaps: Sized) -> NativeEvents | None:
    """Writes events where nothing stands in their way; without machine code ``RingWriter.event`` has to.

    Args:
        late, gaps: what goes before any event.
    """
    return native.NativeEvents(writer, late=late, gaps=gaps, head_at=_HEAD_AT) if is_native() else None


def native_steps(
    path: Any, begin: Callable[[int], None], note: Callable[[float], None], *, lane: int, mask_name: str
) -> NativeSteps | None:
    """Writes the plain steps of one environment; see ``StepCalls.plain_steps``.

    Args:
        begin: takes the id of an episode whose first step is written.
        note: takes the seconds of one call now and then.
    """
    if not is_native():
        return None
    made: NativeSteps = native.NativeSteps(
        path,
        lane=lane,
        mask_name=mask_name,
        begin=begin,
        note=note,
        clock=perf_counter,
        timed_every=TIMED_EVERY_STEPS,
        timed_first=LOOKED_EVERY_EVENTS,
    )
    return made


def native_blocks(path: Any, note: Callable[[float], None], **places: Any) -> NativeBlocks | None:
    """Writes the plain steps of all lanes of an environment; see ``StepCalls.plain_blocks``.

    Args:
        note: takes the seconds of one call now and then.
        places: ``episode_ids``, ``steps``, ``lanes`` and ``nothing`` of ``plain_blocks``.
    """
    if not is_native():
        return None
    made: NativeBlocks = native.NativeBlocks(
        path, **places, note=note, clock=perf_counter, timed_every=TIMED_EVERY_CALLS
    )
    return made


def native_ends(
    events: NativeEvents,
    end_id: Callable[[int], None],
    look: Callable[[], None],
    *,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
) -> NativeEnds | None:
    """Writes the plain ends of episodes; see ``EpisodeCalls.plain_ends``.

    Args:
        end_id: told the id of each episode that is over.
        look: called now and then.
    """
    if dtype.kind != "f" or dtype.itemsize not in (4, 8) or not dtype.isnative:
        return None
    made: NativeEnds = native.NativeEnds(
        events,
        kind=Kind.FINISH,
        end_id=end_id,
        look=look,
        looked_every=LOOKED_EVERY_EVENTS,
        n_places=shape[0] if len(shape) == 2 else 1,
        n_numbers=shape[-1],
        has_axis=len(shape) == 2,
        item_bytes=dtype.itemsize,
    )
    return made


def native_template(data: bytes, holes: Sequence[int]) -> NativeTemplate:
    """Metadata of an episode in which only floats differ; for ``NativeEnds``."""
    made: NativeTemplate = native.NativeTemplate(data, holes)
    return made


def native_comparison() -> Callable[[Any, Any], bool | None]:
    """Says whether a tensor of torch and an array have one dtype, one shape and the same bytes; None where it can't tell."""
    if not is_native():
        return _cant_tell
    is_same: Callable[[Any, Any], bool | None] = native.is_same_memory
    return is_same


def _cant_tell(_tensor: Any, _array: Any) -> None:
    return None


def native_writer(
    kind: Kind,
    writer: RingWriter,
    layout: Layout,
    ways: Mapping[str, Way],
    *,
    layout_id: int,
    generation: int,
    acquire: Callable[[], bool],
) -> Writer | None:
    """Machine code that writes records of a layout; None when there is none for these ways.

    Args:
        kind: ``STEP``, or ``BLOCK`` of one row.
        ways: by column; a field without one is missing in every call. None of form ``DEVICE``.
        generation: of the writer's, in which the layout got its id.
        acquire: takes the writer's lock; False when that takes too long.
    """
    if not is_native() or not all(_is_readable(way, layout) for way in ways.values()):
        return None
    arguments = {name: index for index, name in enumerate((*PLACES, *STEP_FIELDS))}
    has_lanes = layout.has_lanes or kind is Kind.STEP
    absent = [index for name, index in arguments.items() if name not in ways and name not in PLACES]
    made = native.NativeWriter(
        writer,
        acquire,
        columns=[*_places(kind, layout, has_lanes=has_lanes), *_values(kind, layout, ways, arguments)],
        absent=absent if has_lanes else [*absent, arguments["lane"]],
        n_arguments=len(arguments) + 1,
        as_array=as_array,
        plain_bytes=plain_bytes,
        word=record_word(kind, layout.n_bytes, layout_id),
        n_bytes=layout.n_bytes,
        generation=generation,
        is_large=any(way.is_large for way in ways.values()),
        head_at=_HEAD_AT,
    )
    write: Writer = made.write
    return write


def _is_readable(way: Way, layout: Layout) -> bool:
    if len(way.given_shape) > native.MAX_AXES or len(layout.lead) + len(way.shape) > native.MAX_AXES:
        return False
    return not way.has_address or native.has_exchange(way.cls)


def _places(kind: Kind, layout: Layout, *, has_lanes: bool) -> Iterator[tuple[Any, ...]]:
    """The columns of where a record's steps belong."""
    form, axes = (native.WHOLE, ()) if kind is Kind.STEP else (native.ARRAY, layout.lead[1:])
    for index, name in enumerate(PLACES if has_lanes else PLACES[:2]):
        yield index, None, form, _INT64.kind, _INT64.itemsize, axes, layout.column(name)[1], -1, None


def _values(
    kind: Kind, layout: Layout, ways: Mapping[str, Way], arguments: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """The columns of what a record's steps hold."""
    for name, way in ways.items():
        form, axes = _form(way), way.given_shape
        if way.form is Form.TEXT:
            form, axes = (native.TEXT, ()) if kind is Kind.STEP else (native.TEXTS, layout.lead[1:])
        elif way.form in (Form.NUMBER, Form.NUMBERS, Form.SCALAR):
            axes = way.shape
        argument = arguments.get(name, -1)
        key = name.removeprefix(EXTRAS_PREFIX) if argument < 0 else None
        has_at = layout.column(has_name(name))[1] if way.is_nullable else -1
        at = layout.column(name)[1]
        yield argument, key, form, way.dtype.kind, way.dtype.itemsize, axes, at, has_at, way.cls


def _form(way: Way) -> int:
    if way.form is Form.NUMBER:
        return int(native.NUMBER)
    if way.form is Form.NUMBERS:
        return int(native.NUMBERS)
    if way.form is Form.SCALAR and way.cls is way.dtype.type:  # not of a class derived from numpy's
        return int(native.SCALAR)
    if way.has_address:
        return int(native.TENSOR)
    return int(native.ARRAY if way.cls is np.ndarray else native.OBJECT)
