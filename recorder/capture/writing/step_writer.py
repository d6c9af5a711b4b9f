"""The function that writes one step, compiled for the ways in which the trainer's values come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recorder.black_box import Kind
from recorder.black_box.layout import has_name
from recorder.capture.reading.texts import plain_bytes
from recorder.capture.writing.source import Source
from recorder.capture.writing.ways import Form, Way

__all__ = ["StepSource"]

_LETTERS = {
    "|b1": "?", "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I", "<i8": "q", "<u8": "Q",
    "<f2": "e", "<f4": "f", "<f8": "d",
}  # fmt: skip

_EXACT = 2**53
"""Whole numbers up to here are the same as floats."""


class StepSource(Source):
    """Reads the values of one step."""

    kind = Kind.STEP
    places = "episode_id, step, lane"
    _n_read = 0

    def read_places(self) -> None:
        """See ``Source``."""
        self.lines.append("if not episode_id.__class__ is step.__class__ is lane.__class__ is int: return False")
        for place in ("episode_id", "step", "lane"):
            self.pack(place, "q", [place])

    def read(self, name: str, variable: str, way: Way) -> None:
        """See ``Source``."""
        self._n_read += 1
        prefix = f"v{self._n_read}"
        held, taking = self._taken(way, variable, prefix)
        lines = [*self._checks(way, variable), *taking]
        if way.is_nullable:
            nothing = "b''" if way.form in (Form.BYTES, Form.TEXT) else "0"
            missing = [f"{each} = {nothing}" for each in held] or ["pass"]
            self.lines += [f"has_{prefix} = {variable} is not None", f"if has_{prefix}:"]
            self.lines += [f" {line}" for line in lines] + ["else:"] + [f" {line}" for line in missing]
            self.pack(has_name(name), "?", [f"has_{prefix}"])
        else:
            self.lines += lines
        if way.form is Form.COPIED:
            condition = f"if has_{prefix}: " if way.is_nullable else ""
            if way.has_address:
                self.copy_tensor(name, way.n_bytes, prefix, tensor=variable, condition=condition)
            else:
                self.copy_array(name, prefix, shape=way.given_shape, condition=condition)
            return
        n_values = math.prod(way.shape)
        is_bytes = way.form in (Form.BYTES, Form.TEXT)
        format = f"{n_values * way.dtype.itemsize}s" if is_bytes else f"{n_values}{_LETTERS[way.dtype.str]}"
        self.pack(name, format, held)

    def _checks(self, way: Way, variable: str) -> list[str]:
        """Lines that leave the function when a value comes another way."""
        if way.form is Form.TEXT:
            return [f"if {variable}.__class__ is not str: return False"]
        if way.form is Form.NUMBER:
            return [f"if not ({_is_number(way.dtype, variable)}): return False"]
        if way.tensor_dtype is not None:
            return self.tensor_checks(way, variable)
        checks = [f"if {variable}.__class__ is not {self.constant(way.cls)}: return False"]
        if way.form in (Form.BYTES, Form.COPIED):
            if way.form is Form.COPIED and way.cls is not np.ndarray:
                checks.append(f"{variable} = as_array({variable})")
            dtype, shape = self.constant(way.dtype), way.given_shape
            checks.append(f"if {variable}.dtype != {dtype} or {variable}.shape != {shape}: return False")
        return checks

    def _taken(self, way: Way, variable: str, prefix: str) -> tuple[list[str], list[str]]:
        """The variables that hold a value that is there, and the lines that fill them."""
        if way.form is Form.TEXT:
            plain = self.constant(plain_bytes)
            return [prefix], [f"{prefix} = {plain}({variable}, {way.n_bytes})", f"if {prefix} is None: return False"]
        if way.form in (Form.NUMBER, Form.SCALAR):
            return ([prefix], [f"{prefix} = {variable}"]) if way.is_nullable else ([variable], [])
        if way.has_address and way.form is not Form.UNROLLED:
            return [prefix], self.tensor_lines(way, variable, prefix, is_packed=way.form is Form.BYTES)
        if way.form is Form.BYTES:
            return [prefix], [f"{prefix} = {variable}.tobytes()"]
        if way.form is Form.COPIED:
            checks = [f"if {variable}.shape != {way.given_shape}: return False"] if way.tensor_dtype is not None else []
            value = f"as_array({variable})" if way.tensor_dtype is not None else variable
            return [prefix], [*checks, f"{prefix} = {value}"]
        held = [f"{prefix}_{index}" for index in range(math.prod(way.shape))]
        if not held:
            return [], [f"if len({variable}): return False"]
        if way.form is Form.UNROLLED:
            value = f"{variable}.tolist()"
            return held, [f"{held[0]} = {value}" if way.given_shape == () else f"{', '.join(held)}, = {value}"]
        checks = [f"if not ({_is_number(way.dtype, each)}): return False" for each in held]
        return held, [f"{', '.join(held)}, = {variable}", *checks]


def _is_number(dtype: np.dtype[Any], variable: str) -> str:
    """The condition that a value is a number that a column of that dtype holds exactly."""
    if dtype.kind == "b":
        return f"{variable}.__class__ is bool"
    if dtype.kind == "i":
        return f"{variable}.__class__ is int or {variable}.__class__ is bool"
    whole = f"{variable}.__class__ is int and -{_EXACT} <= {variable} <= {_EXACT} or {variable}.__class__ is bool"
    return f"{variable}.__class__ is float or {whole}"
