"""The function that writes one step of every lane, compiled for the ways in which the trainer's arrays come.

Small columns become bytes and go into the record by one ``pack_into``, which takes a third of the time of an assignment to a
numpy view for each; large ones are copied straight into the ring.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.black_box.format import Cell, record_word
from recorder.capture.step_writer import FIELDS, all_positions
from recorder.capture.tensor_bytes import at_address, reading_lines
from recorder.capture.values import as_array
from recorder.capture.ways import Way
from recorder.schema import EXTRAS_PREFIX

__all__ = ["BlockWriter", "compile_block_writer"]

BlockWriter = Callable[..., bool | None]
"""Takes episode ids, steps, lanes, the fields in the order of ``FIELDS``, and the extras. True: written; False: a value
came another way; None: the ring has no room. Raises whatever a value of another kind raises."""

_MAX_PACKED_BYTES = 2048
"""The largest column that goes through a bytes object: from there on a second copy takes longer than it saves."""

_INT64 = np.dtype(np.int64)


def compile_block_writer(
    writer: RingWriter,
    layout: Layout,
    layout_id: int,
    generation: int,
    ways: Mapping[str, Way],
    acquire: Callable[[], bool],
) -> BlockWriter:
    """Make the function; a block of one row.

    Args:
        generation: of the writer's, in which the layout got its id: in another one the function writes nothing.
        ways: by column; a field without one is missing in every call. None of form ``DEVICE``.
        acquire: takes the writer's lock; False when that takes too long.
    """
    source = _Source(writer, layout)
    n_lanes = layout.lead[1]
    source.read_array("episode_id", "episode_ids", _INT64, (n_lanes,))
    source.read_array("step", "steps", _INT64, (n_lanes,))
    if layout.has_lanes:
        source.read_array("lane", "lanes", _INT64, (n_lanes,))
    else:
        source.lines.append("if lanes is not None: return False")
    extras = [name for name in ways if name.startswith(EXTRAS_PREFIX)]
    source.lines.append(
        f"if extras is None or len(extras) != {len(extras)}: return False" if extras else "if extras: return False"
    )
    for name in FIELDS:
        if name in ways:
            source.read(name, name, ways[name])
        else:
            source.lines.append(f"if {name} is not None: return False")
    for index, name in enumerate(extras):
        source.lines.append(f"x{index} = extras.get({name.removeprefix(EXTRAS_PREFIX)!r})")
        source.read(name, f"x{index}", ways[name])
    is_large = any(way.is_large for way in ways.values())
    n_bytes, word = layout.n_bytes, record_word(Kind.BLOCK, layout.n_bytes, layout_id)
    lines = [
        f"def write(episode_ids, steps, lanes, {', '.join(FIELDS)}, extras):",
        *(f" {line}" for line in source.lines),
        " if not try_lock(False) and not acquire(): return None",
        " try:",
        f"  if writer.generation != {generation}: return False",
        "  start = writer.head",
        f"  end = start + {n_bytes}",
        f"  if end > writer.{'large_limit' if is_large else 'limit'}:",
        f"   if not writer.room({n_bytes}, is_large={is_large}): return None",
        f"   start = writer.head; end = start + {n_bytes}",
        f"  at = start - writer.base + {writer.ring.ring_at}",
        f"  pack_into(memory, at, {', '.join([str(word), *source.packed])})",
        *(f"  {line}" for line in source.copies),
        f"  if writer.unpublished is None: writer.head = end; words[{int(Cell.HEAD)}] = end",
        "  else: writer.publish(end)",
        " finally: release()",
        " return True",
    ]
    constants = {
        **source.constants,
        "as_array": as_array,
        "ndarray": np.ndarray,
        "writer": writer,
        "words": writer.ring.words,
        "memory": writer.ring.memory,
        "acquire": acquire,
        "try_lock": writer.lock.acquire,
        "release": writer.lock.release,
        "pack_into": struct.Struct(source.format).pack_into,
    }
    exec(compile("\n".join(lines), "<block writer>", "exec"), constants)
    written: BlockWriter = constants["write"]
    return written


class _Source:
    """Gathers the lines of the function and what they need; columns are read in their order in a record."""

    def __init__(self, writer: RingWriter, layout: Layout) -> None:
        self._writer = writer
        self._layout = layout
        self.lines: list[str] = []
        self.copies: list[str] = []
        """Lines that copy large columns, where ``at`` is the record's place in memory."""
        self.constants: dict[str, Any] = {}
        self._packed: dict[int, tuple[int, str]] = {}
        """By offset in the record: number of bytes, and the variable."""

    @property
    def format(self) -> str:
        """Of the record's word and its small columns."""
        parts, end = ["<Q"], 8
        for offset, (n_bytes, _) in sorted(self._packed.items()):
            parts.append(f"{offset - end}x{n_bytes}s")
            end = offset + n_bytes
        return "".join(parts)

    @property
    def packed(self) -> list[str]:
        """The variables of the small columns."""
        return [variable for _, (_, variable) in sorted(self._packed.items())]

    def read(self, name: str, variable: str, way: Way) -> None:
        """Compare a column with its way, and make bytes of it, or have it copied."""
        if way.tensor_dtype is not None:
            self._read_tensor(name, variable, way)
            return
        if way.cls is not np.ndarray:
            self.lines += [
                f"if {variable}.__class__ is not {self._constant('k', way.cls)}: return False",
                f"{variable} = as_array({variable})",
            ]
        self.read_array(name, variable, way.dtype, way.given_shape)

    def read_array(self, name: str, variable: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        """The same for an array of numpy."""
        known = self._constant("d", dtype)
        self.lines.append(
            f"if {variable}.__class__ is not ndarray or {variable}.shape != {shape}"
            f" or {variable}.dtype is not {known} and {variable}.dtype != {known}: return False"
        )
        n_bytes, offset = dtype.itemsize * math.prod(shape), self._layout.column(name)[1]
        if 0 < n_bytes <= _MAX_PACKED_BYTES:
            self.lines.append(f"b{offset} = {variable}.tobytes()")
            self._packed[offset] = n_bytes, f"b{offset}"
        elif n_bytes:
            column = all_positions(self._writer, self._layout, name)
            inner = column.shape[1:]
            reshaped = "" if shape in (inner, inner[1:]) else f".reshape({inner})"
            place = f"(at - {self._writer.ring.ring_at}) >> 3"
            self.copies.append(f"{self._constant('c', column)}[{place}] = {variable}{reshaped}")

    def _read_tensor(self, name: str, variable: str, way: Way) -> None:
        self.lines.append(
            f"if {variable}.__class__ is not {self._constant('k', way.cls)}"
            f" or {variable}.dtype is not {self._constant('t', way.tensor_dtype)}"
            f" or not {variable}.is_cpu or {variable}.shape != {way.given_shape}: return False"
        )
        n_bytes, offset = way.dtype.itemsize * math.prod(way.given_shape), self._layout.column(name)[1]
        if not n_bytes:
            return
        is_packed = n_bytes <= _MAX_PACKED_BYTES
        reader = self._constant("r", at_address(n_bytes))
        self.lines += reading_lines(
            variable, f"b{offset}", at_address=reader, is_float=way.dtype.kind == "f", is_packed=is_packed
        )
        if is_packed:
            self._packed[offset] = n_bytes, f"b{offset}"
        else:
            self.copies.append(f"memory[at + {offset} : at + {offset + n_bytes}] = b{offset}")

    def _constant(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self.constants)}"
        self.constants[name] = value
        return name
