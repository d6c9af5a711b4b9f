"""What is added to the steps of one environment that it does not tell itself: by its user, and by its board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.capture.reading import as_scalar
from recorder.errors import UsageError
from recorder.wrappers.boards import Board
from recorder.wrappers.environment.hooks import Hooks
from recorder.wrappers.episodes.given import sorted_values
from recorder.wrappers.states import States

__all__ = ["Additions"]


class Additions:
    """Of one wrapper.

    Args:
        hooks: the user's functions.
        board: gives positions where the user gives none; None for an environment without one.
        states: gives the state of the simulator; None to record none.
    """

    def __init__(self, hooks: Hooks, board: Board | None, states: States | None = None) -> None:
        self._hooks = hooks
        self._board = board
        self._states = states
        self.given: dict[str, Any] = {}
        """What the user gave for the next step."""
        self.come_with_each_step = hooks.has_step_fn or board is not None or states is not None
        self.stage: Any = None
        """Of the curriculum; None while nobody has told it."""
        self.has_position = False
        """Whether the episode has positions."""
        self._has_own_position = False

    def begin(self) -> None:
        """An episode begins."""
        self.has_position = self._has_own_position = False
        if self._board is not None:
            self._hooks.attempt(self._board.begin, None)

    def of_step(self, mask: Any, **known: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields of a step, and extras.

        Args:
            mask: which actions the environment allowed; what the user adds outweighs it.
            known: of the step, for ``step_fn``.
        """
        values, self.given = self.given, {}
        if self._hooks.has_step_fn:
            values = {**values, **self._hooks.step_values(**known)}
        self._has_own_position = self._has_own_position or "position" in values
        if self._board is not None and not self._has_own_position:
            values = {**values, "position": self._hooks.attempt(self._board.position, None)}
        given = sorted_values(values)
        if given.stage is not None:
            self.stage = self._hooks.attempt(_stage_number, self.stage, given.stage)
        self.has_position = self.has_position or "position" in given.fields
        fields = given.fields
        if mask is not None and "action_masks" not in values:
            fields["action_masks"] = mask
        if self._states is None:
            return fields, given.extras
        return fields, {**self._hooks.attempt(self._states.read, {}), **given.extras}

    def of_episode(self) -> Mapping[str, Any]:
        """Metadata of an episode that ends."""
        if self._board is None or not self.has_position or self._has_own_position:
            return {}
        return self._board.metadata()


def _stage_number(stage: Any) -> Any:
    """A stage as a number of Python's own."""
    try:
        return as_scalar(stage).item()
    except UsageError as error:
        raise UsageError(f"stage: {error}") from error
