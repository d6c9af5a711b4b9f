"""Refuses an argument of a wrong type or choice by name, where Python would fail later and elsewhere."""

from __future__ import annotations

from types import UnionType

from recorder.errors import UsageError

__all__ = ["check_choice", "check_kind"]


def check_kind(name: str, value: object, kind: type | UnionType) -> None:
    """Check that an argument has the right type.

    Args:
        name: of the argument.
        kind: a class, or several joined by ``|``.

    Raises:
        UsageError: it has another type.
    """
    if not isinstance(value, kind):
        expected = " or ".join(getattr(one, "__name__", "None") for one in getattr(kind, "__args__", (kind,)))
        raise UsageError(f"{name}: expected {expected.replace('NoneType', 'None')}, found {type(value).__name__}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """An argument is one of a few words.

    Raises:
        UsageError: it is not.
    """
    if value not in choices:
        expected = " or ".join([", ".join(map(repr, choices[:-1])), repr(choices[-1])])
        raise UsageError(f"{name}: expected {expected}, found {value!r}")
