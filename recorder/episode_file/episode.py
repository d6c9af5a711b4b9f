"""A recorded episode of any file version, decoded on demand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import Chunk, ColumnData, Placement, join_columns
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, read_layout
from recorder.episode_file import version1
from recorder.episode_file.chunk_cache import ChunkCache
from recorder.episode_file.footer import ChunkRef, end_step_of, unlisted_gaps
from recorder.episode_file.steps import step_of
from recorder.episode_file.version1 import Version1File
from recorder.episode_file.version2 import Version2File
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileTooLargeError,
    ShapeChangedError,
    UnknownColumnError,
    UsageError,
)
from recorder.recorded_step import RecordedStep
from recorder.schema import MAX_COLUMNS, EpisodeSchema

__all__ = ["Episode"]

MAX_NAMES = 4 * MAX_COLUMNS
"""Most columns of an episode, including those added by chunks."""


class Episode:
    """A recorded episode, made by ``open_episode``. Columns and steps are decoded on demand; columns and recent chunks
    are cached.

    ``index`` counts the steps in the recording from 0; a step's *number* is its position in the played episode. They
    differ only after lost steps.

    Attributes:
        max_column_bytes: limit for one whole column; set it lower to save memory.
    """

    def __init__(self, file: Version1File | Version2File) -> None:
        self._file = file
        self._kept = ChunkCache(file.chunk)
        self.max_column_bytes: Mapping[str, int] = {}
        self._columns: dict[str, ColumnData] = {}
        self._starts = list(accumulate((ref.n_steps for ref in file.chunks), initial=0))
        header = file.header
        try:
            source = header["metadata"]
            if self.version == version1.VERSION:  # version 1 has the reasons in the metadata
                self.reasons = _read_reasons(source.get("reasons", ()))
                metadata = version1.read_metadata(source)
            else:
                self.reasons = _read_reasons(header.get("reasons", ()))
                metadata = EpisodeMetadata.from_map(source)
            layout = header.get("affordances")
            same = not layout or layout == source.get("affordance_layout")
            self.affordances = dict(metadata.affordance_layout) if same else read_layout(layout)
        except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
            raise EpisodeFileCorruptError(f"header: invalid metadata, reasons or affordances: {error}") from error
        metadata.gaps = (*metadata.gaps, *unlisted_gaps(metadata.gaps, file.chunks))
        if not file.is_whole:
            metadata.gaps = (*metadata.gaps, Gap(end_step_of(file.chunks), None, "torn file"))
            metadata.status = EpisodeStatus.SALVAGED
        self.metadata = metadata

    def show(self, t: int | None = None, *, height: int = 640, url: str = "http://127.0.0.1:8766") -> Any:
        """Show the episode in a notebook, in a player that needs no server.

        A player of more than 2 MB would make the notebook slow: a poster and a link to a replay server take its place.

        Args:
            t: number of the step to show first.
            height: of the player in pixels.
            url: address of the replay server.
        """
        from recorder.html_file.notebook import NotebookView  # lazy: only notebooks need the page

        return NotebookView(self, first_step=t, height=height, url=url)

    def _repr_html_(self) -> str:
        """What a notebook displays."""
        return str(self.show()._repr_html_())

    @property
    def version(self) -> int:
        """Version of the file."""
        return int(self._file.header["version"])

    @property
    def schema(self) -> EpisodeSchema:
        """Columns declared in the header."""
        return self._file.schema

    @property
    def chunks(self) -> tuple[ChunkRef, ...]:
        """Position of each chunk. In a version 1 file they are made by the reader and have no bytes."""
        return self._file.chunks

    @property
    def compression(self) -> str:
        """``lz4`` or ``none``."""
        return self._file.compression

    @property
    def is_whole(self) -> bool:
        """False if the footer is missing: the writer was interrupted, and the last steps may be missing."""
        return self._file.is_whole

    @property
    def torn_at(self) -> int | None:
        """Number of the first missing step of a torn file; None for a whole one."""
        return None if self.is_whole else end_step_of(self.chunks)

    @property
    def content_hash(self) -> str:
        """BLAKE2b of header and chunks, from the footer; empty without a footer, and in version 1."""
        return self._file.content_hash

    @property
    def unpacked_bytes(self) -> int:
        """Size of the file without compression."""
        return self._file.unpacked_bytes

    @property
    def header_bytes(self) -> int:
        """Size of the header without compression."""
        return self._file.header_bytes

    @property
    def n_steps(self) -> int:
        """Number of steps in the recording."""
        return self._starts[-1]

    @property
    def gaps(self) -> Sequence[Gap]:
        """Lost steps."""
        return self.metadata.gaps

    @cached_property
    def step_numbers(self) -> NDArray[np.int64]:
        """``int64[n_steps]``: number of each step."""
        spans = [np.arange(ref.first_step, ref.first_step + ref.n_steps) for ref in self.chunks]
        return np.concatenate(spans) if spans else np.empty(0, np.int64)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all columns with a value in any step.

        Raises:
            EpisodeFileTooLargeError: more than ``MAX_NAMES``; single steps can still be read.
        """
        found: dict[str, None] = {}
        for chunk in self._all_chunks():
            found.update(dict.fromkeys(chunk.names))
            if len(found) > MAX_NAMES:
                raise EpisodeFileTooLargeError(f"more than {MAX_NAMES} columns in all chunks: read it step by step")
        return tuple(found)

    def has_column(self, name: str) -> bool:
        """Whether any step has a value in this column."""
        return name in self.names

    def column(self, name: str) -> NDArray[Any]:
        """``dtype[n_steps, *shape]``: all values of a column. Steps without a value hold NaN, 0 or False; see
        ``present``. Texts are ``object[n_steps]`` of ``str``, empty without a value.

        The array is cached and shared: copy it before you change it. If the dtype changes within the episode, numpy's
        common dtype is used, which can't hold all integers above 2^53 beside floats; ``step(index)`` is exact.

        Raises:
            UnknownColumnError: no step has a value.
            ShapeChangedError: the shape changes within the episode; ``step(index)`` still works.
            EpisodeFileTooLargeError: it would exceed ``max_column_bytes``; ``step(index)`` still works.
            EpisodeFileCorruptError: its bytes are damaged.
        """
        return self._whole(name).values

    def decode(self, names: Collection[str]) -> None:
        """Decode several columns at once, in half the time. Columns that no step has, or that change their shape, are
        skipped.

        Raises:
            EpisodeFileTooLargeError, EpisodeFileCorruptError: as ``column``.
        """
        with suppress(ShapeChangedError):  # then each is decoded on demand
            self._join([name for name in names if name not in self._columns])

    def present(self, name: str) -> NDArray[np.bool_]:
        """``bool[n_steps]``: which steps have a value in this column.

        Raises:
            UnknownColumnError: no step has one.
        """
        mask = self._whole(name).present
        return np.ones(self.n_steps, np.bool_) if mask is None else mask

    def columns(self) -> dict[str, NDArray[Any]]:
        """All columns by name; raises as ``column`` does."""
        self._join([name for name in self.names if name not in self._columns])
        return {name: self._columns[name].values for name in self.names}

    def step(self, index: int) -> RecordedStep:
        """A step as Python numbers; extras are numpy arrays, numbers or texts.

        Without a value, position and meters are empty, action and reward 0; see ``present``.

        Args:
            index: from 0; negative counts from the end.

        Raises:
            UsageError: no such step.
        """
        if not -self.n_steps <= index < self.n_steps:
            raise UsageError(f"there is no step {index} in an episode of {self.n_steps} steps")
        index %= self.n_steps
        chunk_index = bisect_right(self._starts, index) - 1
        return step_of(self._kept.get(chunk_index), index - self._starts[chunk_index])

    def steps(self, start: int = 0, stop: int | None = None) -> Iterator[RecordedStep]:
        """The steps ``start <= index < stop``."""
        return (self.step(index) for index in range(*slice(start, stop).indices(self.n_steps)))

    def chunk(self, index: int) -> Chunk:
        """One of ``chunks``, unpacked; its columns are decoded on demand.

        Raises:
            EpisodeFileCorruptError: its bytes are damaged.
        """
        return self._kept.get(index)

    def chunks_between(self, start: int, stop: int) -> Iterator[tuple[Chunk, slice]]:
        """The chunks with the steps ``start <= index < stop``, each with the slice of its rows."""
        number = max(bisect_right(self._starts, start) - 1, 0)
        while start < stop:
            first, end = self._starts[number], min(stop, self._starts[number + 1])
            yield self._kept.get(number), slice(start - first, end - first)
            start, number = end, number + 1

    def chunk_bytes(self, index: int) -> bytes:
        """Bytes of a chunk in the file.

        Raises:
            UsageError: the file has version 1.
        """
        return self._file.chunk_bytes(index)

    def check(self) -> None:
        """Read every chunk, every column and the hash.

        Raises:
            EpisodeFileCorruptError: the first damage found.
            EpisodeFileTooLargeError: beyond the limits in FORMAT.md.
        """
        self._file.check_hash()
        for index in range(len(self.chunks)):
            chunk = self._file.chunk(index)  # not cached: checking needs the memory of one chunk
            for name in chunk.names:
                chunk.column(name)

    def _all_chunks(self) -> Iterator[Chunk]:
        return map(self._kept.get, range(len(self.chunks)))

    def _join(self, names: Sequence[str]) -> None:
        """Decode columns of the whole episode, holding only their bytes of each chunk."""
        placements: dict[Placement, Placement] = {}
        parts = [chunk.only(names, placements) for chunk in self._all_chunks()]
        self._columns.update(join_columns(names, parts, max_bytes=self.max_column_bytes))

    def _whole(self, name: str) -> ColumnData:
        if name not in self._columns:
            self._join([name])
        if name not in self._columns:
            raise UnknownColumnError(f"the episode has no column {name!r}; it has: {', '.join(self.names)}")
        return self._columns[name]


def _read_reasons(source: object) -> tuple[str, ...]:
    if not isinstance(source, list | tuple) or not all(isinstance(reason, str) for reason in source):
        raise TypeError(f"reasons are {source!r:.60}")
    return tuple(str(reason) for reason in source)
