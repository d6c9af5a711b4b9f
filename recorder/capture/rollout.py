"""``record_rollout``: what a trainer of many lanes collects between two updates, with its episodes counted here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.episode_ids import EpisodeIds
from recorder.capture.reading.texts import is_texts
from recorder.capture.reading.values import as_array, is_cuda, whole_numbers
from recorder.capture.writing.block_path import BlockPath, Places, one_row_or_more
from recorder.capture.writing.source import FIELDS
from recorder.errors import UsageError
from recorder.schema import NO_STEP
from recorder.values.arrays import index_of_places

__all__ = ["RolloutEpisodes"]


_MAX_RECORD_BYTES = 4 * 2**20
"""A rollout is written in pieces of about this size, so that the sender can begin."""

_DONE, _TERMINATED, _TRUNCATED = (FIELDS.index(name) for name in ("done", "terminated", "truncated"))


class RolloutEpisodes:
    """Which episode each lane of the rollouts plays, and at which step it is.

    Args:
        ids: gives new episodes theirs.
    """

    def __init__(self, ids: EpisodeIds) -> None:
        self._ids = ids
        self._open: dict[int, tuple[int, int]] = {}
        """By lane: the open episode, and the number of its next step."""

    def record(
        self, blocks: BlockPath, values: tuple[Any, ...], extras: Any, terminated: Any, truncated: Any, lanes: Any
    ) -> tuple[NDArray[np.int64], list[int]]:
        """Write a rollout; gives the episode of each step, and those that end in it.

        Args:
            values: in the order of ``FIELDS``, unchecked; each ``[n_steps, n_lanes, …]``.

        Raises:
            UsageError: nobody can tell where its episodes end.
        """
        ends = rollout_ends(terminated, truncated)
        shape = ends.shape
        own_lanes, chosen = rollout_lanes(lanes, shape[1])
        own = list(values)
        if chosen is not None:
            ends = ends[:, chosen]
        if not ends.size:
            return np.empty(ends.shape, np.int64), []
        places, ended = self.places(ends, own_lanes)
        own[_TERMINATED] = terminated
        own[_TRUNCATED] = truncated
        given = {}
        for name, value in blocks.named(tuple(own), extras, places.n_steps):
            try:
                given[name] = _chosen(value, shape, chosen)
            except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
                blocks.refuse_value(f"{name}: {error}", n_values=places.n_steps)
        given["done"] = ends
        n_rows = len(ends)
        n_row_bytes = max(1, sum(_n_bytes(value) for value in given.values()) // max(1, n_rows))
        most_rows = max(1, min(blocks.max_record_bytes // 2, _MAX_RECORD_BYTES) // n_row_bytes)
        for rows in pieces(n_rows, most_rows):
            piece = Places(
                places.episode_id[rows],
                places.step[rows],
                None if chosen is None or places.lane is None else places.lane[rows],
            )
            blocks.put(piece, {name: one_row_or_more(value[rows]) for name, value in given.items()})
        return places.episode_id, ended

    def places(self, ends: NDArray[np.bool_], lanes: NDArray[np.int64]) -> tuple[Places, list[int]]:
        """Number the steps of a rollout, as a loop of single calls that counts its episodes would.

        Args:
            ends: ``bool[n_steps, n_lanes]``: the episode of the lane ends with this step.
            lanes: ``int64[n_lanes]``.

        Returns:
            The places, and the episodes that end, in the order in which they do.
        """
        n_steps, n_lanes = ends.shape
        open_episodes = [self._open.get(lane, (NO_STEP, 0)) for lane in lanes.tolist()]
        first_ids, first_numbers = np.array(open_episodes, np.int64).reshape(n_lanes, 2).T
        begins = np.empty(ends.shape, np.bool_)
        begins[0] = first_ids == NO_STEP
        begins[1:] = ends[:-1]
        # New episodes are numbered row by row, as the loop would come to them.
        n_new = int(np.count_nonzero(begins))
        fresh = np.empty(ends.shape, np.int64)
        fresh[begins] = self._ids.take(n_new) + np.arange(n_new)
        # The row in which the episode of each step began; -1 before the rollout.
        rows = np.arange(n_steps)[:, None]
        began = np.maximum.accumulate(np.where(begins, rows, -1), axis=0)
        is_new = began >= 0
        ids = np.where(is_new, np.take_along_axis(fresh, np.maximum(began, 0), axis=0), first_ids)
        numbers = np.where(is_new, rows - began, rows + first_numbers)
        for place, lane in enumerate(lanes.tolist()):
            if ends[-1, place]:
                self._open.pop(lane, None)
            else:
                self._open[lane] = (int(ids[-1, place]), int(numbers[-1, place]) + 1)
        ended: list[int] = ids[ends].tolist()
        return Places(ids, numbers, np.broadcast_to(lanes, ends.shape)), ended


def rollout_ends(terminated: Any, truncated: Any) -> NDArray[np.bool_]:
    """``bool[n_steps, n_lanes]``: where an episode ends.

    Raises:
        UsageError: they don't say that, or they are on a device.
    """
    flags = []
    for name, value in (("terminated", terminated), ("truncated", truncated)):
        if value is None:
            continue
        if is_cuda(value):
            raise UsageError(f"{name}: needed on the host at once: pass a numpy array or a CPU tensor")
        array = as_array(value)
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        if array.ndim != 2:
            raise UsageError(f"{name}: expected [n_steps, n_lanes], found shape {array.shape}")
        flags.append(array != 0)
    if not flags:
        raise UsageError("a rollout needs terminated, truncated, or both: they say where episodes end")
    if len({flag.shape for flag in flags}) > 1:
        raise UsageError(f"terminated and truncated differ in shape: {[flag.shape for flag in flags]}")
    ends: NDArray[np.bool_] = np.logical_or.reduce(flags)
    return ends


def rollout_lanes(lanes: Any, n_lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """The lanes that are recorded, and their places on the arrays' second axis; None for all of them.

    Raises:
        UsageError: they are not among the lanes.
    """
    if lanes is None:
        return np.arange(n_lanes), None
    chosen = whole_numbers("lanes", lanes)
    if len(chosen) and not (chosen.min() >= 0 and chosen.max() < n_lanes):
        raise UsageError(f"lanes: expected numbers from 0 to {n_lanes - 1}, found {chosen.min()} to {chosen.max()}")
    if len(np.unique(chosen)) < len(chosen):
        raise UsageError(f"lanes: one is named twice: {chosen.tolist()!r:.60}")
    return chosen, chosen


def rollout_count(values: tuple[Any, ...], lanes: Any) -> int:
    """How many steps a rollout was to hold, whatever is wrong with it; 0 when nobody can tell.

    Args:
        values: in the order of ``FIELDS``.
    """
    for value in (values[_TERMINATED], values[_TRUNCATED], *values):
        try:
            n_steps, n_lanes = (value if is_cuda(value) else as_array(value)).shape[:2]
        except Exception:  # noqa: BLE001 - they are no numbers, or there are too few axes
            continue
        try:
            return int(n_steps * len(rollout_lanes(lanes, n_lanes)[0]))
        except Exception:  # noqa: BLE001 - the lanes are what is wrong
            return int(n_steps * n_lanes)
    return 0


def _chosen(value: Any, shape: tuple[int, ...], places: NDArray[np.int64] | None) -> Any:
    """The lanes that are recorded; something that can be cut along its first axis.

    Args:
        shape: number of steps and of lanes.

    Raises:
        UsageError: it can't be recorded.
    """
    is_text = is_texts(value)
    array = value if is_cuda(value) else np.asarray(value, np.object_) if is_text else as_array(value)
    if tuple(array.shape[:2]) != shape:
        raise UsageError(
            f"expected axes of {shape[0]} steps and {shape[1]} lanes first, found shape {tuple(array.shape)}"
        )
    return array if places is None else array[:, index_of_places(places.tolist())]


def _n_bytes(array: Any) -> int:
    return int(array.nbytes)


def pieces(n_rows: int, most_rows: int) -> Iterator[slice]:
    """Stretches of a rollout that find room in one record."""
    for start in range(0, n_rows, most_rows):
        yield slice(start, min(n_rows, start + most_rows))
