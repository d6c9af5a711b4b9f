"""An episode as a numpy archive, written piece by piece: it is never held whole."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import Chunk
from recorder.episode_file import Episode
from recorder.schema import ColumnSpec

__all__ = ["npz_pieces"]

_PRESENT = "present."
"""Begins the name of the array that says which steps have a value."""


class _Pieces(io.RawIOBase):
    """A file that hands on what was written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def npz_pieces(episode: Episode) -> Iterator[bytes]:
    """Yield the bytes of an ``.npz`` file.

    It has ``step``, ``int64[n_steps]``, and each column by its name, ``dtype[n_steps, *shape]``. Where some steps have no value
    they hold NaN, 0 or False, and ``present.<name>``, ``bool[n_steps]``, says which have one. Texts, and columns whose shape
    changes, are left out.

    Raises:
        EpisodeFileCorruptError: a chunk is damaged.
    """
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        numbers = episode.step_numbers
        yield from _member(archive, pieces, "step", numbers.dtype, (len(numbers),), iter([numbers]))
        for name, (dtype, shape, is_whole) in _forms(episode).items():
            values = (_filled(chunk, name, dtype, shape) for chunk in _chunks(episode))
            yield from _member(archive, pieces, name, dtype, (episode.n_steps, *shape), values)
            if not is_whole:
                masks = (_mask(chunk, name) for chunk in _chunks(episode))
                yield from _member(archive, pieces, _PRESENT + name, np.dtype(np.bool_), (episode.n_steps,), masks)
    yield pieces.take()


def _member(
    archive: zipfile.ZipFile,
    pieces: _Pieces,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    parts: Iterator[NDArray[Any]],
) -> Iterator[bytes]:
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    # A fixed time: the same recording gives the same bytes.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array_header_2_0(member, head)
        for part in parts:
            member.write(np.ascontiguousarray(part).data.cast("B") if part.size else b"")
            yield pieces.take()


def _chunks(episode: Episode) -> Iterator[Chunk]:
    return (chunk for chunk, _ in episode.chunks_between(0, episode.n_steps))


def _forms(episode: Episode) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], bool]]:
    """The dtype and shape that hold all values of each column, and whether all steps have one; of columns that have such an
    array."""
    specs: dict[str, set[ColumnSpec]] = {name: set() for name in episode.names}
    n_present = dict.fromkeys(specs, 0)
    for chunk in _chunks(episode):
        for name in chunk.names:
            specs[name].add(chunk.spec(name))
            n_present[name] += int(np.count_nonzero(_mask(chunk, name)))
    return {
        name: (
            np.result_type(*(spec.dtype for spec in found)),
            next(iter(found)).shape,
            n_present[name] == episode.n_steps,
        )
        for name, found in specs.items()
        if len({spec.shape for spec in found}) == 1 and not any(spec.is_text for spec in found)
    }


def _mask(chunk: Chunk, name: str) -> NDArray[np.bool_]:
    if name not in chunk.names:
        return np.zeros(chunk.n_steps, np.bool_)
    present = chunk.loose[name].present if name in chunk.loose else None
    return np.ones(chunk.n_steps, np.bool_) if present is None else present


def _filled(chunk: Chunk, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    data = chunk.columns([name]).get(name)
    if data is not None and data.present is None:
        return data.values.astype(dtype, copy=False)
    values = np.full((chunk.n_steps, *shape), np.nan if dtype.kind in "fc" else 0, dtype)
    if data is not None:
        values[data.present] = data.values
    return values
