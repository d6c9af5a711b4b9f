"""Base class and field helper of all settings."""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from recorder.errors import SettingsError
from recorder.urls import check_place

__all__ = ["PathOrUrl", "Section", "Words", "bounds_of", "setting"]


def _expand_user(value: Any) -> Any:
    return os.path.expanduser(value) if isinstance(value, (str, os.PathLike)) else value  # noqa: PTH111 - or a URL


def _check_place(place: str) -> str:
    try:
        return check_place(place)
    except SettingsError as error:
        raise ValueError(str(error)) from error


PathOrUrl = Annotated[str, BeforeValidator(_expand_user), AfterValidator(_check_place)]
"""A path or URL as a string. ``pathlib.Path`` is accepted, and ``~`` is expanded."""


def _join(value: Any) -> Any:
    return (
        " ".join(value) if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value) else value
    )


Words = Annotated[str, BeforeValidator(_join)]
"""Words separated by spaces. A list of them is accepted, as one would write it in YAML."""


class Section(BaseModel):
    """A mapping of the configuration: frozen, and strict, so ``interval: "100"`` and ``interval: true`` are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True, validate_default=True
    )


def setting(
    default: Any, meaning: str, *, unit: str = "", secret: bool = False, shape: str = "", **constraints: Any
) -> Any:
    """Define a key.

    Args:
        default: value if nothing is configured.
        meaning: one or two sentences for the reference, with the reason for the default or the limit.
        unit: unit of the value; empty for text and flags.
        secret: keep the value out of ``repr`` and errors.
        shape: what a text with a ``pattern`` looks like, for errors.
        constraints: passed to pydantic (``ge``, ``le``, ``pattern``, …).
    """
    return Field(
        default, description=meaning, repr=not secret, json_schema_extra={"unit": unit, "shape": shape}, **constraints
    )


def bounds_of(section: type[Section], key: str) -> tuple[float | None, float | None]:
    """Return the least and the greatest value of a number; None is no bound."""
    least: float | None = None
    most: float | None = None
    for limit in section.model_fields[key].metadata:
        least, most = getattr(limit, "ge", least), getattr(limit, "le", most)
    return least, most
