"""``record_step``: the compiled writer, and what makes another one when a value comes another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout
from recorder.black_box.format import record_word
from recorder.black_box.layout import has_name
from recorder.capture.device import DeviceCopies
from recorder.capture.inlet import Inlet
from recorder.capture.step_writer import FIELDS, StepWriter, compile_step_writer
from recorder.capture.values import as_array, checked_extras, checked_name, whole_number
from recorder.capture.ways import Form, Way, fitting, no_room, step_way, widened
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX

__all__ = ["StepPath"]

_MAX_NULLABLE_BYTES = 256
"""A larger value that is missing now and then gets a layout with and one without it: its place would cost too much."""

_PLACE_BYTES = 1024
"""What a record takes beside its values, at most."""

_MAX_WIDENED = 64
"""Columns that one layout takes for the sake of earlier steps."""

_MAX_KINDS = 256
"""Layouts whose writers are kept; an array that has another shape with every step must not fill memory."""


class StepPath:
    """One for each recorder.

    Args:
        devices: brings values from devices.
    """

    def __init__(self, inlet: Inlet, devices: DeviceCopies) -> None:
        self._inlet = inlet
        self._devices = devices
        self._quick: StepWriter = _another_way
        """Fits the values of the last steps."""
        self.write: StepWriter = _another_way if inlet.sampling is None else self._write_sampled
        """The quick way."""
        self._known: dict[str, Way] = {}
        self._writers: dict[Any, StepWriter | None] = {}
        """By generation of the layouts' ids, and ways; None for those that were seen once: most layouts of a first step are not
        those of the second."""

    def _write_sampled(self, episode_id: Any, step: Any, *rest: Any) -> bool | None:
        sampling = self._inlet.sampling
        # Nobody has told whole numbers of numpy and torch from those of Python yet.
        if (
            sampling is not None
            and sampling.is_active
            and not sampling.takes(whole_number(episode_id), whole_number(step))
        ):
            return True
        return self._quick(episode_id, step, *rest)

    def record(self, place: tuple[Any, Any, Any], values: tuple[Any, ...], extras: Any) -> None:
        """Record one step, whatever its values are.

        Args:
            place: episode id, step and lane, unchecked.
            values: in the order of ``FIELDS``, unchecked.
        """
        refusals = self._inlet.refusals
        try:
            checked = (whole_number(place[0]), whole_number(place[1]), whole_number(place[2]))
            given = dict(self._named(values, extras))
            ways = self._settled(given)
            self._put_or_drop(ways, checked, given)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            refusals.refuse(error, n_steps=1)

    def _put_or_drop(self, ways: Mapping[str, Way], place: tuple[int, int, int], given: Mapping[str, Any]) -> None:
        n_left_out = 0
        while not self._written(ways, place, given):
            small = {name: way for name, way in ways.items() if not way.is_large}
            if self._inlet.waits(has_large=len(small) < len(ways)):
                continue
            if len(small) == len(ways):
                self._inlet.drop([place])
                return
            ways, n_left_out = small, len(ways) - len(small)
        if n_left_out:
            self._inlet.refusals.drop_values(n_left_out)

    def _named(self, values: tuple[Any, ...], extras: Any) -> Iterator[tuple[str, Any]]:
        """The values that there are, by column."""
        for name, value in zip(FIELDS, values, strict=True):
            if value is not None:
                yield name, value
        if extras is None:
            return
        try:
            items = checked_extras(extras).items()
        except UsageError as error:
            self._inlet.refusals.refuse_value(str(error))
            return
        for name, value in items:
            try:
                column = f"{EXTRAS_PREFIX}{checked_name(name)}"
            except UsageError as error:
                self._inlet.refusals.refuse_value(str(error))
            else:
                if value is not None:
                    yield column, value

    def _settled(self, given: dict[str, Any]) -> dict[str, Way]:
        """The ways of a step's columns, as wide as those of the steps before; invalid values are left out of both."""
        ways: dict[str, Way] = {}
        for name, value in list(given.items()):
            try:
                now = step_way(name, value)
            except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
                del given[name]
                self._inlet.refusals.refuse_value(f"{name}: {error}")
                continue
            before = self._known.get(name)
            ways[name] = now if before is None else (widened(before, now, value) or now)
        for name, before in self._known.items():
            is_cheap = before.n_bytes <= _MAX_NULLABLE_BYTES and before.form is not Form.DEVICE
            if name not in ways and is_cheap and len(ways) < _MAX_WIDENED:
                ways[name] = before._replace(is_nullable=True)
        kept = fitting(ways, self._inlet.writer.max_record_bytes - _PLACE_BYTES)
        for name in ways.keys() - kept.keys():
            if given.pop(name, None) is not None:
                self._inlet.refusals.refuse_value(no_room(name, ways[name]))
        self._known = kept
        return kept

    def _written(self, ways: Mapping[str, Way], place: tuple[int, int, int], given: Mapping[str, Any]) -> bool:
        """Write it; False when there is no room."""
        inlet, writer = self._inlet, self._inlet.writer
        layout = Layout([way.field(name) for name, way in ways.items()])
        if not inlet.acquire():
            raise UsageError("record_step was called while this thread was inside the recorder")
        try:
            layout_id = writer.layout_id(layout)
            if layout_id is None:
                raise UsageError("too many kinds of steps: the shapes of their values change all the time")
            generation = writer.generation
            if not writer.room(layout.n_bytes, is_large=any(way.is_large for way in ways.values())):
                return False
            self._put(layout, layout_id, ways, place, given)
        finally:
            writer.lock.release()
        self._remember(layout, layout_id, generation, ways)
        return True

    def _remember(self, layout: Layout, layout_id: int, generation: int, ways: Mapping[str, Way]) -> None:
        """Have a quick way for the next step, when this is the second of its kind."""
        if any(way.form is Form.DEVICE for way in ways.values()):
            return
        key = (generation, *ways.items())
        if key not in self._writers:
            if len(self._writers) >= _MAX_KINDS:
                self._writers.clear()
            self._writers[key] = None
            return
        found = self._writers.get(key)  # another thread may just have cleared them
        if found is None:
            found = compile_step_writer(self._inlet.writer, layout, layout_id, generation, ways, self._inlet.acquire)
            self._writers[key] = found
        self._quick = found
        if self._inlet.sampling is None:
            self.write = found

    def _put(
        self,
        layout: Layout,
        layout_id: int,
        ways: Mapping[str, Way],
        place: tuple[int, int, int],
        given: Mapping[str, Any],
    ) -> None:
        """Write the record field by field; the lock is held, and there is room."""
        writer = self._inlet.writer
        at = writer.ring.ring_at + writer.head - writer.base
        record = np.ndarray((), layout.record_dtype, writer.ring.memory, at)
        record["word"] = record_word(Kind.STEP, layout.n_bytes, layout_id)
        record["episode_id"], record["step"], record["lane"] = place
        on_device = {}
        for name, way in ways.items():
            value = given.get(name)
            if way.is_nullable:
                record[has_name(name)] = value is not None
            if value is None:
                record[name] = 0
            elif way.form is Form.DEVICE:
                on_device[at + layout.column(name)[1]] = value
            else:
                record[name] = as_array(value).reshape(way.shape)
        event = self._devices.copy(writer.ring, on_device) if on_device else None
        writer.publish(writer.head + layout.n_bytes, event, n_steps=1)


def _another_way(*_: Any) -> bool:
    """What writes before the first step: nothing."""
    return False
