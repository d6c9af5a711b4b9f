"""``record_step``: the compiled writer, and what makes another one when a value comes another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from recorder.black_box import Layout
from recorder.black_box.layout import has_name
from recorder.capture.reading.device import DeviceCopies
from recorder.capture.reading.texts import encoded, is_texts
from recorder.capture.reading.values import as_array, whole_number
from recorder.capture.writing.inlet import Inlet
from recorder.capture.writing.path import PLACE_BYTES, Path
from recorder.capture.writing.step_writer import StepSource
from recorder.capture.writing.ways import Form, Way, fitting, no_room, step_way, widened
from recorder.errors import UsageError
from recorder.schema import STEP_FIELDS

__all__ = ["StepPath"]

_MAX_NULLABLE_BYTES = 256
"""A larger value that is missing now and then gets a layout with and one without it: its place would cost too much."""

_MAX_WIDENED = 64
"""Columns that one layout takes for the sake of earlier steps."""

_MAX_KINDS = 256


class _Step(NamedTuple):
    """One step.

    Args:
        place: episode id, step and lane.
        values: by column.
    """

    place: tuple[int, int, int]
    values: Mapping[str, Any]
    n_steps: int = 1

    def each(self) -> Iterator[tuple[int, int, int]]:
        yield self.place

    def layout(self, ways: Mapping[str, Way]) -> Layout:
        return Layout([way.field(name) for name, way in ways.items()])

    def fill(self, record: np.ndarray[Any, Any], ways: Mapping[str, Way]) -> dict[str, Any]:
        record["episode_id"], record["step"], record["lane"] = self.place
        on_device = {}
        for name, way in ways.items():
            value = self.values.get(name)
            if way.is_nullable:
                record[has_name(name)] = value is not None
            if value is None:
                record[name] = b"" if way.form is Form.TEXT else 0
            elif way.form is Form.DEVICE:
                on_device[name] = value
            elif way.form is Form.TEXT:
                record[name] = value
            else:
                record[name] = as_array(value).reshape(way.shape)
        return on_device


class StepPath(Path):
    """One for each recorder."""

    def __init__(self, inlet: Inlet, devices: DeviceCopies) -> None:
        super().__init__(inlet, devices, source=StepSource, max_kinds=_MAX_KINDS)
        self._known: dict[str, Way] = {}

    def _write_sampled(self, *arguments: Any) -> bool | None:
        sampling = self._inlet.sampling
        if sampling is not None and sampling.is_active:
            # Nobody has told whole numbers of numpy and torch from those of Python yet.
            episode_id, step = map(whole_number, arguments[:2])
            if not sampling.takes(episode_id, step):
                return True
        return self._quick(*arguments)

    def record(
        self, place: tuple[Any, Any, Any], values: tuple[Any, ...], extras: Any, *, finds_room: bool = True
    ) -> None:
        """Record one step, whatever its values are.

        Args:
            place: episode id, step and lane, unchecked.
            values: in the order of ``FIELDS``, unchecked.
            finds_room: False where the compiled writer found none.
        """
        if finds_room and self.writes_other(*place, *values, extras):
            return
        try:
            checked = (whole_number(place[0]), whole_number(place[1]), whole_number(place[2]))
            if not finds_room and self._inlet.waits_in_vain():
                self._inlet.drop((checked,))
                return
            given = dict(self.named(values, extras))
            self.put_or_drop(self._settled(given), _Step(checked, given))
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._inlet.refusals.refuse(error, n_steps=1)

    def _settled(self, given: dict[str, Any]) -> dict[str, Way]:
        """The ways of a step's columns, as wide as those of the steps before; invalid values are left out of both."""
        ways: dict[str, Way] = {}
        for name, value in list(given.items()):
            try:
                if value.__class__ is bytes:
                    raise UsageError("expected numbers or text, found bytes")
                if is_texts(value) and name not in STEP_FIELDS:
                    value, n_changed = encoded(value)
                    given[name] = value
                    self.note_changed_texts(n_changed)
                now = step_way(name, value)
            except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
                del given[name]
                self.refuse_value(f"{name}: {error}")
                continue
            before = self._known.get(name)
            ways[name] = now if before is None else (widened(before, now, value) or now)
        for name, before in self._known.items():
            is_cheap = before.n_bytes <= _MAX_NULLABLE_BYTES and before.form is not Form.DEVICE
            if name not in ways and is_cheap and len(ways) < _MAX_WIDENED:
                ways[name] = before._replace(is_nullable=True)
        kept = fitting(ways, self.max_record_bytes - PLACE_BYTES)
        for name in ways.keys() - kept.keys():
            if given.pop(name, None) is not None:
                self.refuse_value(no_room(name, ways[name]))
        self._known = kept
        return kept
