"""Version 1 of the episode file: an LZ4 frame with one msgpack map, and a map per step. See ``FORMAT.md``.

Always readable; written on request. It does not keep dtypes: lists hold Python's numbers. A file is read into chunks,
the only form that other modules know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from recorder.chunk import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_STEPS,
    NOTHING_PLACED,
    Chunk,
    ColumnGroup,
    LooseColumn,
    Stretch,
    encode_texts,
)
from recorder.episode import EpisodeMetadata
from recorder.episode_file.footer import ChunkRef
from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError, UsageError
from recorder.framing import brief, compress_frame, unpack_list
from recorder.recorded_step import RecordedStep
from recorder.schema import EXTRAS_PREFIX, MAX_DIMENSIONS, STEP_COLUMNS, ColumnSpec, Encoding, EpisodeSchema
from recorder.values.picture_shape import is_stored_as_picture
from recorder.values.text import sanitize_text

__all__ = ["Version1File", "build_version1", "parse_version1", "read_metadata"]

VERSION = 1
MAX_CONTENT_BYTES = 128 * 2**20
"""About 300,000 steps. Small numbers and text take up to 20 times as much memory in Python."""
MAX_CONTAINERS = 2_000_000
MAX_STEPS = 500_000
MAX_STEP_VALUES = 2**23
"""Numbers, lists and maps in a step."""

_STAND_INS = {"curriculum_stage": 0, "epsilon": 0.0, "intrinsic_weight": 0.0, "timestamp": 0.0}
"""Written for unknown values, since readers of the original format expect numbers."""

_STEP_FIELDS = tuple(field.name for field in fields(RecordedStep))
_NUMBERS = frozenset([bool, int, float])
_TEXT_SHAPE = (-1,)


def build_version1(
    *, metadata: EpisodeMetadata, reasons: Sequence[str], steps: Iterable[RecordedStep], compression: str = "lz4"
) -> tuple[bytes, int]:
    """The file's bytes, and its size without compression."""
    content = msgpack.packb(
        {
            "version": VERSION,
            "metadata": {**_with_stand_ins(metadata.to_map()), "reasons": list(reasons)},
            "steps": [_step_map(step) for step in steps],
            "affordances": {name: list(cell) for name, cell in metadata.affordance_layout.items()},
        }
    )
    return (content if compression == "none" else compress_frame(content, compression)), len(content)


def _with_stand_ins(metadata: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in _STAND_INS if metadata[name] is None]
    named = {"unknown": unknown} if unknown else {}
    return {**metadata, **{name: _STAND_INS[name] for name in unknown}, **named}


def read_metadata(source: Mapping[str, Any]) -> EpisodeMetadata:
    """Metadata of a version 1 file, which lists the unknown values.

    Raises:
        UsageError, AttributeError, TypeError: not valid by FORMAT.md.
    """
    beside = ("reasons", "unknown")
    known = {name: value for name, value in source.items() if name not in beside}
    return EpisodeMetadata.from_map(known | {name: None for name in source.get("unknown", ()) if name in _STAND_INS})


def _is_picture(value: Any) -> bool:
    """Pictures as lists of numbers would take a hundred times as much."""
    return isinstance(value, np.ndarray) and is_stored_as_picture(value.dtype.str, value.shape)


def _step_map(step: RecordedStep) -> dict[str, Any]:
    values = {name: getattr(step, name) for name in _STEP_FIELDS}
    values["extras"] = {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in step.extras.items()
        if not _is_picture(value)
    }
    return {name: value for name, value in values.items() if value is not None and value != {}}


@dataclass(frozen=True, slots=True)
class Version1File:
    """A version 1 file with the interface of a version 2 file."""

    header: Mapping[str, Any]
    schema: EpisodeSchema
    chunks: tuple[ChunkRef, ...]
    compression: str
    unpacked_bytes: int
    header_bytes: int
    _chunks: tuple[Chunk, ...]

    is_whole = True
    content_hash = ""

    def chunk(self, index: int) -> Chunk:
        """A chunk of steps."""
        return self._chunks[index]

    def chunk_bytes(self, index: int) -> bytes:
        """Not supported.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"chunk {index}: a version 1 recording has no chunks; convert it with 'hamlet-recorder convert --to 2'"
        )

    def check_hash(self) -> None:
        """Nothing to do: the frame's checksum was checked when it was unpacked."""


def parse_version1(
    header: Mapping[str, Any],
    packed_steps: bytes | memoryview,
    *,
    compression: str,
    unpacked_bytes: int,
    max_bytes: int,
) -> Version1File:
    """Divide the steps into chunks: at a missing number, a changed shape, or when a chunk is full.

    Steps are unpacked one by one: as Python objects they take many times the memory of columns.

    Args:
        header: the map without the steps.
        packed_steps: the list of steps.
        max_bytes: limit on all columns.

    Raises:
        EpisodeFileCorruptError: the steps are not valid by FORMAT.md.
        EpisodeFileTooLargeError: a value, a step or all columns exceed a limit.
    """
    chunks: list[Chunk] = []
    stretch: list[dict[str, Any]] = []
    shapes: dict[str, tuple[int, ...]] = {}
    first = end = n_bytes = begun_at = 0
    unpacked = unpack_list(packed_steps, max_values=MAX_STEP_VALUES, max_containers=MAX_CONTAINERS)
    for index, (ends_at, step) in enumerate(unpacked):
        if index == MAX_STEPS:
            raise EpisodeFileTooLargeError(f"version 1: more than {MAX_STEPS} steps")
        number, values = _read_step(step, index)
        if number < end:
            raise EpisodeFileCorruptError(f"version 1: step {number} follows step {end - 1}")
        here = {name: _shape_of(value, name) for name, value in values.items()}
        changed = any(shapes.get(name, shape) != shape for name, shape in here.items())
        is_full = len(stretch) == MAX_CHUNK_STEPS or ends_at - begun_at > MAX_CHUNK_BYTES
        if stretch and (changed or number != end or is_full):
            chunks.append(_chunk_of(first, stretch))
            n_bytes += chunks[-1].n_bytes
            if n_bytes > max_bytes:
                raise EpisodeFileTooLargeError(f"version 1: the columns would take more than {max_bytes} bytes")
            stretch, shapes, begun_at = [], {}, ends_at
        if not stretch:
            first = number
        stretch.append(values)
        shapes.update(here)
        end = number + 1
    if stretch:
        chunks.append(_chunk_of(first, stretch))
    specs: dict[str, ColumnSpec] = {}
    for chunk in chunks:
        for name, column in chunk.loose.items():
            specs.setdefault(name, column.spec)
    refs = tuple(ChunkRef(chunk.first_step, chunk.n_steps, 0, 0) for chunk in chunks)
    schema = EpisodeSchema(tuple(specs.values()))
    header_bytes = unpacked_bytes - len(packed_steps)
    return Version1File(header, schema, refs, compression, unpacked_bytes, header_bytes, tuple(chunks))


def _read_step(step: object, index: int) -> tuple[int, dict[str, Any]]:
    """Number and values of a step; without a number, its position counts."""
    if not isinstance(step, dict):
        raise EpisodeFileCorruptError(f"version 1: step {index} is a {type(step).__name__}, expected a map")
    number = step.get("step", index)
    if type(number) is not int or not 0 <= number < 2**63 - MAX_CHUNK_STEPS:
        raise EpisodeFileCorruptError(f"version 1: the number of step {index} is {brief(number)}")
    values = {name: step[name] for name in STEP_COLUMNS if step.get(name) is not None}
    extras = step.get("extras") or {}
    if not isinstance(extras, dict):
        raise EpisodeFileCorruptError(f"version 1: 'extras' of step {number} is not a map")
    values.update({f"{EXTRAS_PREFIX}{name}": value for name, value in extras.items() if value is not None})
    return number, values


def _shape_of(value: object, name: str, depth: int = 0) -> tuple[int, ...]:
    """Shape of a number, a text, or nested lists of numbers. A text's differs from a number's."""
    if type(value) in _NUMBERS:
        return ()
    if isinstance(value, str) and not depth and name.startswith(EXTRAS_PREFIX):
        return _TEXT_SHAPE
    if isinstance(value, list) and depth < MAX_DIMENSIONS:
        if _NUMBERS.issuperset(map(type, value)):
            return (len(value),)
        inner = {_shape_of(item, name, depth + 1) for item in value}
        if len(inner) == 1:
            return (len(value), *inner.pop())
    raise EpisodeFileCorruptError(
        f"version 1: {name!r} holds {brief(value)}, which is not a number, an array of numbers, or an extra's text"
    )


def _chunk_of(first_step: int, steps: Sequence[Mapping[str, Any]]) -> Chunk:
    columns = {
        name: _column_of(name, [step.get(name) for step in steps])
        for name in dict.fromkeys(k for s in steps for k in s)
    }
    return Chunk(first_step, len(steps), tuple(columns), NOTHING_PLACED, (), columns)


def _exact(values: Sequence[Any], rounded: NDArray[Any]) -> NDArray[Any]:
    """Integers above 2^63 beside smaller ones, which numpy converts to floats, as ``uint64``."""
    numbers = np.array(values, object)
    return numbers.astype(np.uint64) if all(type(n) is int and n >= 0 for n in numbers.flat) else rounded


def _column_of(name: str, values: Sequence[Any]) -> LooseColumn:
    known = [value for value in values if value is not None]
    present = None if len(known) == len(values) else np.array([value is not None for value in values])
    if isinstance(known[0], str):
        texts = encode_texts([sanitize_text(text) for text in known])
        spec = ColumnSpec.from_list(ColumnSpec.of_texts(name).to_list())
        return LooseColumn(spec, Stretch(len(known), texts), present)
    array = np.array(known)
    if array.dtype.kind == "f" and array.size and array.max() >= 2**63:
        array = _exact(known, array)
    if array.dtype.kind not in "biuf":
        raise EpisodeFileCorruptError(f"version 1: {name!r} holds numbers without a common dtype")
    encoding = Encoding.BITS if array.dtype == np.bool_ else Encoding.PLAIN
    spec = ColumnSpec.from_list([name, array.dtype.str, list(array.shape[1:]), str(encoding)])
    return LooseColumn(spec, Stretch(len(known), ColumnGroup([spec]).encode([array])), present)
