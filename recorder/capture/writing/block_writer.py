"""The function that writes one step of every lane, compiled for the ways in which the trainer's arrays come.

Small columns become bytes and go into the record by one ``pack_into``, which takes a third of the time of an assignment to a
numpy view for each; large ones are copied straight into the ring.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recorder.black_box import Kind, Layout, RingWriter
from recorder.capture.reading.texts import plain_bytes
from recorder.capture.writing.source import Source
from recorder.capture.writing.ways import Form, Way

__all__ = ["BlockSource"]

_MAX_PACKED_BYTES = 2048
"""The largest column that goes through a bytes object: from there on a second copy takes longer than it saves."""

_FLAGS = ("done", "terminated", "truncated")

_INT64 = np.dtype(np.int64)


class BlockSource(Source):
    """Reads the columns of one call: a block of one row."""

    kind = Kind.BLOCK
    places = "episode_ids, steps, lanes"

    def __init__(self, writer: RingWriter, layout: Layout) -> None:
        super().__init__(writer, layout)
        self._flags: dict[str, Way] = {}
        """Columns of flags so far, by variable."""

    def read_places(self) -> None:
        """See ``Source``."""
        each = (self._layout.lead[1],)
        self.read_array("episode_id", "episode_ids", _INT64, each, is_kept=True)
        self.read_array("step", "steps", _INT64, each, is_kept=True)
        if self._layout.has_lanes:
            self.read_array("lane", "lanes", _INT64, each, is_kept=True)
        else:
            self.lines.append("if lanes is not None: return False")

    def read(self, name: str, variable: str, way: Way) -> None:
        """See ``Source``."""
        if way.form is Form.TEXT:
            self._read_texts(name, variable, way)
            return
        if way.tensor_dtype is not None:
            self._read_tensor(name, variable, way)
            return
        if way.cls is not np.ndarray:
            self.lines += [
                f"if {variable}.__class__ is not {self.constant(way.cls)}: return False",
                f"{variable} = as_array({variable})",
            ]
        n_bytes = way.dtype.itemsize * math.prod(way.given_shape)
        if name in _FLAGS and 0 < n_bytes <= _MAX_PACKED_BYTES:
            self._read_flags(name, variable, way)
        else:
            self.read_array(name, variable, way.dtype, way.given_shape)

    def _read_flags(self, name: str, variable: str, way: Way) -> None:
        """The same for flags: in most calls two of the three are one array."""
        lines, self.lines = self.lines, []
        self.read_array(name, variable, way.dtype, way.given_shape)
        lines += [
            f"{'elif' if index else 'if'} {variable} is {other}: b_{variable} = b_{other}"
            for index, other in enumerate(other for other, its_way in self._flags.items() if its_way == way)
        ]
        is_alone = way not in self._flags.values()
        self.lines = [*lines, *(self.lines if is_alone else ["else:", *(f" {line}" for line in self.lines)])]
        self._flags[variable] = way

    def read_array(
        self, name: str, variable: str, dtype: np.dtype[Any], shape: tuple[int, ...], *, is_kept: bool = False
    ) -> None:
        """The same for an array of numpy.

        Args:
            is_kept: the same array may come with each call, as those of the wrappers do: then one look at it is enough. Only a
                view is kept, which can't be resized: a reference to any other array would keep its owner from that.
        """
        known = self.constant(dtype)
        check = (
            f"if {variable}.__class__ is not ndarray or {variable}.shape != {shape}"
            f" or {variable}.dtype is not {known} and {variable}.dtype != {known}: return False"
        )
        n_bytes = dtype.itemsize * math.prod(shape)
        if is_kept or not n_bytes:
            last = self.variable()
            self.lines += [
                f"if {variable} is not {last}:",
                f" {check}",
                f" if {variable}.base is not None: {last} = {variable}",
            ]
        else:
            self.lines.append(check)
        if 0 < n_bytes <= _MAX_PACKED_BYTES:
            self.lines.append(f"b_{variable} = {variable}.tobytes()")
            self.pack(name, f"{n_bytes}s", [f"b_{variable}"])
        elif n_bytes:
            self.copy_array(name, variable, shape=shape)

    def _read_texts(self, name: str, variable: str, way: Way) -> None:
        """One text a lane: each is put into its place by ``pack_into``."""
        n_lanes, capacity = self._layout.lead[1], way.n_bytes
        texts, plain = f"t_{variable}", self.constant(plain_bytes)
        self.lines += [
            f"if {variable}.__class__ is str or len({variable}) != {n_lanes}: return False",
            f"{texts} = [{plain}(text, {capacity}) for text in {variable}]",
            f"if None in {texts}: return False",
        ]
        self.pack(name, f"{capacity}s" * n_lanes, [f"*{texts}"])

    def _read_tensor(self, name: str, variable: str, way: Way) -> None:
        self.lines += self.tensor_checks(way, variable)
        n_bytes = way.dtype.itemsize * math.prod(way.given_shape)
        if not n_bytes:
            self.lines.append(f"if {variable}.shape != {way.given_shape}: return False")
            return
        is_packed = n_bytes <= _MAX_PACKED_BYTES
        self.lines += self.tensor_lines(way, variable, f"b_{variable}", is_packed=is_packed)
        if is_packed:
            self.pack(name, f"{n_bytes}s", [f"b_{variable}"])
        else:
            self.copy_tensor(name, n_bytes, f"b_{variable}", tensor=variable)
