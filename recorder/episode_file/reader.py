"""Opening a recording and reading its steps and columns; every version, decoded when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import (
    Chunk,
    ColumnData,
    decompress_frame,
    frame_end,
    unpack_bounded,
    unpack_sequence,
)
from recorder.chunk.frames import FRAME_MAGIC
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, RecordedStep
from recorder.episode_file import version1, version2
from recorder.episode_file.version1 import Span, Version1File
from recorder.episode_file.version2 import ChunkRef, Version2File
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    EpisodeFileVersionError,
    ShapeChangedError,
    UnknownColumnError,
    UsageError,
)
from recorder.schema import EXTRAS_PREFIX, STEP_COLUMNS, EpisodeSchema
from recorder.storage import read_file

__all__ = ["Episode", "open_episode"]

MAX_FILE_BYTES = 2 * 2**30

_STEP_COLUMNS = frozenset(STEP_COLUMNS)
_TUPLES = frozenset(["position", "meters", "q_values", "action_masks"])
"""Fields that are tuples even when they hold a single number."""


def open_episode(source: str | Path | bytes) -> Episode:
    """Open a recording.

    Args:
        source: a path, an fsspec URL, or the file's bytes.

    Raises:
        StorageError: the file is missing or can't be read.
        EpisodeFileVersionError: made by a newer version of this project.
        EpisodeFileCorruptError: not a recording, or a broken one.
        EpisodeFileTooLargeError: beyond the limits that FORMAT.md lists.
    """
    data = source if isinstance(source, bytes) else read_file(source, max_bytes=MAX_FILE_BYTES)
    try:
        return _parse(data)
    except EpisodeFileError as error:
        if isinstance(source, bytes):
            raise
        raise type(error)(f"{error}: {source}") from error


def _parse(data: bytes) -> Episode:
    framed = data[:4] == FRAME_MAGIC
    if framed:
        first_chunk = frame_end(data)
        alone = first_chunk == len(data)
        content = decompress_frame(
            data[:first_chunk], max_bytes=version1.MAX_CONTENT_BYTES if alone else version2.MAX_HEADER_BYTES
        )
        header = unpack_bounded(
            content, max_containers=version1.MAX_CONTAINERS if alone else version2.MAX_HEADER_CONTAINERS
        )
    else:
        if len(data) > version1.MAX_CONTENT_BYTES:
            raise EpisodeFileTooLargeError(f"an unpacked recording of {len(data)} bytes")
        objects = unpack_sequence(data, max_containers=version1.MAX_CONTAINERS)
        if not objects:
            raise EpisodeFileCorruptError("not a recording: neither an LZ4 frame nor a whole msgpack map")
        _, first_chunk, header = objects[0]
    if not isinstance(header, dict) or "version" not in header:
        raise EpisodeFileCorruptError("not a recording: its first object is not a map with a version")
    match header["version"]:
        case version1.VERSION:
            return Episode(version1.Version1File(header))
        case version2.VERSION:
            return Episode(version2.parse_version2(data, header, first_chunk=first_chunk, framed=framed))
        case other:
            raise EpisodeFileVersionError(
                f"version {other!r:.40} is not known to this reader, 1 and 2 are: update hamlet-recorder"
            )


class Episode:
    """A recorded episode. Columns and steps are decoded when they are asked for, and kept.

    Made by ``open_episode``. ``index`` counts the steps that the recording holds, from 0; a step's *number* is its place in the
    episode as it was played. They are equal unless steps were lost.
    """

    def __init__(self, file: Version1File | Version2File) -> None:
        self._file = file
        self._parts: dict[int, Chunk | Span] = {}
        self._columns: dict[str, ColumnData] = {}
        self._starts = np.cumsum([0, *(ref.n_steps for ref in file.chunks)])
        header = file.header
        try:
            metadata = EpisodeMetadata.from_map(header["metadata"])
            layout = header.get("affordances") or metadata.affordance_layout
            self.affordances: dict[str, tuple[float, ...]] = {str(name): tuple(cell) for name, cell in layout.items()}
            self.reasons: tuple[str, ...] = tuple(header.get("reasons") or header["metadata"].get("reasons") or ())
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise EpisodeFileCorruptError(
                f"header: metadata or affordances are not what they must be: {error}"
            ) from error
        if file.footer is None:
            last = self.chunks[-1] if self.chunks else None
            end_step = 0 if last is None else last.first_step + last.n_steps
            metadata.gaps = (*metadata.gaps, Gap(end_step, None, "torn file"))
            metadata.status = EpisodeStatus.SALVAGED
        self.metadata = metadata

    @property
    def version(self) -> int:
        """Version of the file."""
        return int(self._file.header["version"])

    @property
    def schema(self) -> EpisodeSchema:
        """The columns, as the header declares them."""
        return self._file.schema

    @property
    def chunks(self) -> tuple[ChunkRef, ...]:
        """Where the chunks lie; in a version 1 file they are cut for the reader, and have no bytes of their own."""
        return self._file.chunks

    @property
    def content_hash(self) -> str | None:
        """BLAKE2b of header and chunks, as the footer states it; None without one."""
        return (self._file.footer or {}).get("hash")

    @property
    def n_steps(self) -> int:
        """Steps that the recording holds."""
        return int(self._starts[-1])

    @property
    def gaps(self) -> Sequence[Gap]:
        """Steps that were lost."""
        return self.metadata.gaps

    @cached_property
    def step_numbers(self) -> NDArray[np.int64]:
        """``int64[n_steps]``: the number of each step."""
        spans = [np.arange(ref.first_step, ref.first_step + ref.n_steps) for ref in self.chunks]
        return np.concatenate(spans) if spans else np.empty(0, np.int64)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that any step has a value of."""
        found: dict[str, None] = {}
        for index in range(len(self.chunks)):
            found.update(dict.fromkeys(self._part(index).names))
        return tuple(found)

    def has_column(self, name: str) -> bool:
        """Whether any step has a value of this name."""
        return name in self.names

    def column(self, name: str) -> NDArray[Any]:
        """``dtype[n_steps, *shape]``: all values of a column. Steps without one hold NaN, 0 or False; ``present`` tells.

        Raises:
            UnknownColumnError: no step has it.
            ShapeChangedError: its shape changed in mid-episode; ``step(index)`` still reads it.
            EpisodeFileCorruptError: its bytes are broken.
        """
        return self._whole(name).values

    def present(self, name: str) -> NDArray[np.bool_]:
        """``bool[n_steps]``: which steps have a value of this name.

        Raises:
            UnknownColumnError: none has.
        """
        mask = self._whole(name).present
        return np.ones(self.n_steps, np.bool_) if mask is None else mask

    def columns(self) -> dict[str, NDArray[Any]]:
        """All columns by name."""
        return {name: self.column(name) for name in self.names}

    def step(self, index: int) -> RecordedStep:
        """One step, as Python numbers; extras are numpy arrays or numbers.

        Args:
            index: from 0; negative counts from the end.

        Raises:
            UsageError: there is no such step.
        """
        if not -self.n_steps <= index < self.n_steps:
            raise UsageError(f"step {index} of an episode of {self.n_steps} steps")
        index %= self.n_steps
        chunk_index = int(np.searchsorted(self._starts, index, side="right")) - 1
        part = self._part(chunk_index)
        row = index - int(self._starts[chunk_index])
        values: dict[str, Any] = {}
        extras: dict[str, Any] = {}
        for name in self.names:
            data = part.column(name)
            if data is None or (data.present is not None and not data.present[row]):
                continue
            value = data.values[row if data.present is None else int(data.present[:row].sum())]
            if name in _STEP_COLUMNS:
                values[name] = _python_value(name, value)
            else:
                extras[name.removeprefix(EXTRAS_PREFIX)] = value
        values = {"position": (), "meters": (), "action": 0, "reward": 0.0, **values}
        return RecordedStep(step=part.first_step + row, extras=extras, **values)

    def steps(self, start: int = 0, stop: int | None = None) -> Iterator[RecordedStep]:
        """The steps from index ``start`` up to, not including, ``stop``."""
        return (self.step(index) for index in range(*slice(start, stop).indices(self.n_steps)))

    def chunk_bytes(self, index: int) -> bytes:
        """The bytes of a chunk as they lie in the file.

        Raises:
            UsageError: a version 1 file has none.
        """
        if not isinstance(self._file, Version2File):
            raise UsageError(
                "a version 1 recording has no chunks of its own: convert it with 'python -m recorder convert --to 2'"
            )
        ref = self.chunks[index]
        return self._file.data[ref.offset : ref.offset + ref.n_bytes]

    def _part(self, index: int) -> Chunk | Span:
        part = self._parts.get(index)
        if part is None:
            part = self._parts[index] = self._file.chunk(index)
        return part

    def _whole(self, name: str) -> ColumnData:
        whole = self._columns.get(name)
        if whole is None:
            whole = self._columns[name] = _joined(name, [self._part(i) for i in range(len(self.chunks))])
        return whole


def _joined(name: str, parts: Sequence[Chunk | Span]) -> ColumnData:
    """One column of all parts; ``present`` is None when every step has a value."""
    pieces = [part.column(name) for part in parts]
    known = [piece for piece in pieces if piece is not None]
    if not known:
        raise UnknownColumnError(f"the episode has no column {name!r}")
    if len({piece.values.shape[1:] for piece in known}) > 1:
        spans = ", ".join(
            f"{list(piece.values.shape[1:])} from step {part.first_step}"
            for part, piece in zip(parts, pieces, strict=True)
            if piece is not None
        )
        raise ShapeChangedError(f"column {name!r} changes its shape in mid-episode ({spans}): read it step by step")
    if len(known) == len(pieces) and all(piece.present is None for piece in known):
        return known[0] if len(known) == 1 else ColumnData(np.concatenate([piece.values for piece in known]))
    dtype = np.result_type(*(piece.values.dtype for piece in known))
    n_steps = sum(part.n_steps for part in parts)
    values = np.full((n_steps, *known[0].values.shape[1:]), np.nan if dtype.kind == "f" else 0, dtype)
    present = np.zeros(n_steps, np.bool_)
    start = 0
    for part, piece in zip(parts, pieces, strict=True):
        if piece is not None:
            here = slice(start, start + part.n_steps)
            present[here] = True if piece.present is None else piece.present
            values[here][present[here]] = piece.values
        start += part.n_steps
    return ColumnData(values, present)


def _python_value(name: str, value: Any) -> Any:
    plain = value.tolist()
    if name in _TUPLES:
        return tuple(plain) if isinstance(plain, list) else (plain,)
    return tuple(plain) if isinstance(plain, list) else plain
