"""The user's functions that a wrapper calls, and whatever else may fail: that costs what it would have given, and is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError

__all__ = ["EpisodeFunction", "Hooks", "StepFunction", "Trigger"]

T = TypeVar("T")

StepFunction = Callable[..., Mapping[str, Any]]
EpisodeFunction = Callable[..., Mapping[str, Any]]
Trigger = Callable[[int], bool]


class Hooks:
    """Any of them may be None.

    Args:
        recorder: counts and logs what they raise.
        step_fn: what to record with a step, by name.
        episode_fn: metadata of an episode that ends, by name.
        episode_trigger: whether to keep an episode; gets its id.
        step_trigger: whether to keep the episode of a step; gets the number of the step, from 1.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | None,
        *,
        step_fn: StepFunction | None,
        episode_fn: EpisodeFunction | None,
        episode_trigger: Trigger | None,
        step_trigger: Trigger | None,
    ) -> None:
        self._recorder = recorder
        self._step_fn = step_fn
        self._episode_fn = episode_fn
        self._episode_trigger = episode_trigger
        self._step_trigger = step_trigger
        self.has_step_fn = step_fn is not None
        self.has_episode_fn = episode_fn is not None
        self.has_triggers = episode_trigger is not None or step_trigger is not None

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy: it records nothing, so it calls nothing; functions may be such as can't be pickled."""
        return dict.fromkeys(self.__dict__) | {"_recorder": self._recorder}

    def step_values(self, **known: Any) -> Mapping[str, Any]:
        """What ``step_fn`` gives for a step."""
        return {} if self._step_fn is None else self.attempt(_map_of, {}, "step_fn", self._step_fn, known)

    def episode_metadata(self, **known: Any) -> Mapping[str, Any]:
        """What ``episode_fn`` gives for an episode."""
        return {} if self._episode_fn is None else self.attempt(_metadata_of, {}, self._episode_fn, known)

    def keeps_episode(self, episode_id: int) -> bool:
        """What ``episode_trigger`` says."""
        return self._episode_trigger is not None and self.attempt(_answer_of, False, self._episode_trigger, episode_id)

    def keeps_step(self, step_number: int) -> bool:
        """What ``step_trigger`` says."""
        return self._step_trigger is not None and self.attempt(_answer_of, False, self._step_trigger, step_number)

    def attempt(self, function: Callable[..., T], otherwise: Any, *args: Any) -> T:
        """What a function gives; ``otherwise`` when it raises, which is counted."""
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001 - whatever it raises: recording never stops training
            self.note(error)
        instead: T = otherwise
        return instead

    def note(self, error: Exception) -> None:
        """Count and log what failed."""
        if self._recorder is not None:
            self._recorder.note_failure(error)


def _map_of(name: str, function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    given = function(**known)
    if not isinstance(given, Mapping):
        raise UsageError(f"{name}: expected a map of what to record, found {type(given).__name__}")
    return dict(given)


def _metadata_of(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    given = _map_of("episode_fn", function, known)
    if not isinstance(given.get("info", {}), Mapping):
        raise UsageError(f"episode_fn: info: expected a map, found {type(given['info']).__name__}")
    return given


def _answer_of(trigger: Trigger, number: int) -> bool:
    return bool(trigger(number))
