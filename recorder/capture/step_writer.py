"""The function that writes one step, compiled for the ways in which the trainer's values come.

Half of the time of a call would go into finding out, field by field, what the last call has shown already. So a function
is made that only compares: it has the classes, dtypes and lengths as constants, and one ``pack_into`` for all small values.
It writes nothing when a value comes another way.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.black_box.format import Cell, record_word
from recorder.black_box.layout import has_name
from recorder.capture.tensor_bytes import at_address, reading_lines
from recorder.capture.values import as_array
from recorder.capture.ways import Form, Way
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = ["FIELDS", "StepWriter", "all_positions", "compile_step_writer"]

FIELDS = tuple(STEP_FIELDS)

StepWriter = Callable[..., bool | None]
"""Takes episode id, step, lane, the fields in the order of ``FIELDS``, and the extras. True: written; False: a value came
another way; None: the ring has no room. Raises whatever a value of another kind raises."""

_LETTERS = {
    "|b1": "?", "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I", "<i8": "q", "<u8": "Q",
    "<f2": "e", "<f4": "f", "<f8": "d",
}  # fmt: skip

_EXACT = 2**53
"""Whole numbers up to here are the same as floats."""


def all_positions(writer: RingWriter, layout: Layout, name: str) -> np.ndarray[Any, Any]:
    """A column as it would be in a record at any place of the ring: index it by the place divided by 8."""
    dtype, offset = layout.column(name)
    base, shape = dtype.subdtype or (dtype, ())
    strides = np.empty(shape, base).strides
    n_places = (writer.ring.capacity - layout.n_bytes) // 8 + 1
    return np.ndarray((n_places, *shape), base, writer.ring.memory, writer.ring.ring_at + offset, (8, *strides))


def compile_step_writer(
    writer: RingWriter,
    layout: Layout,
    layout_id: int,
    generation: int,
    ways: Mapping[str, Way],
    acquire: Callable[[], bool],
) -> StepWriter:
    """Make the function.

    Args:
        generation: of the writer's, in which the layout got its id: in another one the function writes nothing.
        ways: by column; a field without one is missing in every step. None of form ``DEVICE``.
        acquire: takes the writer's lock; False when that takes too long.
    """
    source = _Source(writer, layout)
    for name in FIELDS:
        source.read(name, ways.get(name), name)
    extras = [name for name in ways if name.startswith(EXTRAS_PREFIX)]
    source.read_extras(extras, ways)
    n_bytes = layout.n_bytes
    is_large = any(way.is_large for way in ways.values())
    constants = {
        **source.constants,
        "writer": writer,
        "words": writer.ring.words,
        "memory": writer.ring.memory,
        "acquire": acquire,
        "try_lock": writer.lock.acquire,
        "release": writer.lock.release,
        "pack_into": source.packer(),
    }
    word = record_word(Kind.STEP, n_bytes, layout_id)
    lines = [
        f"def write(episode_id, step, lane, {', '.join(FIELDS)}, extras):",
        " if not episode_id.__class__ is step.__class__ is lane.__class__ is int: return False",
        *source.lines,
        " if not try_lock(False) and not acquire(): return None",
        " try:",
        f"  if writer.generation != {generation}: return False",
        "  start = writer.head",
        f"  end = start + {n_bytes}",
        f"  if end > writer.{'large_limit' if is_large else 'limit'}:",
        f"   if not writer.room({n_bytes}, is_large={is_large}): return None",
        f"   start = writer.head; end = start + {n_bytes}",
        "  place = start - writer.base",
        f"  pack_into(memory, place + {writer.ring.ring_at}, {word}, episode_id, step, lane{source.packed_arguments()})",
        *source.copies,
        "  if writer.unpublished is None: writer.head = end; words[" + str(int(Cell.HEAD)) + "] = end",
        "  else: writer.publish(end)",
        " finally: release()",
        " return True",
    ]
    exec(compile("\n".join(lines), "<step writer>", "exec"), constants)
    written: StepWriter = constants["write"]
    return written


class _Source:
    """Gathers the lines of the function and what they need."""

    def __init__(self, writer: RingWriter, layout: Layout) -> None:
        self._writer = writer
        self._layout = layout
        self.lines: list[str] = []
        self.copies: list[str] = []
        self.constants: dict[str, Any] = {"as_array": as_array}
        self._n_read = 0
        self._packed: dict[str, list[str]] = {}
        """By column, the variables that hold what is packed."""
        self._formats: dict[str, str] = {}

    def read(self, name: str, way: Way | None, variable: str) -> None:
        """Compare a value with its way, and take it apart."""
        if way is None:
            self.lines.append(f" if {variable} is not None: return False")
            return
        self._n_read += 1
        prefix = f"v{self._n_read}"
        held, taking = self._taken(way, variable, prefix)
        lines = [*self._checks(way, variable, prefix), *taking]
        if way.is_nullable:
            nothing = "b''" if way.form is Form.BYTES else "0"
            missing = [f"{each} = {nothing}" for each in held] or ["pass"]
            self.lines += [f" has_{prefix} = {variable} is not None", f" if has_{prefix}:"]
            self.lines += [f"  {line}" for line in lines] + [" else:"] + [f"  {line}" for line in missing]
            self._packed[has_name(name)], self._formats[has_name(name)] = [f"has_{prefix}"], "?"
        else:
            self.lines += [f" {line}" for line in lines]
        if way.form is Form.COPIED:
            if way.has_address:
                at = self._writer.ring.ring_at + self._layout.column(name)[1]
                target = f"memory[place + {at} : place + {at + way.n_bytes}]"
            else:
                column = self._constant(f"{prefix}_column", all_positions(self._writer, self._layout, name))
                target = f"{column}[place >> 3]"
            self.copies.append(f"  {f'if has_{prefix}: ' if way.is_nullable else ''}{target} = {prefix}")
            return
        self._packed[name] = held
        n_values = math.prod(way.shape)
        is_bytes = way.form is Form.BYTES
        self._formats[name] = (
            f"{n_values * way.dtype.itemsize}s" if is_bytes else f"{n_values}{_LETTERS[way.dtype.str]}"
        )

    def read_extras(self, names: Sequence[str], ways: Mapping[str, Way]) -> None:
        """The same for the extras, which come as a map."""
        if not names:
            self.lines.append(" if extras: return False")
            return
        self.lines += [" if extras is None: extras = {}", " n_extras = 0"]
        for index, name in enumerate(names):
            self.lines.append(f" x{index} = extras.get({name.removeprefix(EXTRAS_PREFIX)!r})")
            self.lines.append(f" if x{index} is not None: n_extras += 1")
            self.read(name, ways[name], f"x{index}")
        self.lines.append(" if len(extras) != n_extras: return False")

    def packer(self) -> Callable[..., None]:
        """``pack_into`` for the record, padded where a column is copied by itself."""
        parts, at = ["<Qqqq"], 32
        for name in self._columns():
            _, offset = self._layout.column(name)
            parts.append(f"{offset - at}x{self._formats[name]}")
            at = offset + struct.calcsize(f"<{self._formats[name]}")
        return struct.Struct("".join(parts)).pack_into

    def packed_arguments(self) -> str:
        """The values, in their order in the record."""
        return "".join(f", {argument}" for name in self._columns() for argument in self._packed[name])

    def _columns(self) -> list[str]:
        return [name for name in self._layout.record_dtype.names or () if name in self._packed]

    def _checks(self, way: Way, variable: str, prefix: str) -> list[str]:
        """Lines that leave the function when a value comes another way."""
        if way.form is Form.NUMBER:
            return [f"if not ({_is_number(way.dtype, variable)}): return False"]
        checks = [f"if {variable}.__class__ is not {self._constant(f'{prefix}_class', way.cls)}: return False"]
        shape = self._constant(f"{prefix}_shape", way.given_shape)
        if way.tensor_dtype is not None:
            dtype = self._constant(f"{prefix}_dtype", way.tensor_dtype)
            checks.append(f"if {variable}.dtype is not {dtype} or not {variable}.is_cpu: return False")
            if way.form is not Form.UNROLLED:
                checks.append(f"if {variable}.shape != {shape}: return False")
        elif way.form in (Form.BYTES, Form.COPIED):
            if way.form is Form.COPIED and way.cls is not np.ndarray:
                checks.append(f"{variable} = as_array({variable})")
            dtype = self._constant(f"{prefix}_dtype", way.dtype)
            checks.append(f"if {variable}.dtype != {dtype} or {variable}.shape != {shape}: return False")
        elif way.form is Form.NUMBERS and way.shape == (0,):
            checks.append(f"if {variable}: return False")
        return checks

    def _taken(self, way: Way, variable: str, prefix: str) -> tuple[list[str], list[str]]:
        """The variables that hold a value that is there, and the lines that fill them."""
        if way.form in (Form.NUMBER, Form.SCALAR):
            return ([prefix], [f"{prefix} = {variable}"]) if way.is_nullable else ([variable], [])
        if way.has_address and way.form is not Form.UNROLLED:
            reader = self._constant(f"{prefix}_at", at_address(way.n_bytes))
            is_packed = way.form is Form.BYTES
            is_float = way.dtype.kind == "f"
            lines = reading_lines(variable, prefix, at_address=reader, is_float=is_float, is_packed=is_packed)
            return [prefix], lines
        if way.form is Form.BYTES:
            return [prefix], [f"{prefix} = {variable}.tobytes()"]
        if way.form is Form.COPIED:
            value = f"as_array({variable})" if way.tensor_dtype is not None else variable
            reshaped = "" if way.given_shape == way.shape else f".reshape({way.shape})"
            return [prefix], [f"{prefix} = {value}{reshaped}"]
        held = [f"{prefix}_{index}" for index in range(math.prod(way.shape))]
        if not held:
            return [], []
        if way.form is Form.UNROLLED:
            value = f"{variable}.tolist()"
            return held, [f"{held[0]} = {value}" if way.given_shape == () else f"{', '.join(held)}, = {value}"]
        checks = [f"if not ({_is_number(way.dtype, each)}): return False" for each in held]
        return held, [f"{', '.join(held)}, = {variable}", *checks]

    def _constant(self, name: str, value: Any) -> str:
        self.constants[name] = value
        return name


def _is_number(dtype: np.dtype[Any], variable: str) -> str:
    """The condition that a value is a number that a column of that dtype holds exactly."""
    if dtype.kind == "b":
        return f"{variable}.__class__ is bool"
    if dtype.kind == "i":
        return f"{variable}.__class__ is int or {variable}.__class__ is bool"
    whole = f"{variable}.__class__ is int and -{_EXACT} <= {variable} <= {_EXACT} or {variable}.__class__ is bool"
    return f"{variable}.__class__ is float or {whole}"
