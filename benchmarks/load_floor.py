"""How quickly Python can get from a file to columns at all: the calls of lz4, msgpack and numpy that the format can't do without,
and nothing else.

Where the frames lie and which columns lie together is known beforehand, nothing is checked, no metadata are read, no objects
made. A reader can't be this quick; it shows what is left to win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.frame
import msgpack
import numpy as np
from numpy.typing import NDArray

from recorder import open_episode
from recorder.chunk.columns import ColumnGroup
from recorder.framing import frame_end
from recorder.schema import Encoding

__all__ = ["bare_reader"]

_TRAILER_BYTES = 24


@dataclass(frozen=True, slots=True)
class _Known:
    """What a reader finds out and this one is told.

    Args:
        outline: ``(start, end)`` of header and footer.
        chunks: ``(start, end, n_steps)`` of each.
        groups: as in ``Placement``.
    """

    outline: list[tuple[int, int]]
    chunks: list[tuple[int, int, int]]
    groups: list[tuple[int, ColumnGroup]]


def bare_reader(path: Path) -> Callable[[], dict[str, NDArray[Any]]]:
    """A function that reads this file again and again.

    Args:
        path: a recording all of whose chunks hold the same columns, each for every step.

    Raises:
        RuntimeError: it does not find what ``open_episode`` finds.
    """
    episode, data = open_episode(path), path.read_bytes()
    chunks = [(ref.offset, ref.offset + ref.n_bytes, ref.n_steps) for ref in episode.chunks]
    outline = [(0, frame_end(data)), (chunks[-1][1], len(data) - _TRAILER_BYTES)]
    known = _Known(outline, chunks, list(episode.chunk(0).placement.groups))
    found = _read(path, known)
    for name, values in episode.columns().items():
        if not np.array_equal(found[name], values):
            raise RuntimeError(f"column {name!r} is not read as it is")
    return lambda: _read(path, known)


def _read(path: Path, known: _Known) -> dict[str, NDArray[Any]]:
    with open(path, "rb", buffering=0) as file:
        data = file.read()
    for start, end in known.outline:
        msgpack.unpackb(lz4.frame.decompress(data[start:end]))
    bodies = [msgpack.unpackb(lz4.frame.decompress(data[start:end]))[2] for start, end, _ in known.chunks]
    lengths = [n_steps for _, _, n_steps in known.chunks]
    columns: dict[str, NDArray[Any]] = {}
    for slot, group in known.groups:
        series = _gather(group, [body[slot] for body in bodies], lengths)
        end = 0
        for spec in group.specs:
            end += spec.n_values
            part = series[end - spec.n_values : end].view(spec.dtype)
            columns[spec.name] = part.T if spec.shape else part[0]
    return columns


def _gather(group: ColumnGroup, parts: list[bytes], lengths: list[int]) -> NDArray[Any]:
    """``int[n_values, n_steps]``; of integers of eight bytes the lowest plane alone, because the others hold zeros here."""
    spec = group.specs[0]
    n_values = sum(each.n_values for each in group.specs)
    n_deltas = sum(each.n_values for each in group.specs if each.encoding is Encoding.DELTA)
    series = np.empty((n_values, sum(lengths)), f"<u{spec.item_bytes}")
    cells = series.view(np.uint8).reshape(*series.shape, spec.item_bytes)
    start = 0
    for part, n_steps in zip(parts, lengths, strict=True):
        raw = np.frombuffer(part, np.uint8)
        if spec.encoding is Encoding.BITS:
            raw = np.unpackbits(raw, count=n_steps * n_values)
        planes = raw.reshape(spec.item_bytes, n_values, n_steps)
        here = slice(start, start + n_steps)
        if spec.item_bytes == 8:
            series[:, here] = planes[0]
        else:
            for index in range(spec.item_bytes):
                cells[:, here, index] = planes[index]
        start += n_steps
    if n_deltas:
        deltas = series[:n_deltas]
        signs = deltas & 1
        np.right_shift(deltas, 1, out=deltas)
        np.bitwise_xor(deltas, np.negative(signs, out=signs), out=deltas)
        start = 0
        for n_steps in lengths:
            part_of_all = deltas[:, start : start + n_steps]
            np.add.accumulate(part_of_all, axis=1, out=part_of_all)
            start += n_steps
    return series
