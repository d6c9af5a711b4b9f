"""From the values of a call to a record: what ``record_step`` and the calls of many lanes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from recorder.black_box import Layout
from recorder.black_box.format import record_word
from recorder.capture.reading.device import DeviceCopies
from recorder.capture.reading.values import checked_extras, checked_name
from recorder.capture.writing.inlet import Inlet
from recorder.capture.writing.native_writer import native_of, native_writer
from recorder.capture.writing.source import FIELDS, Source, Writer
from recorder.capture.writing.ways import Form, Way
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX

if TYPE_CHECKING:
    from recorder.capture.writing.native import NativeWriter

__all__ = ["PLACE_BYTES", "Entry", "Path"]

PLACE_BYTES = 1024
"""What a record takes beside its values, at most: 32 of it with each step."""


class Entry(Protocol):
    """What one record is to hold."""

    @property
    def n_steps(self) -> int:
        """How many steps."""

    def each(self) -> Iterable[tuple[int, int, int]]:
        """Episode id, step number and lane of each step."""

    def layout(self, ways: Mapping[str, Way]) -> Layout:
        """The layout of a record with these columns."""

    def fill(self, record: np.ndarray[Any, Any], ways: Mapping[str, Way]) -> dict[str, Any]:
        """Write places and values into the record; gives the values on devices, by column, which it leaves out."""


class Path(ABC):
    """Keeps the compiled writer that fits the last calls, and makes another one when values come another way.

    Args:
        devices: brings values from devices.
        source: makes its compiled writers.
        max_kinds: layouts whose writers are kept; an array that has another shape with every call must not fill memory.
    """

    def __init__(self, inlet: Inlet, devices: DeviceCopies, *, source: type[Source], max_kinds: int) -> None:
        self._inlet = inlet
        self._devices = devices
        self._source = source
        self._max_kinds = max_kinds
        self._quick: Writer = _another_way
        """Fits the values of the last calls."""
        self._other: Writer = _another_way
        """What fitted those before: calls with and without a picture may take turns."""
        self.write: Writer = _another_way if inlet.sampling is None else self._write_sampled
        """The quick way."""
        self.native: NativeWriter | None = None
        """The machine code that it is; None for a function of Python."""
        self._writers: dict[Any, Writer | None] = {}
        """None for the ways that were seen once: most layouts of a first call are not those of the second."""

    @property
    def max_record_bytes(self) -> int:
        """The largest record that the ring takes."""
        return self._inlet.writer.max_record_bytes

    @abstractmethod
    def _write_sampled(self, *arguments: Any) -> bool | None:
        """The quick way while whole episodes may be left out."""

    def named(self, values: tuple[Any, ...], extras: Any, n_steps: int = 1) -> Iterator[tuple[str, Any]]:
        """The values that there are, by column.

        Args:
            values: in the order of ``FIELDS``.
            n_steps: that they belong to: so many values are refused with a name that can't be one.
        """
        for name, value in zip(FIELDS, values, strict=True):
            if value is not None:
                yield name, value
        try:
            items = () if extras is None else checked_extras(extras).items()
        except UsageError as error:
            self.refuse_value(str(error), n_values=n_steps)
            return
        for name, value in items:
            try:
                column = f"{EXTRAS_PREFIX}{checked_name(name)}"
            except UsageError as error:
                self.refuse_value(str(error), n_values=n_steps)
            else:
                if value is not None:
                    yield column, value

    def writes_other(self, *arguments: Any) -> bool:
        """Whether the values came the way before the last one, and were written so; that one is the quick way now.

        Args:
            arguments: of ``write``, which did not write them.
        """
        other = self._other
        if self._inlet.sampling is not None or other is _another_way:
            return False
        try:
            is_written = other(*arguments)
        except Exception:  # noqa: BLE001 - it does not fit either; the slow way says why
            return False
        if is_written:
            self._take_quick(other)
        return bool(is_written)

    def _take_quick(self, writer: Writer) -> None:
        if writer is not self._quick:
            self._other, self._quick = self._quick, writer
        if self._inlet.sampling is None and self.write is not _refuses:
            self.write, self.native = writer, native_of(writer)

    def stop(self) -> None:
        """Nothing is written any more."""
        self.write, self.native = _refuses, None

    def refuse_value(self, problem: str, *, n_values: int = 1) -> None:
        """A value of a call can't be recorded; the rest of it is."""
        self._inlet.refusals.refuse_value(problem, n_values=n_values)

    def note_changed_texts(self, n_texts: int) -> None:
        """Texts of a call are recorded, but not as they came."""
        if n_texts:
            self._inlet.refusals.note_changed_texts(n_texts)

    def put_or_drop(self, ways: Mapping[str, Way], entry: Entry) -> None:
        """Write a record; without room wait, leave its large values out, or drop it, as ``on_full`` says.

        Raises:
            UsageError: it can't be written at all.
        """
        n_left_out, layout = 0, entry.layout(ways)
        while not self._written(layout, ways, entry):
            small = {name: way for name, way in ways.items() if not way.is_large}
            if self._inlet.waits(has_large=len(small) < len(ways)):
                continue
            if len(small) == len(ways):
                self._inlet.drop(entry.each())
                return
            ways, n_left_out, layout = small, len(ways) - len(small), entry.layout(small)
        if n_left_out:
            self._inlet.refusals.drop_values(n_left_out * entry.n_steps)

    def _written(self, layout: Layout, ways: Mapping[str, Way], entry: Entry) -> bool:
        """Write it; False when there is no room."""
        inlet, writer = self._inlet, self._inlet.writer
        if not inlet.acquire():
            raise UsageError("the recorder was called while this thread was inside another of its calls")
        try:
            if writer.is_over:
                raise UsageError("the recorder was closed during this call")
            layout_id = writer.layout_id(layout)
            if layout_id is None:
                raise UsageError("too many kinds of calls: the shapes of their values change all the time")
            generation = writer.generation
            if not writer.room(layout.n_bytes, is_large=any(way.is_large for way in ways.values())):
                return False
            at = writer.ring.ring_at + writer.head - writer.base
            record = np.ndarray((), layout.record_dtype, writer.ring.memory, at)
            record["word"] = record_word(self._source.kind, layout.n_bytes, layout_id)
            on_device = {at + layout.column(name)[1]: value for name, value in entry.fill(record, ways).items()}
            event = self._devices.copy(writer.ring, on_device) if on_device else None
            writer.publish(writer.head + layout.n_bytes, event, n_steps=entry.n_steps)
        finally:
            writer.lock.release()
        has_one_row = not layout.lead or layout.lead[0] == 1
        if has_one_row and not any(way.form is Form.DEVICE for way in ways.values()):
            self._remember(layout, layout_id, generation, ways)
        return True

    def _remember(self, layout: Layout, layout_id: int, generation: int, ways: Mapping[str, Way]) -> None:
        """Have a quick way for the next call, when this is the second of its kind."""
        key = (generation, layout.packed, *ways.items())
        if key not in self._writers:
            if len(self._writers) >= self._max_kinds:
                self._writers.clear()
            self._writers[key] = None
            return
        found = self._writers.get(key)  # another thread may just have cleared them
        if found is None:
            found = self._compiled(layout, layout_id, generation, ways)
            self._writers[key] = found
        self._take_quick(found)

    def _compiled(self, layout: Layout, layout_id: int, generation: int, ways: Mapping[str, Way]) -> Writer:
        writer, acquire, kind = self._inlet.writer, self._inlet.acquire, self._source.kind
        made = native_writer(kind, writer, layout, ways, layout_id=layout_id, generation=generation, acquire=acquire)
        if made is not None:
            return made
        source = self._source(writer, layout)
        return source.compiled(ways, layout_id=layout_id, generation=generation, acquire=acquire)


def _another_way(*_: Any) -> bool:
    """What writes before the first call: nothing."""
    return False


def _refuses(*_: Any) -> bool:
    """What writes after the end: nothing."""
    return False
