"""What a wrapper records of its environment, whom it gives it to, and what its user adds: the same for one lane and for many."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from gymnasium import spaces

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.values.argument_kinds import check_kind
from recorder.wrappers.environment.frames import RENDER, FrameSource, check_frames, renders
from recorder.wrappers.environment.parts import Parts
from recorder.wrappers.episodes.open_episode import EpisodeFacts

__all__ = ["ACTION_MASK", "SMALL_BYTES", "Plan"]

_log = logging.getLogger(__name__)

ACTION_MASK = "action_mask"
"""Where in ``info`` an environment tells which actions are allowed next."""

SMALL_BYTES = 4096
"""Observations up to this size are recorded unasked: a vector of a thousand floats is, an image is not."""


class Plan:
    """Decided once, when the wrapper is made.

    Args:
        description: of the environment.
        observation_space, action_space: of one lane.
        recorder: who records; a Redis URL makes a recorder that is closed with the wrapper; None records nothing.
        run_id, resume: of the recorder that is made.
        first_episode_id: of the first episode; later ones count up.
        record_observations: None records them when they are small.
        frames, every: which pictures to record, and with each of how many steps.
        render_mode: of the environment.
        is_reenacted: whether any episode can be played again from its seed.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        recorder: EpisodeRecorder | str | None,
        run_id: str | None,
        resume: bool,
        first_episode_id: int,
        record_observations: bool | None,
        frames: FrameSource,
        every: int,
        render_mode: object,
        is_reenacted: bool,
    ) -> None:
        check_frames(frames, every)
        check_kind("recorder", recorder, EpisodeRecorder | str | None)
        if first_episode_id < 0:
            raise UsageError(f"first_episode_id: expected 0 or more, found {first_episode_id}")
        if run_id is not None and not isinstance(recorder, str):
            raise UsageError("run_id: goes with a URL; a recorder has one already")
        if resume and not isinstance(recorder, str):
            raise UsageError("resume: goes with a URL; a recorder is made with it")
        self.env_id = str(description["env_id"])
        self.owns_recorder = isinstance(recorder, str)
        if isinstance(recorder, str):
            recorder = EpisodeRecorder(recorder, run_id=run_id, resume=resume, config=description)
        self.recorder = recorder
        is_named = recorder is not None and recorder.names_actions
        # The recorder's names of actions outweigh those of the environment.
        action_names = () if is_named else description.get("action_names", ())
        self.facts = EpisodeFacts(self.env_id, description.get("observation_names", ()), action_names)
        self.actions = Parts.of(action_space, "action")
        self.observations = Parts.of(observation_space, "observation")
        has_numbers = record_observations is True
        if record_observations is None:
            has_numbers = self.observations.n_bytes <= SMALL_BYTES
            if not has_numbers:
                n_bytes = f"{self.observations.n_bytes:,} bytes"
                self.tell(f"observations of {n_bytes} a step are left out: record_observations=True takes them")
        wants_pictures = frames == "observation" or (frames != "none" and record_observations is not False)
        has_pictures = wants_pictures and (frames != "render" or record_observations is True)
        self.observations = self.observations.only(numbers=has_numbers, pictures=has_pictures)
        if frames == "observation" and not self.observations.pictures:
            self.tell("frames='observation': the observations are no pictures; frames='render' takes those of render()")
        self.every = every
        self.renders = renders(
            frames,
            has_pictures=bool(self.observations.pictures),
            render_mode=render_mode,
            is_reenacted=is_reenacted,
        )
        """Whether pictures come from ``render``."""
        self.has_frames = self.renders or (every > 1 and bool(self.observations.pictures))
        """Whether the pictures of a step are not just what its observation holds."""
        if left_out := [*self.observations.left_out, *self.actions.left_out]:
            self.tell(f"neither text nor a fixed number of numbers, left out: {', '.join(left_out)}")
        self.is_plain = self.actions.is_whole and self.observations.is_whole
        """Whether an action is the step's ``action``, and an observation the extra ``observation``, as they are."""
        self.first_episode_id = first_episode_id

    def of_copy(self) -> Plan:
        """For a copy of the wrapper, however it is made: it records nothing."""
        plan = copy(self)
        plan.recorder = copy(self.recorder)
        plan.has_frames = False
        return plan

    def action(self, action: Any) -> tuple[Any, dict[str, Any]]:
        """An action, batched or not, as a step's ``action`` and as extras: the former alone for a plain space; the latter alone
        for a composite one or a text, and the ``action`` is None.
        """
        if self.actions.is_whole:
            return action, {}
        return None, self.actions.read(action)

    def parts(self, action: Any, observation: Any, attempt: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
        """An action as the field of a step, and the parts of both; each is left out when it can't be read.

        Args:
            attempt: that of ``Hooks``.
        """
        plain_action, action_parts = attempt(self.action, (None, {}), action)
        observation_parts = attempt(self.observations.read, {}, observation)
        return () if plain_action is None else plain_action, {**observation_parts, **action_parts}

    def with_frames(self, extras: dict[str, Any], n: int, take: Callable[[], Any]) -> dict[str, Any]:
        """The extras of a step, or of a call, with the pictures that are due.

        Args:
            extras: as the environment gives them; left as they are.
            n: number of the step or call, from 0.
            take: gives what ``render`` shows; None where it shows nothing.
        """
        if n % self.every:
            return {name: value for name, value in extras.items() if name not in self.observations.pictures}
        frame = take() if self.renders else None
        return extras if frame is None else {**extras, RENDER: frame}

    def guard(self, n_steps: int, work: Callable[[], None]) -> None:
        """Do what recording takes, if anybody records; when it fails, count and log it, with the steps that it took along."""
        if self.recorder is None:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
            self.recorder.note_failure(error, n_steps=n_steps)

    def tell(self, what: str) -> None:
        """Log something about the environment."""
        _log.warning("recorder: env_id=%s: %s", self.env_id, what)
