"""The source of a compiled writer: lines that compare a call's values with those of the last calls, and lines that write.

Half of the time of a call would go into finding out, field by field, what the last call has shown already. So a function
is made that only compares: it has the classes, dtypes and shapes as constants, and one ``pack_into`` for all small values.
It writes nothing when a value comes another way.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.black_box.format import Cell, record_word
from recorder.capture.reading.tensor_bytes import at_address, reading_lines
from recorder.capture.reading.values import as_array
from recorder.capture.writing.ways import Way
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = ["FIELDS", "Source", "Writer"]

FIELDS = tuple(STEP_FIELDS)

Writer = Callable[..., bool | None]
"""Takes where a record belongs, the fields in the order of ``FIELDS``, and the extras. True: written; False: a value came
another way, or it could be left out for want of room; None: the ring has no room for values of which none can be left out.
Raises whatever a value of another kind raises."""


class Source(ABC):
    """Gathers the lines of one function and what they need.

    Args:
        layout: of its records.
    """

    kind: Kind
    """Of its records."""
    places: str
    """The function's first parameters: where a record belongs."""

    def __init__(self, writer: RingWriter, layout: Layout) -> None:
        self._writer = writer
        self._layout = layout
        self.lines: list[str] = []
        """They leave the function when a value comes another way, and take the values apart."""
        self._copies: list[str] = []
        """They copy large columns, where ``place`` is the record's place in the ring."""
        self._constants: dict[str, Any] = {"as_array": as_array, "ndarray": np.ndarray}
        self._variables: list[str] = []
        self._packed: dict[int, tuple[str, Sequence[str]]] = {}
        """By offset in the record: the format, and the variables that hold what is packed."""

    def constant(self, value: Any) -> str:
        """The name of a value that the lines need."""
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def variable(self) -> str:
        """The name of a variable that keeps its value from call to call; None before the first."""
        name = f"last{len(self._variables)}"
        self._variables.append(name)
        return name

    def pack(self, column: str, format: str, variables: Sequence[str]) -> None:
        """Have the values of a column written by ``pack_into``; a column without bytes has the place of another one."""
        if struct.calcsize(f"<{format}"):
            self._packed[self._layout.column(column)[1]] = format, variables

    def copy_tensor(self, column: str, n_bytes: int, variable: str, *, tensor: str, condition: str = "") -> None:
        """Have a column copied from the buffer of a tensor, if that still is its memory: other code may have run since.

        Args:
            variable: name of what ``tensor_lines`` made.
        """
        moved = f"{variable}_at is not None and {tensor}.data_ptr() != {variable}_at"
        self._copies.append(f"{condition.removesuffix(': ')} and {moved}" if condition else f"if {moved}")
        self._copies[-1] += ": return False"
        at = self._writer.ring.ring_at + self._layout.column(column)[1]
        self._copies.append(f"{condition}memory[place + {at} : place + {at + n_bytes}] = {variable}")

    def copy_array(self, column: str, variable: str, *, shape: tuple[int, ...], condition: str = "") -> None:
        """Have a column copied from an array of numpy.

        Args:
            shape: of the array; where it differs from the column's, it is reshaped.
        """
        positions = self._all_positions(column)
        own = positions.shape[1:]
        reshaped = "" if shape in (own, own[1:]) else f".reshape({own})"
        self._copies.append(f"{condition}{self.constant(positions)}[place >> 3] = {variable}{reshaped}")

    def tensor_checks(self, way: Way, variable: str) -> list[str]:
        """Lines that leave the function when a tensor is of another kind; its shape is not compared."""
        cls, dtype = self.constant(way.cls), self.constant(way.tensor_dtype)
        is_other = f"{variable}.__class__ is not {cls} or {variable}.dtype is not {dtype} or not {variable}.is_cpu"
        return [f"if {is_other}: return False"]

    def tensor_lines(self, way: Way, variable: str, target: str, *, is_packed: bool) -> list[str]:
        """Lines that read the memory of a tensor that has passed the checks.

        Args:
            target: name for its bytes.
            is_packed: bytes, for ``pack``; a buffer else.
        """
        n_bytes = way.dtype.itemsize * math.prod(way.given_shape)
        return [
            f"if {variable}.shape != {way.given_shape}: return False",
            *reading_lines(
                variable,
                target,
                at_address=self.constant(at_address(n_bytes)),
                is_float=way.dtype.kind == "f",
                is_packed=is_packed,
            ),
        ]

    @abstractmethod
    def read_places(self) -> None:
        """Have the places compared and taken apart."""

    @abstractmethod
    def read(self, name: str, variable: str, way: Way) -> None:
        """Have the value of a column compared with its way, and taken apart or copied."""

    def _read_values(self, ways: Mapping[str, Way]) -> None:
        for name in FIELDS:
            if name in ways:
                self.read(name, name, ways[name])
            else:
                self.lines.append(f"if {name} is not None: return False")
        extras = [name for name in ways if name.startswith(EXTRAS_PREFIX)]
        if not extras:
            self.lines.append("if extras: return False")
            return
        are_counted = any(ways[name].is_nullable for name in extras)
        if are_counted:
            self.lines += ["if extras is None: extras = {}", "n_extras = 0"]
        else:
            self.lines.append(f"if extras is None or len(extras) != {len(extras)}: return False")
        for index, name in enumerate(extras):
            self.lines.append(f"x{index} = extras.get({name.removeprefix(EXTRAS_PREFIX)!r})")
            if are_counted:
                self.lines.append(f"if x{index} is not None: n_extras += 1")
            self.read(name, f"x{index}", ways[name])
        if are_counted:
            self.lines.append("if len(extras) != n_extras: return False")

    def compiled(
        self, ways: Mapping[str, Way], *, layout_id: int, generation: int, acquire: Callable[[], bool]
    ) -> Writer:
        """The function.

        Args:
            ways: by column; a field without one is missing in every call. None of form ``DEVICE``.
            generation: of the writer's, in which the layout got its id: in another one the function writes nothing.
            acquire: takes the writer's lock; False when that takes too long.
        """
        self.read_places()
        self._read_values(ways)
        is_large = any(way.is_large for way in ways.values())
        writer, n_bytes = self._writer, self._layout.n_bytes
        formats, arguments, end = ["<Q"], [str(record_word(self.kind, n_bytes, layout_id))], 8
        for offset, (format, variables) in sorted(self._packed.items()):
            formats.append(f"{offset - end}x{format}")
            arguments += variables
            end = offset + struct.calcsize(f"<{format}")
        lines = [
            f"def write({self.places}, {', '.join(FIELDS)}, extras):",
            *([f" global {', '.join(self._variables)}"] if self._variables else []),
            *(f" {line}" for line in self.lines),
            " if not try_lock(False) and not acquire(): return None",
            " try:",
            f"  if writer.generation != {generation}: return False",
            "  start = writer.head",
            f"  end = start + {n_bytes}",
            f"  if end > writer.{'large_limit' if is_large else 'limit'}:",
            f"   if not writer.room({n_bytes}, is_large={is_large}): return {False if is_large else None}",
            f"   start = writer.head; end = start + {n_bytes}",
            "  place = start - writer.base",
            f"  pack_into(memory, place + {writer.ring.ring_at}, {', '.join(arguments)})",
            *(f"  {line}" for line in self._copies),
            f"  if writer.unpublished is None: writer.head = end; words[{int(Cell.HEAD)}] = end",
            "  else: writer.publish(end)",
            " finally: release()",
            " return True",
        ]
        names = {
            **self._constants,
            **dict.fromkeys(self._variables),
            "writer": writer,
            "words": writer.ring.words,
            "memory": writer.ring.memory,
            "acquire": acquire,
            "try_lock": writer.lock.acquire,
            "release": writer.lock.release,
            "pack_into": struct.Struct("".join(formats)).pack_into,
        }
        exec(compile("\n".join(lines), f"<{self.kind.name.lower()} writer>", "exec"), names)
        written: Writer = names["write"]
        return written

    def _all_positions(self, column: str) -> np.ndarray[Any, Any]:
        """A column as it would be in a record at any place of the ring: index it by the place divided by 8."""
        ring = self._writer.ring
        dtype, offset = self._layout.column(column)
        base, shape = dtype.subdtype or (dtype, ())
        strides = np.empty(shape, base).strides
        n_places = (ring.capacity - self._layout.n_bytes) // 8 + 1
        return np.ndarray((n_places, *shape), base, ring.memory, ring.ring_at + offset, (8, *strides))
