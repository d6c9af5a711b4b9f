"""The encodings of a run's columns: found by trying on its first steps, handed on from episode to episode.

Trying takes a thousand times as long as encoding a step, and a slow trainer's first chunks hold a few steps only. So what
a first chunk suggests holds until an episode has shown enough steps, and what these suggest holds from then on. Columns
that readers would refuse, and with them the whole file, are named here too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recorder.chunk import ColumnData, spec_of
from recorder.errors import EpisodeFileError
from recorder.framing import MAX_FRAME_BYTES
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, EpisodeSchema, is_text
from recorder.step_stream import Play
from recorder.values.picture_shape import is_stored_as_picture

__all__ = ["KnownSchema", "is_of_schema", "unreadable"]

_SAMPLE_STEPS = 64
"""Steps of one episode that an encoding is chosen on for good."""


class KnownSchema:
    """What the episodes that begin now take over."""

    def __init__(self) -> None:
        self.schema: EpisodeSchema | None = None
        self.is_proven = False
        """Whether the encodings were chosen on enough steps."""
        self._sampled: Play | None = None
        self._sample: list[Mapping[str, ColumnData]] = []
        self._n_steps = 0

    def fits(self, columns: Mapping[str, ColumnData]) -> bool:
        """Whether these are the columns of the schema, no more and no less."""
        schema = self.schema
        return schema is not None and len(columns) == len(schema.columns) and is_of_schema(columns, schema)

    def schema_for(self, columns: Mapping[str, ColumnData]) -> EpisodeSchema:
        """The schema of an episode that begins with these columns."""
        if self.schema is None or not self.fits(columns):
            self.is_proven = False
            self._forget_sample()
            self.schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
        return self.schema

    def learn(self, play: Play, columns: Mapping[str, ColumnData], n_steps: int) -> None:
        """Look at a chunk of an episode; its values stay as they are."""
        if self.is_proven or self._sampled not in (None, play) or not self.fits(columns):
            return
        self._sampled = play
        # Pictures have one encoding, and would hold the memory of a whole chunk.
        self._sample.append({name: data for name, data in columns.items() if not _is_picture(data)})
        self._n_steps += n_steps
        if self._n_steps >= _SAMPLE_STEPS:
            self.schema = EpisodeSchema(tuple(self._proven(name, data) for name, data in columns.items()))
            self.is_proven = True
            self._forget_sample()

    def end(self, play: Play) -> None:
        """An episode that was too short to learn from has ended: the next one is looked at."""
        if self._sampled == play:
            self._forget_sample()

    def _proven(self, name: str, data: ColumnData) -> ColumnSpec:
        values = data.values if _is_picture(data) else np.concatenate([part[name].values for part in self._sample])
        return spec_of(name, values)

    def _forget_sample(self) -> None:
        self._sampled, self._sample, self._n_steps = None, [], 0


def _is_picture(data: ColumnData) -> bool:
    return is_stored_as_picture(data.values.dtype.str, data.values.shape[1:])


def is_of_schema(columns: Mapping[str, ColumnData], schema: EpisodeSchema) -> bool:
    """Whether every column of the schema is there, and is of its dtype and shape."""
    for spec in schema.columns:
        data = columns.get(spec.name)
        if data is None or not spec.holds(data.values):
            return False
    return True


_MAX_CHUNK_COLUMNS = MAX_COLUMNS // 2
"""The other half is room for columns that later chunks add."""

_MAX_STEP_BYTES = MAX_FRAME_BYTES // 2
"""A step that is larger, all columns together, would make a frame that readers refuse."""


def unreadable(columns: Mapping[str, ColumnData]) -> list[tuple[str, str]]:
    """Names of the columns that a chunk must not have (a name too long, a value too large, one column too many), and why."""
    found = []
    step_bytes = n_columns = 0
    for name, data in columns.items():
        values = data.values
        encoding = Encoding.BITS if values.dtype == np.bool_ else Encoding.PLAIN
        kind = [name, values.dtype.str, list(values.shape[1:]), str(encoding)]
        try:
            spec = ColumnSpec.from_list(ColumnSpec.of_texts(name).to_list() if is_text(values) else kind)
        except EpisodeFileError as error:
            found.append((name, str(error)))
            continue
        n_columns += 1
        value_bytes = values.dtype.itemsize if spec.is_text else spec.step_bytes
        step_bytes += value_bytes
        if n_columns > _MAX_CHUNK_COLUMNS or step_bytes > _MAX_STEP_BYTES:
            problem = f"{name}: more than {_MAX_CHUNK_COLUMNS} columns, or {_MAX_STEP_BYTES} bytes, in one step"
            found.append((name, problem))
            step_bytes -= value_bytes
    return found
