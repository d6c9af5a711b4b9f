"""The columns that an outline needs, of a recording or a chunk, and the indexes of their steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import Chunk
from recorder.episode import Gap
from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError, UnknownColumnError

__all__ = ["Floats", "Rows", "StepColumns", "Stretches", "filled", "unusual_numbers"]

Floats = NDArray[np.float64]

Rows = Callable[[str], Floats | None]
_Read = Callable[[str], NDArray[np.generic] | None]


@dataclass(frozen=True, slots=True)
class StepColumns:
    """Consecutive recorded steps as numbers; None for an absent column, NaN for a missing value.

    Args:
        step_numbers: ``int64[n]``, with jumps where steps were lost.
        reward, intrinsic_reward: ``float64[n]``; a missing or infinite value counts as 0.
        position: ``float64[n, n_dims]``.
        meters: ``float64[n, n_meters]``.
        action, interaction_progress: ``float64[n]``; action is None for vectors.
        q_values, action_masks: ``float64[n, n_actions]``.
    """

    step_numbers: NDArray[np.int64]
    reward: Floats
    intrinsic_reward: Floats
    position: Floats | None = None
    meters: Floats | None = None
    action: Floats | None = None
    q_values: Floats | None = None
    action_masks: Floats | None = None
    interaction_progress: Floats | None = None

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.step_numbers)

    def between(self, start: int, stop: int) -> StepColumns:
        """The steps ``start <= index < stop``, as views."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: part[start:stop] for name, part in known.items() if part is not None})

    @classmethod
    def of_episode(cls, episode: Episode, read: _Read | None = None) -> StepColumns:
        """All steps of a recording, without columns that change their shape.

        Args:
            read: returns a column's values, or None to leave it out; by default ``episode.column``.

        Raises:
            EpisodeFileError: the file is damaged.
        """

        def rows(name: str) -> Floats | None:
            try:
                values = episode.column(name) if read is None else read(name)
                return None if values is None else filled(values, episode.present(name))
            except (UnknownColumnError, ShapeChangedError):
                return None

        return cls.of(rows, episode.step_numbers)

    @classmethod
    def of_chunk(cls, chunk: Chunk) -> StepColumns:
        """The steps of a chunk.

        Raises:
            EpisodeFileError: the chunk is damaged.
        """

        def rows(name: str) -> Floats | None:
            data = chunk.column(name)
            if data is None:
                return None
            if data.present is None:
                return filled(data.values, None)
            values = np.zeros((chunk.n_steps, *data.values.shape[1:]), data.values.dtype)
            values[data.present] = data.values
            return filled(values, data.present)

        return cls.of(rows, np.arange(chunk.first_step, chunk.first_step + chunk.n_steps))

    @classmethod
    def of(cls, rows: Rows, step_numbers: NDArray[np.int64]) -> StepColumns:
        """The steps with these numbers; ``rows`` returns ``float64[n, width]`` of a column, None if there is none."""

        def scalars(name: str) -> Floats | None:
            found = rows(name)
            return None if found is None or found.shape[1] != 1 else found[:, 0]

        def summed(name: str) -> Floats:
            found = scalars(name)
            return np.zeros(len(step_numbers)) if found is None else np.where(np.isfinite(found), found, 0.0)

        return cls(
            step_numbers=step_numbers,
            reward=summed("reward"),
            intrinsic_reward=summed("intrinsic_reward"),
            position=rows("position"),
            meters=rows("meters"),
            action=scalars("action"),
            q_values=rows("q_values"),
            action_masks=rows("action_masks"),
            interaction_progress=scalars("interaction_progress"),
        )


def filled(values: NDArray[np.generic], present: NDArray[np.bool_] | None) -> Floats:
    """``float64[n, width]``, NaN where no value is present."""
    rows = values.reshape(len(values), int(np.prod(values.shape[1:]))).astype(np.float64)
    if present is not None and not present.all():
        rows[~present] = np.nan
    return rows


def unusual_numbers() -> np.errstate:
    """Suppress numpy's warnings about such numbers; a context manager and a decorator."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


class Stretches:
    """Runs of steps without a gap."""

    def __init__(self) -> None:
        self._first_steps: list[int] = []
        self._first_indexes: list[int] = []
        self._next_step = 0
        self._n_steps = 0

    def add(self, step_numbers: NDArray[np.int64], first_index: int) -> None:
        """Add ``int64[n]`` of the next steps, ``n > 0``, in order."""
        jumps = np.flatnonzero(np.diff(step_numbers, prepend=self._next_step - 1) != 1)
        if not self._first_steps and (not len(jumps) or jumps[0] != 0):
            jumps = np.concatenate([[0], jumps])
        self._first_steps += step_numbers[jumps].tolist()
        self._first_indexes += (first_index + jumps).tolist()
        self._next_step = int(step_numbers[-1]) + 1
        self._n_steps = first_index + len(step_numbers)

    def index_of(self, step: int) -> int:
        """Index of the step with this number, or of the next recorded one; ``n_steps`` if none follows."""
        place = bisect_right(self._first_steps, step) - 1
        if place < 0:
            return 0
        following = [*self._first_indexes[place + 1 : place + 2], self._n_steps][0]
        return min(self._first_indexes[place] + step - self._first_steps[place], following)

    def gaps(self, reason: str) -> list[Gap]:
        """The steps missing before and between the recorded ones."""
        stops = [*self._first_indexes[1:], self._n_steps]
        rows = zip(self._first_steps, self._first_indexes, stops, strict=False)
        ends = [0, *(first + stop - start for first, start, stop in rows)]
        return [Gap(end, first, reason) for end, first in zip(ends, self._first_steps, strict=False) if end < first]
