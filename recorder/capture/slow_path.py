"""The ways into the hand-over queue that are not the quick one of ``record_step``: values of a new kind or on a device,
whole batches, a full queue, and what can't be recorded at all. Runs on the trainer's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from recorder.capture.batch import BatchWriter, DeviceBatchRow, batch_places, batch_values
from recorder.capture.batch_block import NO_STEP
from recorder.capture.copying import Layout, as_array
from recorder.capture.given_metadata import whole_number
from recorder.capture.handover import BatchRow, HandOver
from recorder.capture.losses import TrainerLosses
from recorder.capture.row_columns import Row
from recorder.capture.rows import DeviceRow, DeviceRows, Layouts, own_values, row_of
from recorder.errors import RecorderError, UsageError
from recorder.throttled_log import ThrottledLog

__all__ = ["CarefulPath"]

_log = logging.getLogger(__name__)

_QUEUE_FULL = (
    "the hand-over queue is full: %d steps dropped so far (marked as gaps); raise queue_maxsize or use on_full='block'"
)


class CarefulPath:
    """Hands over what it can, and counts the rest; raises nothing unless it is strict.

    Args:
        handover: the queue.
        away: counts what does not get there.
        is_emptied: whether the background thread still takes from the queue.
        blocks: wait while the queue is full, instead of dropping.
        strict: raise what is otherwise counted.
        run_id: stands in the log.
    """

    def __init__(
        self,
        handover: HandOver,
        away: TrainerLosses,
        *,
        is_emptied: Callable[[], bool],
        blocks: bool,
        strict: bool,
        run_id: str,
    ) -> None:
        self._handover = handover
        self._away = away
        self._is_emptied = is_emptied
        self._blocks = blocks
        self._strict = strict
        self._layouts = Layouts()
        self._device_rows = DeviceRows()
        self._batch = BatchWriter(self._device_rows)
        self._log = ThrottledLog(_log, run_id)

    def step(self, place: tuple[Any, Any, Any], values: Mapping[str, Any], layout: Layout) -> Layout:
        """Record one step; gives the layout that fits the next one best.

        Args:
            place: episode id, step, lane, unchecked.
            values: by field, unchecked.
            layout: of the step before.
        """
        try:
            checked = (whole_number(place[0]), whole_number(place[1]), whole_number(place[2]))
            owned = own_values(values)
            self._refuse_values(owned.problems, n_lanes=1)
            layout = self._layouts.of(owned.kinds, layout)
            if owned.on_device:
                row: Row | DeviceRow | None
                while (row := self._device_rows.row(checked, owned, self._layouts)) is None and self._waits():
                    pass
            else:
                row = row_of(checked, owned.host, layout)
            if row is None:
                self._drop([checked])
            elif not self._handover.put_row(row):
                self.queue_full(row, *checked)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self.refuse(error, n_steps=1)
        return layout

    def batch(self, episode_ids: Any, steps: Any, lanes: Any, values: Mapping[str, Any]) -> None:
        """Record one step of every lane.

        Args:
            values: by field, the extras as a map under ``extras``; unchecked.
        """
        n_lanes, n_steps = _length(episode_ids), None
        try:
            places = batch_places(episode_ids, steps, lanes)
            n_steps = places.n_steps
            has_room = n_steps and (self._handover.has_room(n_steps) or self._waits_for(n_steps))
            item: BatchRow | DeviceBatchRow | None = self._batch.write_alike(places, values) if has_room else None
            if item is None:
                found = batch_values(values, n_lanes)
                self._refuse_values(found.problems, n_lanes=n_lanes)
                while has_room and (item := self._batch.write(places, found)) is None and self._waits():
                    pass
            if item is not None:
                self._handover.put_batch(item, n_steps)
            elif n_steps:
                self._drop(places.each_step())
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self.refuse(error, n_steps=_n_steps(episode_ids) if n_steps is None else n_steps)

    def queue_full(self, row: Any, episode_id: int, step: int, lane: int) -> None:
        """A row found no room: wait, or drop it."""
        while self._waits_for(1):
            if self._handover.put_row(row):
                return
        self._drop([(episode_id, step, lane)])

    def refuse_batch(self, error: Exception, episode_ids: Any) -> None:
        """The same for one step of every lane."""
        self.refuse(error, n_steps=_n_steps(episode_ids))

    def refuse(self, error: Exception, *, n_steps: int = 0) -> None:
        """Count and log a call that failed; raise it when strict."""
        if self._strict:
            raise error
        self._away.refuse(error, n_steps=n_steps)
        cause = None if isinstance(error, RecorderError) else error
        self._log.error("a call failed (%d so far), training goes on: %s", self._away.n_errors, error, cause=cause)

    def _refuse_values(self, problems: list[str], *, n_lanes: int) -> None:
        for problem in problems:
            error = UsageError(f"{problem}: left out")
            if self._strict:
                raise error
            self._away.refuse(error, n_values=n_lanes)
            self._log.error("a value can't be recorded (%d so far): %s", self._away.n_errors, error)

    def _waits_for(self, n_steps: int) -> bool:
        return self._blocks and self._handover.wait_for_room(n_steps, self._is_emptied)

    def _waits(self) -> bool:
        return self._blocks and self._handover.pause(self._is_emptied)

    def _drop(self, places: Iterable[tuple[int, int, int]]) -> None:
        self._away.drop(places)
        self._log.error(_QUEUE_FULL, self._away.n_dropped_steps)


def _length(values: Any) -> int:
    """How many lanes a batch has; 0 when nobody can tell."""
    try:
        return len(values)
    except Exception:  # noqa: BLE001 - whatever an object of the trainer's raises when it is asked
        return 0


def _n_steps(episode_ids: Any) -> int:
    """How many steps a batch was to hold: where nobody can tell which lanes have none, all do."""
    try:
        return int((as_array(episode_ids) != NO_STEP).sum())
    except Exception:  # noqa: BLE001 - they are no numbers, or lie on a device
        return _length(episode_ids)
