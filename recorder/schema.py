"""The columns of an episode: name, dtype, shape per step, and encoding.

An episode's header has the schema; a chunk has a slot per column. ``recorder.chunk`` does the encoding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, cast

import msgpack
import numpy as np

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError, EpisodeFileVersionError
from recorder.runtime.python_versions import StrEnum

__all__ = [
    "ALLOWED_DTYPES",
    "EXTRAS_PREFIX",
    "MAX_COLUMNS",
    "MAX_DIMENSIONS",
    "MAX_NAME_LENGTH",
    "MAX_TEXT_BYTES",
    "NO_STEP",
    "STEP_COLUMNS",
    "STEP_FIELDS",
    "ColumnSpec",
    "Encoding",
    "EpisodeSchema",
    "is_text",
]

STEP_FIELDS: Mapping[str, Literal["array", "scalar"]] = {
    "position": "array",
    "meters": "array",
    "action": "array",
    "reward": "scalar",
    "intrinsic_reward": "scalar",
    "done": "scalar",
    "terminated": "scalar",
    "truncated": "scalar",
    "q_values": "array",
    "time_of_day": "scalar",
    "interaction_progress": "scalar",
    "epsilon": "scalar",
    "action_masks": "array",
}
"""Fields of a step, besides its number and extras, and whether they are arrays.

To add one: add it here, to ``RecordedStep``, and to ``record_step`` and ``record_batch``.
"""

STEP_COLUMNS = tuple(STEP_FIELDS)
"""Names of the columns with a field in ``RecordedStep``, in the order of writing."""

NO_STEP = -1
"""In the place of an episode's id: the lane has no step in this call."""
EXTRAS_PREFIX = "extras."
"""Prefix of all other columns."""

ALLOWED_DTYPES = frozenset(
    ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"],
)
"""Fixed-size little-endian numbers, in numpy's notation."""

MAX_COLUMNS = 1024
"""More columns are refused: only a hostile file has them."""

MAX_NAME_LENGTH = 256
MAX_DIMENSIONS = 8
MAX_STEP_BYTES = 64 * 2**20
"""Largest value of a column; an HD image of floats fits."""

MAX_TEXT_BYTES = 2**18
"""Longest text of a step in UTF-8: about 60,000 tokens. The recorder cuts longer ones."""


class Encoding(StrEnum):
    """How values are arranged before LZ4 compression; FORMAT.md has the rules."""

    PLAIN = "plain"
    """Little-endian values, step after step."""
    PLANES = "planes"
    """All first bytes, then all second bytes, …, which groups slowly changing high bytes."""
    DELTA = "delta"
    """Zigzag differences between the bit patterns of successive steps, then planes."""
    BITS = "bits"
    """Booleans, eight per byte."""
    XOR = "xor"
    """Pictures, each as its difference from the one before it, packed by itself."""
    TEXT = "text"
    """Texts of any length: their lengths, then their UTF-8 bytes."""


_ENCODINGS = {str(encoding): encoding for encoding in Encoding}
_XOR_DTYPES = ("|u1", "<u2")
_TEXT_DTYPE = "|u1"
"""Of UTF-8 bytes. Readers that don't know texts know it, so they get as far as the encoding and ask for an update."""
_ITEM_BYTES = {dtype: np.dtype(dtype).itemsize for dtype in ALLOWED_DTYPES}


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column.

    Args:
        name: one of ``STEP_COLUMNS`` or ``extras.<name>``.
        dtype: one of ``ALLOWED_DTYPES``; ``|u1`` for texts, which are read as ``str``.
        shape: shape of one step's value; ``()`` for a scalar and for a text.
        encoding: arrangement of the bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    encoding: Encoding
    n_values: int = field(init=False, repr=False, compare=False)
    """Numbers in one step's value."""
    item_bytes: int = field(init=False, repr=False, compare=False)
    """Bytes of one number."""
    step_bytes: int = field(init=False, repr=False, compare=False)
    """Bytes of one step's value, unpacked."""

    def __post_init__(self) -> None:
        n_values, item_bytes = math.prod(self.shape), _ITEM_BYTES[self.dtype]
        object.__setattr__(self, "n_values", n_values)
        object.__setattr__(self, "item_bytes", item_bytes)
        object.__setattr__(self, "step_bytes", n_values * item_bytes)

    @property
    def group_key(self) -> str | None:
        """Columns with the same key may share a slot; None for a column that never does."""
        if self.encoding in (Encoding.PLAIN, Encoding.XOR, Encoding.TEXT):
            return None
        return "bits" if self.encoding is Encoding.BITS else self.dtype[2:]

    @property
    def is_text(self) -> bool:
        """Whether its values are texts."""
        return self.encoding is Encoding.TEXT

    def holds(self, values: np.ndarray[Any, Any]) -> bool:
        """Whether these values, ``dtype[n, *shape]``, are of this column's kind."""
        if self.is_text:
            return is_text(values)
        return bool(values.dtype.str == self.dtype and values.shape[1:] == self.shape)

    @classmethod
    def of_texts(cls, name: str) -> ColumnSpec:
        """A text column."""
        return cls(name, _TEXT_DTYPE, (), Encoding.TEXT)

    def to_list(self) -> list[Any]:
        """The form in a header."""
        return [self.name, self.dtype, list(self.shape), str(self.encoding)]

    @classmethod
    def from_list(cls, source: object) -> ColumnSpec:
        """Validate the form in a header.

        Raises:
            EpisodeFileCorruptError: it is invalid.
            EpisodeFileVersionError: a newer version wrote it.
            EpisodeFileTooLargeError: a value exceeds ``MAX_STEP_BYTES``.
        """
        try:
            name, dtype, shape, encoding = cast("Sequence[Any]", source)
            if all(type(length) is int for length in shape):  # a cache treats 1, 1.0 and True as equal
                return _checked_spec(name, dtype, tuple(shape), encoding)
        except (TypeError, ValueError):
            pass
        raise EpisodeFileCorruptError(f"schema: expected [name, dtype, shape, encoding], found {source!r:.200}")


def is_text(values: np.ndarray[Any, Any]) -> bool:
    """Whether an array holds texts: ``S[n]`` in UTF-8, as in the black box, or objects of ``str``, as they are read."""
    return values.dtype.kind in "SO" and values.ndim == 1


@lru_cache(maxsize=4 * MAX_COLUMNS)
def _checked_spec(name: object, dtype: object, shape: tuple[int, ...], encoding: object) -> ColumnSpec:
    """A validated column, cached because the episodes of a run repeat them.

    Raises:
        TypeError: name, dtype or encoding is not text.
        EpisodeFileCorruptError, EpisodeFileTooLargeError: as ``ColumnSpec.from_list``.
    """
    if not (isinstance(name, str) and isinstance(dtype, str) and isinstance(encoding, str)):
        raise TypeError
    if len(name) > MAX_NAME_LENGTH:
        raise EpisodeFileCorruptError(
            f"schema: a column's name has {len(name)} characters; the limit is {MAX_NAME_LENGTH}"
        )
    if dtype not in ALLOWED_DTYPES:
        raise EpisodeFileCorruptError(
            f"schema: column {name!r} has dtype {dtype!r:.40}; only numbers are allowed: {sorted(ALLOWED_DTYPES)}"
        )
    if len(shape) > MAX_DIMENSIONS or not all(0 <= length < 2**31 for length in shape):
        raise EpisodeFileCorruptError(f"schema: column {name!r} has shape {list(shape)!r:.200}")
    if encoding not in _ENCODINGS:
        raise EpisodeFileVersionError(
            f"schema: column {name!r} has the encoding {encoding!r:.40}, which this version does not know: update "
            "hamlet-recorder"
        )
    if (encoding == Encoding.BITS) != (dtype == "|b1"):
        raise EpisodeFileCorruptError(f"schema: column {name!r}: encoding 'bits' requires dtype '|b1', and vice versa")
    if encoding == Encoding.XOR and (dtype not in _XOR_DTYPES or not math.prod(shape)):
        raise EpisodeFileCorruptError(f"schema: column {name!r}: encoding 'xor' of {dtype}{list(shape)!r:.80}")
    if encoding == Encoding.TEXT and (dtype != _TEXT_DTYPE or shape or not name.startswith(EXTRAS_PREFIX)):
        raise EpisodeFileCorruptError(f"schema: column {name!r}: encoding 'text' of {dtype}{list(shape)!r:.80}")
    # Count a length of 0 as 1: numpy limits the product of the other lengths anyway.
    if math.prod(max(n, 1) for n in shape) * _ITEM_BYTES[dtype] > MAX_STEP_BYTES:
        raise EpisodeFileTooLargeError(
            f"schema: one value of column {name!r}, {dtype}{list(shape)}, would take more than {MAX_STEP_BYTES} bytes"
        )
    return ColumnSpec(name, dtype, shape, _ENCODINGS[encoding])


@dataclass(frozen=True, slots=True)
class EpisodeSchema:
    """The columns of an episode, in the order of the chunks' slots."""

    columns: tuple[ColumnSpec, ...]
    placements: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Cache of ``recorder.chunk``."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int | None:
        """Position of a column; None if there is none."""
        return next((position for position, column in enumerate(self.columns) if column.name == name), None)

    def to_list(self) -> list[Any]:
        """The form in a header."""
        return [column.to_list() for column in self.columns]

    @classmethod
    def from_list(cls, source: object) -> EpisodeSchema:
        """Validate the form in a header.

        Raises:
            EpisodeFileCorruptError: it is invalid, or repeats a column.
            EpisodeFileTooLargeError: too many columns, or a value too large.
        """
        if not isinstance(source, Sequence) or isinstance(source, str | bytes):
            raise EpisodeFileCorruptError(f"schema: expected a list of columns, found {type(source).__name__}")
        if len(source) > MAX_COLUMNS:
            raise EpisodeFileTooLargeError(f"schema: {len(source)} columns; the limit is {MAX_COLUMNS}")
        try:
            packed = msgpack.packb(source)  # as keys of a map, 1, 1.0 and True are equal; in msgpack they are not
        except (TypeError, ValueError, OverflowError):
            return _checked_schema(source)
        known = _known_schemas.get(packed)
        if known is None:
            known = _checked_schema(source)
            if len(_known_schemas) >= _MAX_KNOWN_SCHEMAS:
                _known_schemas.clear()
            _known_schemas[packed] = known
        return known


_MAX_KNOWN_SCHEMAS = 64
_known_schemas: dict[bytes, EpisodeSchema] = {}
"""One object for all episodes with the same columns, by the packed list."""


def _checked_schema(source: Sequence[object]) -> EpisodeSchema:
    schema = EpisodeSchema(tuple(map(ColumnSpec.from_list, source)))
    if len(set(schema.names)) != len(schema.columns):
        raise EpisodeFileCorruptError("schema: a column is named twice")
    return schema
