"""The function that writes one step of every lane, compiled for the ways in which the trainer's arrays come."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.black_box.format import Cell, record_word
from recorder.capture.step_writer import FIELDS, all_positions
from recorder.capture.values import as_array
from recorder.capture.ways import Way
from recorder.schema import EXTRAS_PREFIX

__all__ = ["BlockWriter", "compile_block_writer"]

BlockWriter = Callable[..., bool | None]
"""Takes episode ids, steps, lanes, the fields in the order of ``FIELDS``, and the extras. True: written; False: a value
came another way; None: the ring has no room. Raises whatever a value of another kind raises."""


def compile_block_writer(
    writer: RingWriter, layout: Layout, layout_id: int, ways: Mapping[str, Way], acquire: Callable[[], bool]
) -> BlockWriter:
    """Make the function; a block of one row.

    Args:
        ways: by column; a field without one is missing in every call. None of form ``DEVICE``.
        acquire: takes the writer's lock; False when that takes too long.
    """
    n_lanes = layout.lead[1]
    constants: dict[str, Any] = {
        "as_array": as_array,
        "writer": writer,
        "words": writer.ring.words,
        "memory": writer.ring.memory,
        "acquire": acquire,
        "try_lock": writer.lock.acquire,
        "release": writer.lock.release,
        "put_word": struct.Struct("<Q").pack_into,
        "ndarray": np.ndarray,
        "int64": np.dtype(np.int64),
    }
    checks, copies = [], []
    for name, variable in (("episode_id", "episode_ids"), ("step", "steps"), ("lane", "lanes")):
        if name == "lane" and not layout.has_lanes:
            checks.append(" if lanes is not None: return False")
            continue
        checks.append(
            f" if {variable}.__class__ is not ndarray or {variable}.dtype is not int64 or {variable}.shape != ({n_lanes},):"
            " return False"
        )
        constants[f"c_{name}"] = all_positions(writer, layout, name)
        copies.append(f"  c_{name}[at] = {variable}")
    extras = [name for name in ways if name.startswith(EXTRAS_PREFIX)]
    checks.append(
        f" if extras is not None and len(extras) != {len(extras)}: return False"
        if extras
        else " if extras: return False"
    )
    variables = {name: name for name in FIELDS} | {name: f"x{index}" for index, name in enumerate(extras)}
    checks += [f" x{index} = extras[{name.removeprefix(EXTRAS_PREFIX)!r}]" for index, name in enumerate(extras)]
    for index, (name, variable) in enumerate(variables.items()):
        way = ways.get(name)
        if way is None:
            checks.append(f" if {variable} is not None: return False")
            continue
        constants |= {f"k{index}": way.cls, f"d{index}": way.tensor_dtype or way.dtype, f"s{index}": way.given_shape}
        constants[f"c{index}"] = all_positions(writer, layout, name)
        checks.append(f" if {variable}.__class__ is not k{index}: return False")
        if way.tensor_dtype is not None:
            checks.append(f" if not {variable}.is_cpu: return False")
            checks.append(f" a{index} = {variable}.numpy()")
            constants[f"d{index}"] = way.dtype
        elif way.cls is not np.ndarray:
            checks.append(f" a{index} = as_array({variable})")
        else:
            checks.append(f" a{index} = {variable}")
        checks.append(
            f" if a{index}.dtype is not d{index} and a{index}.dtype != d{index} or a{index}.shape != s{index}: return False"
        )
        inner = (*layout.lead[1:], *way.shape)
        reshaped = "" if way.given_shape in (inner, (1, *inner)) else f".reshape({inner})"
        copies.append(f"  c{index}[at] = a{index}{reshaped}")
    is_large = any(way.is_large for way in ways.values())
    n_bytes, word = layout.n_bytes, record_word(Kind.BLOCK, layout.n_bytes, layout_id)
    lines = [
        f"def write(episode_ids, steps, lanes, {', '.join(FIELDS)}, extras):",
        *checks,
        " if not try_lock(False) and not acquire(): return None",
        " try:",
        "  start = writer.head",
        f"  end = start + {n_bytes}",
        f"  if end > writer.{'large_limit' if is_large else 'limit'}:",
        f"   if not writer.room({n_bytes}, is_large={is_large}): return None",
        f"   start = writer.head; end = start + {n_bytes}",
        "  place = start - writer.base",
        "  at = place >> 3",
        f"  put_word(memory, place + {writer.ring.ring_at}, {word})",
        *copies,
        f"  if writer.unpublished is None: writer.head = end; words[{int(Cell.HEAD)}] = end",
        "  else: writer.publish(end)",
        " finally: release()",
        " return True",
    ]
    exec(compile("\n".join(lines), "<block writer>", "exec"), constants)
    written: BlockWriter = constants["write"]
    return written
