"""The episodes of an environment of several agents: counted here, for wrappers that know what a step of it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recorder.agents.info import ACTION_NAMES
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.values.argument_kinds import check_kind
from recorder.wrappers.environment.frames import RENDER, Rendering
from recorder.wrappers.episodes.kept_parts import KeptParts
from recorder.wrappers.episodes.lane_steps import named_leaves
from recorder.wrappers.episodes.open_episode import ASPATIAL

__all__ = ["AgentSteps"]

_MOST_NAMED = 64
"""Agents with names of their actions: they stand in each file."""


class AgentSteps:
    """Records the steps of one environment. An episode begins with the first step after a reset.

    Args:
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: the name of the environment.
        action_names: those of every agent, or by agent where they differ; empty when nobody knows them.
        teams: the team of each agent.
        agent_fn: what to record beside, by agent and field of a step.
        lane: index of this environment where several trainers share a run.
        record_observations: None records observations of up to 4 KiB an agent, so no images.
        rendering: gives the picture of each ``every``-th step; None records none.
        has_pictures: record observations that are pictures, too.
        first_episode_id: where the ids of episodes begin.

    Raises:
        UsageError: an argument can't work.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None,
        env_id: str,
        action_names: Sequence[str] | Mapping[Any, Sequence[str]],
        teams: Mapping[Any, str] | None,
        agent_fn: Callable[[], Mapping[Any, Mapping[str, Any]]] | None,
        lane: int,
        record_observations: bool | None,
        rendering: Rendering | None = None,
        every: int = 1,
        has_pictures: bool = False,
        first_episode_id: int = 0,
    ) -> None:
        check_kind("recorder", recorder, EpisodeRecorder | str | None)
        if run_id is not None and not isinstance(recorder, str):
            raise UsageError("run_id: goes with a URL; a recorder has one already")
        if lane < 0:
            raise UsageError(f"lane: expected 0 or more, found {lane}")
        self._owns_recorder = isinstance(recorder, str)
        if isinstance(recorder, str):
            recorder = EpisodeRecorder(recorder, run_id=run_id, config={"env_id": env_id})
        self.recorder = recorder
        is_by_agent = isinstance(action_names, Mapping)
        self._facts = {"action_names": list(action_names)} if action_names and not is_by_agent else {}
        self._info_of_all: dict[str, Any] = {"env_id": env_id}
        if isinstance(action_names, Mapping) and action_names:
            first = list(action_names.items())[:_MOST_NAMED]
            self._info_of_all[ACTION_NAMES] = {str(agent): [str(name) for name in names] for agent, names in first}
        self._teams = teams
        self._agent_fn = agent_fn
        self._lane = lane
        self._kept = KeptParts(record_observations)
        self._kept_of = self._kept.of if has_pictures else self._kept.numbers_of
        self.has_pictures = has_pictures or record_observations is True
        """Whether observations that are pictures are recorded."""
        self._rendering = rendering
        self._every = every
        self._first_episode_id = first_episode_id
        self._info = self._info_of_all
        self._episode_id: int | None = None
        self._n_steps = 0
        self._is_over = False
        self._has_places = False
        """Whether an agent had a position: then the episode has a board."""

    def attempt(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do what may fail over whatever an environment gives: it is counted, and training goes on."""
        if self.recorder is None:
            return
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self.recorder.note_failure(error)

    def begin(self, seed: int | None) -> None:
        """The environment was reset; an episode that has not ended ends as ``truncated``."""
        self.end()
        self._info = self._info_of_all if seed is None else {**self._info_of_all, "seed": int(seed)}

    def record(self, agents: Mapping[Any, dict[str, Any]], observed: Mapping[Any, Any]) -> None:
        """Record a step.

        Args:
            agents: the fields of each agent.
            observed: observations by agent.
        """
        recorder = self.recorder
        if recorder is None:
            return
        if self._episode_id is None:
            self._episode_id, self._n_steps = recorder.new_episode_id(first=self._first_episode_id), 0
        beside = self._agent_fn() if self._agent_fn is not None else {}
        for agent, fields in agents.items():
            extras = {
                **fields.pop("extras", {}),
                **self._kept_of(named_leaves("observation", observed.get(agent), has_texts=True)),
            }
            action = named_leaves("action", fields.pop("action", None))
            if "action" in action:
                fields["action"] = action.pop("action")
            given = dict(beside.get(agent, {}))
            extras |= {**action, **given.pop("extras", {})}
            fields |= {**given, "extras": extras}
            self._has_places = self._has_places or fields.get("position") is not None
        picture = self._picture(recorder)
        shared = None if picture is None else {"extras": {RENDER: picture}}
        recorder.record_agents(self._episode_id, self._n_steps, agents, shared, teams=self._teams, lane=self._lane)
        self._n_steps += 1
        self._is_over = bool(agents) and all(it["terminated"] or it["truncated"] for it in agents.values())

    def end(self, *, is_over: bool = False) -> None:
        """The episode is over; one without a step is none.

        Args:
            is_over: the environment ended it, even if the flags of its agents do not say so.
        """
        if self._episode_id is not None and self.recorder is not None:
            status = "complete" if is_over or self._is_over else "truncated"
            substrate = {} if self._has_places else {"substrate": ASPATIAL}
            metadata = {"status": status, "info": self._info, **self._facts, **substrate}
            self.recorder.finish_episode(self._episode_id, metadata)
        self._episode_id, self._is_over, self._has_places = None, False, False

    def close(self) -> None:
        """End the open episode, and the recorder if it was made here."""
        self.attempt(self.end)
        if self.recorder is not None and self._owns_recorder:
            self.recorder.close()

    def _picture(self, recorder: EpisodeRecorder) -> Any:
        """What the environment shows now, if this step has a picture."""
        if self._rendering is None or self._n_steps % self._every:
            return None
        try:
            return self._rendering.take()
        except Exception as error:  # noqa: BLE001 - the step goes without its picture
            recorder.note_failure(error)
            return None
