"""Ends of episodes that differ in numbers alone: in their return, and in the observation that they began with."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.publish.metadata.template import HOLE, MetadataTemplate
from recorder.wrappers.episodes.open_episode import MAX_RESET_NUMBERS, EpisodeFacts, reset_entry

__all__ = ["PlainEnds"]

_LETTERS = {"<f2": "e", "<f4": "f", "<f8": "d"}

_RETURN = "total_reward"


class PlainEnds:
    """Of lanes whose resets return one vector of floats each; of others, and of resets with a seed, it knows nothing.

    Args:
        facts: of the environment.
        has_lanes: whether observations have a leading axis of lanes.
    """

    def __init__(self, facts: EpisodeFacts, *, has_lanes: bool) -> None:
        self._facts = facts
        self._n_axes = 2 if has_lanes else 1
        self._name = ""
        """Of the observation; empty before the first reset."""
        self._dtype: Any = None
        self._shape: tuple[int, ...] = ()
        self._row = struct.Struct("")
        self._templates: dict[tuple[str, bool], MetadataTemplate] = {}
        """By status, and by whether the return is known."""

    def begun(self, values: Mapping[str, Any], places: Sequence[int]) -> list[tuple[float, ...]] | None:
        """The numbers that some lanes begin with; None where they can't be taken so.

        Args:
            values: the observations that ``reset`` returned, by name.
        """
        if len(values) != 1:
            return None
        ((name, rows),) = values.items()
        if not self._name:
            self._learn(name, rows)
        if name != self._name or rows.__class__ is not np.ndarray or rows.shape != self._shape:
            return None
        if rows.dtype is not self._dtype and rows.dtype != self._dtype:
            return None
        take: Callable[[Any, int], tuple[float, ...]] = self._row.unpack_from
        n_bytes = self._row.size
        try:
            return [take(rows, place * n_bytes) for place in places]
        except ValueError:  # its numbers are not in a row
            return None

    def end(
        self,
        recorder: EpisodeRecorder,
        episode_id: int,
        own: dict[str, Any] | tuple[float, ...],
        status: str,
        *,
        stage: Any,
        has_position: bool,
        told: Mapping[str, Any],
    ) -> None:
        """End an episode, of whatever kind; see ``EpisodeFacts.ended``.

        Args:
            own: its ``info``, or the numbers that ``begun`` gave in place of it.
            told: metadata that the environment and the user give.
        """
        if isinstance(own, tuple):
            packed = None if stage is not None or has_position else self.packed(own, status, told)
            if packed is not None:
                recorder.finish_packed(episode_id, packed)
                return
            own = self._info(own)
        metadata = self._facts.ended(own, status, stage=stage, has_position=has_position, added=told)
        recorder.finish_episode(episode_id, metadata)

    def _info(self, numbers: Sequence[float]) -> dict[str, Any]:
        """The ``info`` of an episode that began with these numbers."""
        return {**self._facts.info, reset_entry(self._name): list(numbers)}

    def packed(self, numbers: tuple[float, ...], status: str, told: Mapping[str, Any]) -> bytes | None:
        """The metadata of an episode at its end, without a stage or a position; None where it holds more."""
        has_return = bool(told)
        template = self._templates.get((status, has_return))
        if template is None:
            added = {_RETURN: HOLE} if has_return else {}
            info = self._info([HOLE] * len(numbers))  # type: ignore[list-item]
            metadata = self._facts.ended(info, status, stage=None, has_position=False, added=added)
            template = self._templates[status, has_return] = MetadataTemplate(metadata)
        if not template.is_small:
            return None
        if not has_return:
            return template.packed(numbers)
        total = told.get(_RETURN)
        if total.__class__ is not float or len(told) != 1:
            return None
        return template.packed((total, *numbers))

    def _learn(self, name: str, rows: Any) -> None:
        if rows.__class__ is np.ndarray and rows.ndim == self._n_axes and rows.dtype.str in _LETTERS:
            n_numbers = rows.shape[-1]
            if n_numbers <= MAX_RESET_NUMBERS:
                self._name, self._dtype, self._shape = name, rows.dtype, rows.shape
                self._row = struct.Struct(f"<{n_numbers}{_LETTERS[rows.dtype.str]}")
