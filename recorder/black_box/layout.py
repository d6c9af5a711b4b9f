"""What the bytes of a step, or of a block of steps, are: names, dtypes and shapes, and their places in a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

import msgpack
import numpy as np

from recorder.black_box.format import WORD_BYTES
from recorder.errors import BlackBoxError
from recorder.schema import ALLOWED_DTYPES, MAX_COLUMNS, MAX_DIMENSIONS, MAX_NAME_LENGTH

__all__ = ["PLACES", "Field", "Layout", "has_name", "padded"]

PLACES = ("episode_id", "step", "lane")
"""Which step it is: int64 each."""

_TEXT = re.compile(r"\|S(32|64|128|256|512|[1-9][0-9]{3,5})")
"""UTF-8, padded with NUL."""

_INT64 = np.dtype(np.int64)
_BOOL = np.dtype(np.bool_)


class Field(NamedTuple):
    """One column.

    Args:
        name: as in ``recorder.schema``: a field of a step, or ``extras.<name>``.
        dtype: of one number; ``S<n>`` for texts of at most n bytes.
        shape: of one step's value.
        is_nullable: whether a step may have no value; then a byte in the record says so. Never in blocks.
        is_number: whether the values came as Python numbers: ``bool``, ``int`` and ``float`` may follow each other in one
            column, which then takes the widest dtype.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    is_nullable: bool = False
    is_number: bool = False


def padded(n_bytes: int) -> int:
    """The next multiple of 8."""
    return -(-n_bytes // WORD_BYTES) * WORD_BYTES


def has_name(name: str) -> str:
    """The name of the byte that says whether a nullable field has a value."""
    return f"has {name}"


class Layout:
    """Immutable; equal layouts have equal ``packed``.

    Args:
        fields: the columns.
        lead: ``()`` for single steps, ``(n_rows, n_lanes)`` for blocks.
        has_lanes: whether a block has a ``lane`` column; without one its lanes are 0 … n_lanes - 1.
    """

    def __init__(self, fields: Sequence[Field], *, lead: tuple[int, ...] = (), has_lanes: bool = False) -> None:
        self.fields = tuple(fields)
        self.lead = lead
        self.has_lanes = has_lanes

    @property
    def is_block(self) -> bool:
        """Whether it describes a block."""
        return bool(self.lead)

    @cached_property
    def packed(self) -> bytes:
        """Its form in the file's layout tables."""
        fields = [[f.name, f.dtype.str, list(f.shape), f.is_nullable, f.is_number] for f in self.fields]
        return cast("bytes", msgpack.packb([list(self.lead), self.has_lanes, fields]))

    @cached_property
    def record_dtype(self) -> np.dtype[Any]:
        """The dtype of a record, its first word included."""
        names: list[str] = ["word"]
        formats: list[Any] = [np.dtype(np.uint64)]
        offsets = [0]
        end = WORD_BYTES
        for name, dtype, shape in self._columns():
            if self.lead:
                end = padded(end)
            kind = np.dtype((dtype, (*self.lead, *shape)))
            names.append(name)
            formats.append(kind)
            offsets.append(end)
            end += kind.itemsize
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": padded(end)})

    @property
    def n_bytes(self) -> int:
        """Size of a record."""
        return self.record_dtype.itemsize

    def column(self, name: str) -> tuple[np.dtype[Any], int]:
        """The dtype of a column, with the axes of its shape, and its offset in a record."""
        fields = cast("dict[str, tuple[np.dtype[Any], int]]", self.record_dtype.fields)
        return fields[name][0], fields[name][1]

    def _columns(self) -> Iterator[tuple[str, np.dtype[Any], tuple[int, ...]]]:
        """Name, dtype and shape of each column, in their order in a record."""
        for name in PLACES:
            if name != "lane" or self.has_lanes or not self.lead:
                yield name, _INT64, ()
        # Steps are packed without holes: the larger numbers first, so that all are aligned.
        fields = self.fields if self.lead else sorted(self.fields, key=lambda field: -field.dtype.itemsize)
        for field in fields:
            yield field.name, field.dtype, field.shape
        for field in self.fields:
            if field.is_nullable:
                yield has_name(field.name), _BOOL, ()

    @classmethod
    def unpack(cls, packed: bytes) -> Layout:
        """Read the form in the file.

        Raises:
            BlackBoxError: it is none.
        """
        try:
            lead, has_lanes, fields = msgpack.unpackb(packed)
            return cls(
                [_checked(*field) for field in fields[: MAX_COLUMNS + 1]],
                lead=tuple(int(length) for length in lead),
                has_lanes=bool(has_lanes),
            )
        except (ValueError, TypeError) as error:
            raise BlackBoxError(f"a layout can't be read: {error}") from error


def _checked(name: str, dtype: str, shape: Sequence[int], is_nullable: bool, is_number: bool) -> Field:
    is_known = dtype in ALLOWED_DTYPES or (_TEXT.fullmatch(dtype) is not None and shape == [])
    is_sound = isinstance(name, str) and len(name) <= MAX_NAME_LENGTH and is_known
    if not is_sound or len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise ValueError(f"field {name!r:.80}, dtype {dtype!r:.20}, shape {shape!r:.80}")
    return Field(name, np.dtype(dtype), tuple(shape), bool(is_nullable), bool(is_number))
