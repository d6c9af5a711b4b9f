"""The function that puts one agent's values into its group's columns, compiled for the way in which they come.

It only compares what the slow way has found out before: names, classes, dtypes and shapes. Functions are shared by all
groups whose agents give the same fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recorder.capture.reading.values import as_array
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = ["Fill", "Shown", "columns_of", "joined", "make_fill", "shown_fields"]

Fill = Callable[[Mapping[str, Any], int, list[float], list[tuple[str, str]]], bool]
"""Takes the fields of an agent, its slot, the sums of ``reward`` and ``intrinsic_reward``, to which it adds, and a list for its
texts, each with the name of its extra. False: a value came another way, or says that the agent has ended. Raises whatever a
value of another kind raises."""

Kind = Literal["numbers", "none", "text"]
"""How a value comes; one that comes as text may also be None."""

Shown = tuple[tuple[tuple[str, Kind], ...], tuple[tuple[str, Kind], ...] | None]
"""The names of an agent's fields, each with its kind; then those of its extras, None without extras."""

_ENDS = ("terminated", "truncated", "done")
_SUMMED = {"reward": 0, "intrinsic_reward": 1}

_PLAIN: tuple[type[Any], ...] = (bool, int, float, *(np.dtype(code).type for code in "?bBhHiIlLqQefd"))


def shown_fields(fields: Mapping[Any, Any]) -> Shown | None:
    """Which fields an agent gives; None when no function can be made for them."""
    if fields.__class__ is not dict or not all(name.__class__ is str for name in fields):
        return None
    extras = fields.get("extras")
    own = tuple((name, _kind_of(value, is_extra=False)) for name, value in fields.items() if name != "extras")
    if extras is None:
        return (*own, ("extras", "none")) if "extras" in fields else own, None
    if extras.__class__ is not dict or not all(name.__class__ is str for name in extras):
        return None
    return own, tuple((name, _kind_of(value, is_extra=True)) for name, value in extras.items())


def _kind_of(value: Any, *, is_extra: bool) -> Kind:
    return "none" if value is None else "text" if is_extra and value.__class__ is str else "numbers"


def joined(one: Shown, other: Shown) -> Shown | None:
    """What fits both: a text may be None. None when nothing does."""
    (own, extras), (other_own, other_extras) = one, other
    if one == other:
        return one
    if own != other_own or extras is None or other_extras is None:
        return None
    kinds = dict(other_extras)
    found: list[tuple[str, Kind]] = []
    for name, kind in extras:
        other_kind = kinds.pop(name, "missing")
        if kind != other_kind and {kind, other_kind} != {"none", "text"}:
            return None
        found.append((name, kind if kind == other_kind else "text"))
    return None if kinds else (own, tuple(found))


def columns_of(shown: Shown) -> list[str]:
    """The fields that have numbers, as columns name them."""
    own, extras = shown
    names = [name for name, kind in own if kind == "numbers"]
    return names + [f"{EXTRAS_PREFIX}{name}" for name, kind in extras or () if kind == "numbers"]


def make_fill(shown: Shown, columns: Mapping[str, NDArray[Any]]) -> Fill | None:
    """The function; None if a field has no column.

    Args:
        columns: of the group, by field; the function writes into these arrays.
    """
    names = columns_of(shown)
    if not all(name in columns for name in names):
        return None
    used = [columns[name] for name in names]
    factory = _compiled(shown, tuple("" if column.ndim > 1 else column.dtype.kind for column in used))
    return factory(used, [_fitting(column.dtype) for column in used])


@lru_cache(maxsize=256)
def _compiled(shown: Shown, dtype_kinds: tuple[str, ...]) -> Callable[[list[Any], list[Any]], Fill]:
    """Makes functions for these fields.

    Args:
        dtype_kinds: for each field that has numbers, the kind of its dtype where its value is one number, and nothing else.
    """
    own, extras = shown
    lines = [f"if fields.__class__ is not dict or len(fields) != {len(own) + (extras is not None)}: return False"]
    n_read = 0
    for source, names in (("fields", own), ("extras", extras)):
        if source == "extras":
            if names is None:
                continue
            lines.append("extras = fields['extras']")
            lines.append(f"if extras.__class__ is not dict or len(extras) != {len(names)}: return False")
        for name, kind in names or ():
            if kind == "text":
                lines += [f"v = {source}[{name!r}]", f"if v.__class__ is str: texts.append(({name!r}, v))"]
                lines.append("elif v is not None: return False")
                continue
            if kind == "none":
                lines.append(f"if {source}[{name!r}] is not None: return False")
                continue
            field = name if source == "fields" else ""
            lines += _reading(f"{source}[{name!r}]", n_read, dtype_kind=dtype_kinds[n_read], field=field)
            n_read += 1
    unpacked = [f"c{index}, (k{index}, o{index}) = columns[{index}], fitting[{index}]" for index in range(n_read)]
    arrays = [f"d{index}, s{index} = c{index}.dtype, c{index}.shape[1:]" for index in range(n_read)]
    text = [
        "def factory(columns, fitting):",
        *(f" {line}" for line in (*unpacked, *arrays)),
        " def fill(fields, slot, sums, texts):",
        *(f"  {line}" for line in lines),
        "  return True",
        " return fill",
    ]
    names_of: dict[str, Any] = {"as_array": as_array, "ndarray": np.ndarray}
    exec(compile("\n".join(text), "<agent filler>", "exec"), names_of)
    made: Callable[[list[Any], list[Any]], Fill] = names_of["factory"]
    return made


def _reading(source: str, index: int, *, dtype_kind: str, field: str) -> list[str]:
    """Lines that compare a value with its column and put it there."""
    lines = [f"v = {source}"]
    if dtype_kind:
        is_one = "v.size == 1" if STEP_FIELDS.get(field) == "scalar" else "v.shape == ()"
        lines += [
            f"if v.__class__ not in k{index}:",
            f" if v.__class__ is not ndarray or not {is_one} or v.dtype not in o{index}: return False",
            " v = v.item()",
        ]
        if dtype_kind == "f":  # numpy would take larger ones, and nothing else does
            lines.append(f"if v.__class__ is int and not -{2**63} <= v < {2**64}: return False")
        if field in _ENDS:
            lines.append("if v: return False")
        if field in _SUMMED:
            lines.append(f"sums[{_SUMMED[field]}] += float(v)")
    else:
        lines.append("if v.__class__ is not ndarray: v = as_array(v)")
        lines.append(f"if v.shape != s{index} or v.dtype is not d{index} and v.dtype not in o{index}: return False")
    return [*lines, f"c{index}[slot] = v"]


@lru_cache(maxsize=64)
def _fitting(dtype: np.dtype[Any]) -> tuple[frozenset[type], frozenset[np.dtype[Any]]]:
    """Classes of numbers, and dtypes, that a column of this dtype holds, so that it need not become a wider one."""
    classes = {cls: np.asarray(cls()).dtype for cls in _PLAIN}
    fitting = frozenset(one for one in classes.values() if np.result_type(dtype, one) == dtype)
    return frozenset(cls for cls, one in classes.items() if one in fitting), fitting
