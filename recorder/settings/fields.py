"""What every section of the settings shares: frozen, no unknown keys, and a unit and a meaning for every key."""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from recorder.errors import SettingsError
from recorder.urls import check_place

__all__ = ["PathOrUrl", "Section", "setting"]


def _spelled_out(value: Any) -> Any:
    return os.path.expanduser(value) if isinstance(value, (str, os.PathLike)) else value  # noqa: PTH111 - or a URL


def _checked(place: str) -> str:
    try:
        return check_place(place)
    except SettingsError as error:
        raise ValueError(str(error)) from error


PathOrUrl = Annotated[str, BeforeValidator(_spelled_out), AfterValidator(_checked)]
"""A path or a URL, kept as a string; ``pathlib.Path`` is welcome, and ``~`` is the home of whoever runs the program."""


class Section(BaseModel):
    """A mapping of the configuration. Strict: ``interval: "100"`` and ``interval: true`` are mistakes, not numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True, validate_default=True
    )


def setting(default: Any, meaning: str, *, unit: str = "", secret: bool = False, **constraints: Any) -> Any:
    """One key: its default, what it means, its unit.

    Args:
        default: value when nothing is configured.
        meaning: one or two sentences for the reference, with the reason for the default or for the limit.
        unit: what a value counts; empty for words and flags.
        secret: never printed, neither by ``repr`` nor in an error.
        constraints: pydantic's own (``ge``, ``le``, ``pattern``, …).
    """
    return Field(default, description=meaning, repr=not secret, json_schema_extra={"unit": unit}, **constraints)
