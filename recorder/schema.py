"""The columns of an episode: what each is called, its dtype, its shape a step, and how its bytes are arranged.

A schema stands in an episode's header, once; a chunk holds one slot a column. Bytes are the business of ``recorder.chunk``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, cast

import msgpack
import numpy as np

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError

__all__ = [
    "ALLOWED_DTYPES",
    "EXTRAS_PREFIX",
    "MAX_COLUMNS",
    "MAX_DIMENSIONS",
    "MAX_NAME_LENGTH",
    "STEP_COLUMNS",
    "STEP_FIELDS",
    "ColumnSpec",
    "Encoding",
    "EpisodeSchema",
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
"""The fields of a step beside its place and its extras, and whether a trainer gives one number or several.

To add one: add it here, to ``RecordedStep``, and to ``record_step`` and ``record_batch``.
"""

STEP_COLUMNS = tuple(STEP_FIELDS)
"""Names of the columns that ``RecordedStep`` has fields for, in the order in which they are written."""

EXTRAS_PREFIX = "extras."
"""Every other column is one of the extras, named with this prefix."""

ALLOWED_DTYPES = frozenset(
    ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"],
)
"""What a column may consist of, as numpy spells it: fixed-size little-endian numbers, never objects or text."""

MAX_COLUMNS = 1024
"""A schema with more columns is refused: no trainer has that many, a hostile file may claim them."""

MAX_NAME_LENGTH = 256
MAX_DIMENSIONS = 8
MAX_STEP_BYTES = 64 * 2**20
"""Bytes that one value of one column may take: an HD image of floats fits."""


class Encoding(StrEnum):
    """How a column's values are arranged before LZ4 sees them; FORMAT.md has the exact rules."""

    PLAIN = "plain"
    """Little-endian values, step after step."""
    PLANES = "planes"
    """All first bytes, then all second bytes, …: slowly changing high bytes come to lie together."""
    DELTA = "delta"
    """Differences between successive steps of the values' bit patterns, zigzag, then planes."""
    BITS = "bits"
    """Booleans, eight a byte."""


_ENCODINGS = {str(encoding): encoding for encoding in Encoding}
_ITEM_BYTES = {dtype: np.dtype(dtype).itemsize for dtype in ALLOWED_DTYPES}


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column.

    Args:
        name: one of ``STEP_COLUMNS`` or ``extras.<name>``.
        dtype: one of ``ALLOWED_DTYPES``.
        shape: shape of one step's value; ``()`` for a scalar.
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
        """Columns of the same group_key may lie together in one slot; None for one that always lies alone."""
        if self.encoding is Encoding.PLAIN:
            return None
        return "bits" if self.encoding is Encoding.BITS else self.dtype[2:]

    def to_list(self) -> list[Any]:
        """The form that stands in a header."""
        return [self.name, self.dtype, list(self.shape), str(self.encoding)]

    @classmethod
    def from_list(cls, source: object) -> ColumnSpec:
        """Check and take over the form that stands in a header.

        Raises:
            EpisodeFileCorruptError: it is not one.
            EpisodeFileTooLargeError: one value is beyond ``MAX_STEP_BYTES``.
        """
        try:
            name, dtype, shape, encoding = cast("Sequence[Any]", source)
            if all(type(length) is int for length in shape):  # to a cache 1, 1.0 and True are the same
                return _checked_spec(name, dtype, tuple(shape), encoding)
        except (TypeError, ValueError):
            pass
        raise EpisodeFileCorruptError(f"schema: expected [name, dtype, shape, encoding], found {source!r:.200}")


@lru_cache(maxsize=4 * MAX_COLUMNS)
def _checked_spec(name: object, dtype: object, shape: tuple[int, ...], encoding: object) -> ColumnSpec:
    """The column that these describe; the episodes of a run have the same ones over and over, so each is checked once.

    Raises:
        TypeError: name, dtype or encoding is not text.
        EpisodeFileCorruptError, EpisodeFileTooLargeError: as ``ColumnSpec.from_list``.
    """
    if not (isinstance(name, str) and isinstance(dtype, str) and isinstance(encoding, str)):
        raise TypeError
    if len(name) > MAX_NAME_LENGTH:
        raise EpisodeFileCorruptError(f"schema: a column's name has {len(name)} characters, at most {MAX_NAME_LENGTH}")
    if dtype not in ALLOWED_DTYPES:
        raise EpisodeFileCorruptError(
            f"schema: column {name!r} has dtype {dtype!r:.40}; only numbers are allowed: {sorted(ALLOWED_DTYPES)}"
        )
    if len(shape) > MAX_DIMENSIONS or not all(0 <= length < 2**31 for length in shape):
        raise EpisodeFileCorruptError(f"schema: column {name!r} has shape {list(shape)!r:.200}")
    if encoding not in _ENCODINGS:
        raise EpisodeFileCorruptError(f"schema: column {name!r} has encoding {encoding!r:.40}, which is not known")
    if (encoding == Encoding.BITS) != (dtype == "|b1"):
        raise EpisodeFileCorruptError(f"schema: column {name!r}: encoding 'bits' and dtype '|b1' go together")
    # A length of 0 makes the value empty, not the other lengths harmless: numpy refuses their product all the same.
    if math.prod(max(n, 1) for n in shape) * _ITEM_BYTES[dtype] > MAX_STEP_BYTES:
        raise EpisodeFileTooLargeError(
            f"schema: one value of column {name!r}, {dtype}{list(shape)}, would take more than {MAX_STEP_BYTES} bytes"
        )
    return ColumnSpec(name, dtype, shape, _ENCODINGS[encoding])


@dataclass(frozen=True, slots=True)
class EpisodeSchema:
    """The columns of one episode, in the order of the slots of its chunks."""

    columns: tuple[ColumnSpec, ...]
    placements: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What ``recorder.chunk`` has worked out for these columns."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int | None:
        """Position of a column's slot, or None when there is no such column."""
        return next((position for position, column in enumerate(self.columns) if column.name == name), None)

    def to_list(self) -> list[Any]:
        """The form that stands in a header."""
        return [column.to_list() for column in self.columns]

    @classmethod
    def from_list(cls, source: object) -> EpisodeSchema:
        """Check and take over the form that stands in a header.

        Raises:
            EpisodeFileCorruptError: it is not one, or names a column twice.
            EpisodeFileTooLargeError: too many columns, or a value too large.
        """
        if not isinstance(source, Sequence) or isinstance(source, str | bytes):
            raise EpisodeFileCorruptError(f"schema: expected a list of columns, found {type(source).__name__}")
        if len(source) > MAX_COLUMNS:
            raise EpisodeFileTooLargeError(f"schema: {len(source)} columns, more than {MAX_COLUMNS}")
        try:
            packed = msgpack.packb(source)  # to a map's keys 1, 1.0 and True are the same, to msgpack they are not
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
"""One object for all episodes with the same columns, by its list as msgpack packs it."""


def _checked_schema(source: Sequence[object]) -> EpisodeSchema:
    schema = EpisodeSchema(tuple(map(ColumnSpec.from_list, source)))
    if len(set(schema.names)) != len(schema.columns):
        raise EpisodeFileCorruptError("schema: a column is named twice")
    return schema
