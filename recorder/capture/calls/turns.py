"""The call of a recorder that takes turns of a language model: each is a step, and what was said is text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.capture.calls.steps import StepCalls
from recorder.values.json_text import to_readable_json

__all__ = ["TurnCalls"]


class TurnCalls(StepCalls):
    """Part of ``EpisodeRecorder``."""

    def record_turn(
        self,
        episode_id: int,
        turn: int,
        *,
        messages: Any,
        reward: Any = 0.0,
        terminated: bool = False,
        truncated: bool = False,
        tool_calls: Any = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        extras: Mapping[str, Any] | None = None,
        lane: int = 0,
    ) -> None:
        """Record one turn of a rollout of a language model, as one step; ``finish_episode`` ends the episode as usual.

        ``messages`` and ``tool_calls`` become texts of JSON, the token counts numbers, all of them extras of these names.

        Args:
            episode_id: the rollout; ``new_episode_id`` gives one.
            turn: number of the turn, ascending from 0.
            messages: what is new in this turn: a text, or a list of maps such as ``{"role": …, "content": …}``. Pass no history
                again: a text of a step has at most 256 KiB.
            reward: of this turn; the return of the episode is their sum, which criteria judge.
            terminated, truncated: whether the rollout ends with this turn.
            tool_calls: any value that JSON can hold; objects with ``model_dump`` too.
            prompt_tokens, completion_tokens: None if unknown.
            extras: as in ``record_step``; they outweigh those above.
            lane: index of the rollout among those that run at once.
        """
        said: dict[str, Any] = {}
        for name, value in (("messages", messages), ("tool_calls", tool_calls)):
            try:
                if value is not None:
                    said[name] = value if isinstance(value, str) else to_readable_json(value)
            except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
                self._refusals.refuse_value(f"{name}: no JSON: {type(error).__name__}: {error}")
        for name, number in (("prompt_tokens", prompt_tokens), ("completion_tokens", completion_tokens)):
            if number is not None:
                said[name] = number
        self.record_step(
            episode_id,
            turn,
            None,
            None,
            None,
            reward,
            done=terminated or truncated,
            terminated=terminated,
            truncated=truncated,
            extras={**said, **extras} if extras else said,
            lane=lane,
        )
