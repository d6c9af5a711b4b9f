"""``record_batch`` and ``record_rollout``: arrays with a leading axis of lanes, or of steps and lanes, into block records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import Layout
from recorder.capture.reading.device import DeviceCopies
from recorder.capture.reading.texts import is_texts, texts_of_lanes
from recorder.capture.reading.values import as_array, is_cuda, whole_numbers
from recorder.capture.writing.block_writer import BlockSource
from recorder.capture.writing.inlet import Inlet
from recorder.capture.writing.path import PLACE_BYTES, Path
from recorder.capture.writing.ways import Form, Way, block_way, fitting, no_room
from recorder.errors import UsageError
from recorder.schema import NO_STEP, STEP_FIELDS

__all__ = ["BlockPath", "Places", "block_count", "one_row_or_more"]

_MAX_KINDS = 64
"""Layouts whose writers are kept."""


class Places(NamedTuple):
    """Where the steps of a block belong: ``int64[n_rows, n_lanes]`` each; ``lane`` is None for 0 … n_lanes - 1."""

    episode_id: NDArray[np.int64]
    step: NDArray[np.int64]
    lane: NDArray[np.int64] | None

    @property
    def n_steps(self) -> int:
        """Places that have a step."""
        return int(np.count_nonzero(self.episode_id != NO_STEP))

    def each(self) -> Iterator[tuple[int, int, int]]:
        """Episode id, step number and lane of each step."""
        lanes = np.arange(self.episode_id.shape[1]) if self.lane is None else self.lane
        lanes = np.broadcast_to(lanes, self.episode_id.shape)
        flat = (self.episode_id.ravel().tolist(), self.step.ravel().tolist(), lanes.ravel().tolist())
        for place in zip(*flat, strict=True):
            if place[0] != NO_STEP:
                yield place


class _Block(NamedTuple):
    """Steps of all lanes.

    Args:
        values: by column, ``[n_rows, n_lanes, …]``, or ``[n_lanes, …]`` where there is one row.
    """

    places: Places
    values: Mapping[str, Any]

    @property
    def n_steps(self) -> int:
        return self.places.n_steps

    def each(self) -> Iterator[tuple[int, int, int]]:
        return self.places.each()

    def layout(self, ways: Mapping[str, Way]) -> Layout:
        fields = [way.field(name) for name, way in ways.items()]
        return Layout(fields, lead=self.places.episode_id.shape, has_lanes=self.places.lane is not None)

    def fill(self, record: np.ndarray[Any, Any], ways: Mapping[str, Way]) -> dict[str, Any]:
        places, lead = self.places, self.places.episode_id.shape
        record["episode_id"], record["step"] = places.episode_id, places.step
        if places.lane is not None:
            record["lane"] = places.lane
        on_device = {}
        for name, way in ways.items():
            if way.form is Form.DEVICE:
                on_device[name] = self.values[name]
            else:
                record[name] = _on_host(self.values[name]).reshape(*lead, *way.shape)
        return on_device


class BlockPath(Path):
    """One for each recorder."""

    def __init__(self, inlet: Inlet, devices: DeviceCopies) -> None:
        super().__init__(inlet, devices, source=BlockSource, max_kinds=_MAX_KINDS)

    def _write_sampled(self, *arguments: Any) -> bool | None:
        sampling = self._inlet.sampling
        return False if sampling is not None and sampling.is_active else self._quick(*arguments)

    def record(
        self, episode_ids: Any, steps: Any, lanes: Any, values: tuple[Any, ...], extras: Any, *, finds_room: bool = True
    ) -> None:
        """Record one step of every lane, whatever its values are.

        Args:
            values: in the order of ``FIELDS``, unchecked; each with a leading axis of lanes.
            finds_room: False where the compiled writer found none.
        """
        if finds_room and self.writes_other(episode_ids, steps, lanes, *values, extras):
            return
        n_steps = None
        try:
            places = _checked_places(episode_ids, steps, lanes)
            n_steps = places.n_steps
            if n_steps and not finds_room and self._inlet.waits_in_vain():
                self._inlet.drop(places.each())
            elif n_steps:
                self.put(places, dict(self.named(values, extras, n_steps)))
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._inlet.refusals.refuse(error, n_steps=block_count(episode_ids) if n_steps is None else n_steps)

    def put(self, places: Places, given: Mapping[str, Any]) -> None:
        """Write a block, or drop it where there is no room.

        Args:
            given: by column, ``[n_rows, n_lanes, …]``, or ``[n_lanes, …]`` where there is one row.
        """
        sampling = self._inlet.sampling
        if sampling is not None and sampling.is_active:
            places = places._replace(episode_id=sampling.taken(places.episode_id, places.step))
        ways, values, lead = {}, {}, places.episode_id.shape
        for name, value in given.items():
            try:
                if is_texts(value) and name not in STEP_FIELDS:
                    value, n_changed = texts_of_lanes(value, lead if lead[0] > 1 else lead[1:])
                    self.note_changed_texts(n_changed)
                ways[name], values[name] = block_way(name, value, lead), value
            except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
                self.refuse_value(f"{name}: {error}", n_values=places.n_steps)
        kept = fitting(ways, self.max_record_bytes - PLACE_BYTES)
        for name in ways.keys() - kept.keys():
            self.refuse_value(no_room(name, ways[name]), n_values=places.n_steps)
        n_bytes = math.prod(lead) * (PLACE_BYTES // 32 + sum(way.n_bytes for way in kept.values()))
        if n_bytes <= self.max_record_bytes - PLACE_BYTES or math.prod(lead) == 1:
            try:
                self.put_or_drop(kept, _Block(places, values))
            except Exception as error:  # noqa: BLE001 - the other parts of the call are recorded, and counted, by themselves
                self._inlet.refusals.refuse(error, n_steps=places.n_steps)
            return
        for part, its_values in _halves(places, kept, values):
            self.put(part, its_values)


def _halves(
    places: Places, ways: Mapping[str, Way], given: Mapping[str, Any]
) -> Iterator[tuple[Places, dict[str, Any]]]:
    """A block that is too large for one record: half of its rows, or of its lanes, and the other half."""
    n_rows, n_lanes = places.episode_id.shape
    lanes = np.broadcast_to(np.arange(n_lanes) if places.lane is None else places.lane, (n_rows, n_lanes))
    half = n_rows // 2 if n_rows > 1 else n_lanes // 2
    for part in (slice(None, half), slice(half, None)):
        index: Any = part if n_rows > 1 else (slice(None), part)
        own = Places(places.episode_id[index], places.step[index], lanes[index])
        values = {name: given[name] if is_cuda(given[name]) else _on_host(given[name]) for name in ways}
        parts = {name: value[part] for name, value in values.items()}
        yield own, {name: one_row_or_more(value) for name, value in parts.items()} if n_rows > 1 else parts


def _on_host(value: Any) -> NDArray[Any]:
    is_text = value.__class__ is np.ndarray and value.dtype.kind == "S"
    return value if is_text else as_array(value)


def one_row_or_more(value: Any) -> Any:
    """Rows of lanes as ``BlockPath.put`` takes them: a single one comes without its axis."""
    return value[0] if value.shape[0] == 1 else value


def _checked_places(episode_ids: Any, steps: Any, lanes: Any) -> Places:
    """Where the steps of a call belong.

    Raises:
        UsageError: these are not whole numbers, one a lane; without them nothing can be recorded.
    """
    ids, numbers = whole_numbers("episode_ids", episode_ids), whole_numbers("steps", steps)
    own = None if lanes is None else whole_numbers("lanes", lanes)
    if len(ids) != len(numbers) or (own is not None and len(own) != len(ids)):
        found = {"episode_ids": len(ids), "steps": len(numbers), "lanes": len(ids if own is None else own)}
        raise UsageError(f"expected one number a lane in each, found {found}")
    return Places(ids[None], numbers[None], None if own is None else own[None])


def block_count(episode_ids: Any) -> int:
    """How many steps a call was to hold; where nobody can tell which lanes have none, all do."""
    try:
        return int(np.count_nonzero(as_array(episode_ids) != NO_STEP))
    except Exception:  # noqa: BLE001 - they are no numbers, or on a device
        try:
            return len(episode_ids)
        except Exception:  # noqa: BLE001 - whatever an object raises when it is asked
            return 0
