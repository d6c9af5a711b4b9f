"""Ends of episodes that differ in numbers alone: in their return, and in the observation that they began with."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recorder.capture import EpisodeRecorder, native_template
from recorder.publish.metadata.template import HOLE, MetadataTemplate
from recorder.wrappers.episodes.open_episode import MAX_RESET_NUMBERS, EpisodeFacts, reset_entry

if TYPE_CHECKING:
    from recorder.capture.writing.native import NativeEnds, NativeTemplate

__all__ = ["PLAIN", "PlainEnds"]

_LETTERS = {"<f2": "e", "<f4": "f", "<f8": "d"}

_RETURN = "total_reward"

PLAIN: dict[str, Any] = {}
"""Stands for the ``info`` of an episode whose numbers ``PlainEnds`` has."""


class PlainEnds:
    """Of lanes whose resets return one vector of floats each; of others, and of resets with a seed, it knows nothing.

    Args:
        facts: of the environment.
        recorder: None records nothing.
        n_lanes: observations have a leading axis of so many lanes; None for an environment without lanes, whose place is 0.
    """

    def __init__(self, facts: EpisodeFacts, recorder: EpisodeRecorder | None, *, n_lanes: int | None = None) -> None:
        self._facts = facts
        self._recorder = recorder
        self._n_axes = 1 if n_lanes is None else 2
        self._name = ""
        """Of the observation; empty before the first reset."""
        self._dtype: Any = None
        self._shape: tuple[int, ...] = ()
        self._row = struct.Struct("")
        self._numbers: list[tuple[float, ...] | None] = [None] * (n_lanes or 1)
        """Of each place, what its episode began with, where machine code does not hold it."""
        self._native: NativeEnds | None = None
        self._templates: dict[tuple[str, bool], MetadataTemplate] = {}
        """By status, and by whether the return is known."""
        self._native_templates: dict[tuple[str, bool], NativeTemplate] = {}

    def begin(self, values: Mapping[str, Any], places: Sequence[int]) -> bool:
        """Take the numbers that some lanes begin with; False where they can't be taken so.

        Args:
            values: the observations that ``reset`` returned, by name.
        """
        if len(values) != 1:
            return False
        ((name, rows),) = values.items()
        if not self._name:
            self._learn(name, rows)
        if name != self._name:
            return False
        native = self._native
        if native is not None and native.begin(rows, places):
            return True
        if rows.__class__ is not np.ndarray or rows.shape != self._shape or rows.dtype != self._dtype:
            return False
        take: Callable[[Any, int], tuple[float, ...]] = self._row.unpack_from
        try:
            for place in places:
                self._numbers[place] = take(rows, place * self._row.size)
                if native is not None:
                    native.forget(place)
        except ValueError:  # its numbers are not in a row
            return False
        return True

    def end(
        self,
        place: int,
        episode_id: int,
        own: dict[str, Any],
        status: str,
        *,
        stage: Any,
        has_position: bool,
        told: Mapping[str, Any],
    ) -> None:
        """End an episode, of whatever kind; see ``EpisodeFacts.ended``.

        Args:
            place: of its lane.
            own: its ``info``; or ``PLAIN``.
            told: metadata that the environment and the user give.
        """
        recorder = self._recorder
        if recorder is None:
            return
        if own is PLAIN:
            if stage is None and not has_position:
                total = told.get(_RETURN)
                template = self._native_templates.get((status, total is not None))
                if template is not None and len(told) == (total is not None):
                    assert self._native is not None
                    if self._native.end(place, episode_id, template, total):
                        return
                packed = self.packed(place, status, told)
                if packed is not None:
                    recorder.finish_packed(episode_id, packed)
                    return
            own = self._info(self._begun_with(place))
        metadata = self._facts.ended(own, status, stage=stage, has_position=has_position, added=told)
        recorder.finish_episode(episode_id, metadata)

    def packed(self, place: int, status: str, told: Mapping[str, Any]) -> bytes | None:
        """The metadata of an episode at its end, without a stage or a position; None where it holds more."""
        has_return = bool(told)
        total = told.get(_RETURN)
        if has_return and (len(told) != 1 or total.__class__ is not float):
            return None
        numbers = self._begun_with(place)
        template = self._templates.get((status, has_return))
        if template is None:
            template = self._templates[status, has_return] = self._template(len(numbers), status, has_return=has_return)
        if not template.is_small:
            return None
        return template.packed(numbers if total is None else (total, *numbers))

    def _template(self, n_numbers: int, status: str, *, has_return: bool) -> MetadataTemplate:
        """Of the metadata of such episodes."""
        added = {_RETURN: HOLE} if has_return else {}
        info = self._info([HOLE] * n_numbers)
        template = MetadataTemplate(self._facts.ended(info, status, stage=None, has_position=False, added=added))
        if self._native is not None and template.is_small:
            data = template.packed([0.0] * len(template.holes))
            self._native_templates[status, has_return] = native_template(data, template.holes)
        return template

    def _info(self, numbers: Sequence[Any]) -> dict[str, Any]:
        """The ``info`` of an episode that began with these numbers."""
        return {**self._facts.info, reset_entry(self._name): list(numbers)}

    def _begun_with(self, place: int) -> tuple[float, ...]:
        numbers = None if self._native is None else self._native.numbers(place)
        return numbers or self._numbers[place] or ()

    def _learn(self, name: str, rows: Any) -> None:
        if rows.__class__ is np.ndarray and rows.ndim == self._n_axes and rows.dtype.str in _LETTERS:
            n_numbers = rows.shape[-1]
            if n_numbers <= MAX_RESET_NUMBERS and (self._n_axes == 1 or len(rows) == len(self._numbers)):
                self._name, self._dtype, self._shape = name, rows.dtype, rows.shape
                self._row = struct.Struct(f"<{n_numbers}{_LETTERS[rows.dtype.str]}")
                if self._recorder is not None:
                    self._native = self._recorder.plain_ends(rows.dtype, rows.shape)
