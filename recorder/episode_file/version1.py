"""Version 1 of the episode file: one LZ4 frame of one msgpack map, a map a step. ``FORMAT.md`` is the specification.

Read for ever; written on request. Widths of dtypes are not kept: lists hold Python's numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import msgpack
import numpy as np

from recorder.chunk import MAX_CHUNK_STEPS, ColumnData, compress_frame
from recorder.episode import EpisodeMetadata, RecordedStep
from recorder.episode_file.version2 import ChunkRef
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import EXTRAS_PREFIX, STEP_COLUMNS, ColumnSpec, Encoding, EpisodeSchema

__all__ = ["Span", "Version1File", "build_version1"]

VERSION = 1
MAX_CONTENT_BYTES = 256 * 2**20
MAX_CONTAINERS = 4_000_000

_STEP_FIELDS = tuple(field.name for field in fields(RecordedStep))


def build_version1(
    *, metadata: EpisodeMetadata, reasons: Sequence[str], steps: Iterable[RecordedStep], compression: str = "lz4"
) -> tuple[bytes, int]:
    """The file's bytes, and its size unpacked."""
    content = msgpack.packb(
        {
            "version": VERSION,
            "metadata": {**metadata.to_map(), "reasons": list(reasons)},
            "steps": [_step_map(step) for step in steps],
            "affordances": {name: list(cell) for name, cell in metadata.affordance_layout.items()},
        }
    )
    return (compress_frame(content) if compression == "lz4" else content), len(content)


def _step_map(step: RecordedStep) -> dict[str, Any]:
    values = {name: getattr(step, name) for name in _STEP_FIELDS}
    values["extras"] = {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in step.extras.items()
    }
    return {name: value for name, value in values.items() if value is not None and value != {}}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of consecutive steps of columns that are already whole; reads like a chunk."""

    first_step: int
    n_steps: int
    columns: Mapping[str, ColumnData]
    start: int
    """Index of the first step among all steps of the file."""

    @property
    def names(self) -> Collection[str]:
        """Names of the columns."""
        return self.columns.keys()

    def column(self, name: str) -> ColumnData | None:
        """The values of a column, or None when there are none."""
        whole = self.columns.get(name)
        if whole is None:
            return None
        stop = self.start + self.n_steps
        if whole.present is None:
            return ColumnData(whole.values[self.start : stop])
        n_before = int(whole.present[: self.start].sum())
        here = whole.present[self.start : stop]
        return ColumnData(whole.values[n_before : n_before + int(here.sum())], here)


class Version1File:
    """A version 1 map in the outline of a version 2 file.

    Raises:
        EpisodeFileCorruptError: its steps are not what FORMAT.md says.
    """

    footer: Mapping[str, Any] | None = {}

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = header
        numbers, self._columns = _columns_of(header.get("steps"))
        self.schema = EpisodeSchema(
            tuple(
                ColumnSpec(name, data.values.dtype.str, data.values.shape[1:], _encoding_of(data))
                for name, data in self._columns.items()
            )
        )
        cuts = [0, *(i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1), len(numbers)]
        self._spans = [
            Span(numbers[start], min(MAX_CHUNK_STEPS, stop - start), self._columns, start)
            for first, stop in pairwise(cuts)
            for start in range(first, stop, MAX_CHUNK_STEPS)
        ]
        self.chunks = tuple(ChunkRef(span.first_step, span.n_steps, 0, 0) for span in self._spans)

    def chunk(self, index: int) -> Span:
        """One stretch of steps."""
        return self._spans[index]


def _encoding_of(data: ColumnData) -> Encoding:
    return Encoding.BITS if data.values.dtype == np.bool_ else Encoding.PLAIN


def _columns_of(steps: object) -> tuple[list[int], dict[str, ColumnData]]:
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise EpisodeFileCorruptError("version 1: 'steps' is not a list of maps")
    numbers = [step.get("step", index) for index, step in enumerate(steps)]
    if not all(type(n) is int and n >= 0 for n in numbers) or any(b <= a for a, b in pairwise(numbers)):
        raise EpisodeFileCorruptError("version 1: 'step' does not ascend")
    values: dict[str, list[Any]] = {}
    present: dict[str, list[bool]] = {}
    for index, step in enumerate(steps):
        for name, value in _fields_of(step).items():
            if name not in values:
                values[name], present[name] = [], [False] * len(steps)
            values[name].append(value)
            present[name][index] = True
    return numbers, {name: _column(name, values[name], present[name]) for name in values}


def _fields_of(step: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: step[name] for name in STEP_COLUMNS if step.get(name) is not None}
    extras = step.get("extras") or {}
    if not isinstance(extras, dict):
        raise EpisodeFileCorruptError("version 1: 'extras' is not a map")
    found.update({f"{EXTRAS_PREFIX}{name}": value for name, value in extras.items() if value is not None})
    return found


def _column(name: str, values: list[Any], present: list[bool]) -> ColumnData:
    try:
        array = np.array(values)
    except (ValueError, OverflowError) as error:
        raise EpisodeFileCorruptError(f"version 1: {name!r} changes its shape or is not a number: {error}") from error
    if array.dtype.kind not in "biuf":
        raise EpisodeFileCorruptError(f"version 1: {name!r} holds {array.dtype}, not numbers")
    return ColumnData(array, None if all(present) else np.array(present))
