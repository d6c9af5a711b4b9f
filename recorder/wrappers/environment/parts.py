"""The numbers and texts in the samples of a space, by name: what of an observation or an action can be recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from recorder.capture.reading import is_texts
from recorder.errors import UsageError
from recorder.wrappers.environment.frames import is_picture

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Parts", "own_copy", "sample_of", "with_rows"]


class Parts:
    """Names and places of the arrays in the samples of one space, batched samples included.

    Args:
        places: name to the keys that lead to the array.
        n_bytes: of all arrays of one sample that is not batched, without its pictures.
        left_out: names of the parts that are neither texts nor made of a fixed number of numbers.
        pictures: names of the parts that are pictures.
        texts: names of the parts that are texts.
    """

    def __init__(
        self,
        places: dict[str, tuple[Any, ...]],
        n_bytes: int,
        left_out: list[str],
        pictures: frozenset[str] = frozenset(),
        texts: frozenset[str] = frozenset(),
    ) -> None:
        self._places = places
        self.n_bytes = n_bytes
        self.left_out = left_out
        self.pictures = pictures
        self._texts = texts
        self.is_whole = list(places.values()) == [()] and not texts
        """Whether a sample is one array or number, as those of a plain space are; a text has its place among the extras."""

    @classmethod
    def of(cls, space: spaces.Space[Any], name: str) -> Self:
        """The parts of a space: ``name`` itself for a plain one, ``name.key`` for those of a ``Dict`` or ``Tuple``.

        Args:
            space: of one environment, not of a vector of them.
        """
        places: dict[str, tuple[Any, ...]] = {}
        n_bytes, left_out = 0, []
        pictures, texts = set(), set()
        for part, place, leaf in _leaves(space, name, ()):
            if is_picture(leaf):
                places[part] = place
                pictures.add(part)
            elif is_text(leaf):
                places[part] = place
                texts.add(part)
            elif isinstance(leaf, spaces.Box | spaces.Discrete | spaces.MultiBinary | spaces.MultiDiscrete):
                places[part] = place
                n_bytes += int(np.dtype(leaf.dtype).itemsize * np.prod(leaf.shape or ()))
            else:
                left_out.append(f"{part} ({type(leaf).__name__})")
        return cls(places, n_bytes, left_out, frozenset(pictures), frozenset(texts))

    def only(self, *, numbers: bool, pictures: bool) -> Parts:
        """Those of the parts that are recorded; texts go with the numbers."""
        kept = {name: place for name, place in self._places.items() if (pictures if name in self.pictures else numbers)}
        left_out = self.left_out if numbers else []
        return Parts(kept, self.n_bytes, left_out, self.pictures & kept.keys(), self._texts & kept.keys())

    def read(self, sample: Any) -> dict[str, Any]:
        """The arrays or numbers of a sample, batched or not; no copies."""
        if self.is_whole:
            return dict.fromkeys(self._places, sample)
        return {name: _at(sample, place) for name, place in self._places.items()}


def sample_of(space: spaces.Space[Any], name: str, values: Mapping[str, Any]) -> Any:
    """The sample of a space that ``Parts.read`` took apart.

    Args:
        name: of the space, as ``Parts.of`` was given it.
        values: by name of the part.

    Raises:
        UsageError: a part is missing.
    """
    if isinstance(space, spaces.Dict):
        return {key: sample_of(inner, f"{name}.{key}", values) for key, inner in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(sample_of(inner, f"{name}.{key}", values) for key, inner in enumerate(space.spaces))
    if is_text(space) and isinstance(values.get(name), str):
        return values[name]
    if np.size(values.get(name, ())) != np.prod(space.shape or ()):
        raise UsageError(f"the recording lacks {name!r} of {space}")
    value = np.asarray(values[name], space.dtype)
    return value[()] if isinstance(space, spaces.Discrete) else value.reshape(space.shape)


def is_text(space: spaces.Space[Any]) -> bool:
    """Whether the samples of a space are texts, as those of ``Text`` and of MiniGrid's missions are."""
    return isinstance(space, spaces.Text) or getattr(space.dtype, "kind", "") == "U"


def own_copy(value: Any) -> Any:
    """An array or tensor that nobody else writes to."""
    if value.__class__ is np.ndarray and value.dtype.kind not in "OU":
        return value.copy()
    if is_texts(value):
        return np.array(value, np.object_)  # an array of texts would cut a longer one that takes the place of another
    return value.clone() if hasattr(value, "clone") else np.array(value)


def with_rows(values: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Copies of batched arrays, with some rows replaced.

    Args:
        values: by name, with a leading axis of lanes; arrays or tensors.
        rows: by place on that axis, and by name.
    """
    copies: dict[str, Any] = {}
    for name, value in values.items():
        copy = copies[name] = own_copy(value)
        for place, row in rows.items():
            if name in row:
                copy[place] = row[name]
    return copies


def _leaves(
    space: spaces.Space[Any], name: str, place: tuple[Any, ...]
) -> Iterator[tuple[str, tuple[Any, ...], spaces.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        items: Any = space.spaces.items()
    elif isinstance(space, spaces.Tuple):
        items = enumerate(space.spaces)
    else:
        yield name, place, space
        return
    for key, inner in items:
        yield from _leaves(inner, f"{name}.{key}", (*place, key))


def _at(sample: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        sample = sample[key]
    return sample
