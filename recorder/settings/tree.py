"""Looks up keys and their types in the tree of models."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

__all__ = ["KeyPath", "accepts_text", "field_at", "is_section", "keys_at", "kinds", "leaves", "model_at"]

KeyPath = tuple[str, ...]
"""Keys from ``recording`` (exclusive) to a value."""


def leaves(model: type[BaseModel], at: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every key that holds a value, in the order of the models."""
    for name, field in model.model_fields.items():
        section = _as_model(field.annotation)
        if section is None:
            yield (*at, name), field
        else:
            yield from leaves(section, (*at, name))


def field_at(model: type[BaseModel], keys: KeyPath) -> FieldInfo | None:
    """The field at ``keys``; None for an unknown key or an option of a custom criterion."""
    node = model_at(model, keys[:-1])
    return None if node is None or not keys else node.model_fields.get(keys[-1])


def model_at(model: type[BaseModel], keys: KeyPath) -> type[BaseModel] | None:
    """The section at ``keys``, also inside a mapping by name; None if there is none."""
    annotation: Any = model
    for key in keys:
        node = _as_model(annotation)
        if node is not None:
            field = node.model_fields.get(key)
            annotation = None if field is None else field.annotation
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            return None
    return _as_model(annotation)


def keys_at(model: type[BaseModel], keys: KeyPath) -> list[str]:
    """Valid keys of the section at ``keys``."""
    node = model_at(model, keys)
    return [] if node is None else list(node.model_fields)


def is_section(model: type[BaseModel], keys: KeyPath) -> bool:
    """Whether the value at ``keys`` must be a mapping."""
    field = field_at(model, keys)
    return model_at(model, keys) is not None or (field is not None and get_origin(field.annotation) is dict)


def accepts_text(model: type[BaseModel], keys: KeyPath) -> bool:
    """Whether the value at ``keys`` is text. Then ``123`` from the environment stays text."""
    field = field_at(model, keys)
    return field is not None and set(kinds(field.annotation)) <= {str, SecretStr}


def kinds(annotation: Any) -> list[Any]:
    """Types that an annotation allows besides None, with ``Annotated`` and unions unwrapped."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return kinds(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in kinds(part) if kind is not NoneType]
    return [annotation]


def _as_model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
