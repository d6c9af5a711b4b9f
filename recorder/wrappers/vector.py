"""``RecordEpisode`` for vector environments: every lane, in all three autoreset modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from recorder.capture import EpisodeRecorder
from recorder.wrappers.boards import LaneBoards, boards_of
from recorder.wrappers.environment.autoseed import watch_lanes
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.environment.frames import FrameSource, Rendering, pictures_of
from recorder.wrappers.environment.gymnasium_versions import AutoresetMode, VectorWrapper, adopt, autoreset_mode_of
from recorder.wrappers.environment.hooks import EpisodeFunction, Hooks, StepFunction, Trigger
from recorder.wrappers.environment.kinds import FirstLook, check_vector, instead_of_vector
from recorder.wrappers.environment.parts import with_rows
from recorder.wrappers.episodes.lane_info import LanesTold, final_observations, lane_info
from recorder.wrappers.episodes.lanes import LaneRecorder
from recorder.wrappers.episodes.plan import Plan
from recorder.wrappers.reproduction import is_reenacted
from recorder.wrappers.states import LaneStates

__all__ = ["RecordEpisode"]

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")
ArrayType = TypeVar("ArrayType")

_RESET_MASK = "reset_mask"
_FINAL_INFO = "final_info"


class RecordEpisode(VectorWrapper[ObsType, ActType, ObsType, ActType, ArrayType], Generic[ObsType, ActType, ArrayType]):
    """Records every step of every lane; changes nothing of what the environment returns, and raises nothing into training.

    Example::

        envs = RecordEpisode(gymnasium.make_vec("CartPole-v1", num_envs=64), "redis://localhost:6379/0")
        # train as ever

    What a step and an episode hold is what ``recorder.wrappers.RecordEpisode`` writes. An episode ends with its true last
    observation, whatever the environment's ``metadata["autoreset_mode"]``: in ``NEXT_STEP``, which is assumed where there is
    none, the call that resets a lane is no step of it; in ``SAME_STEP`` the last observation is the ``final_obs`` of the
    infos; in ``DISABLED`` a lane is played from the ``reset`` on whose ``reset_mask`` has it.

    Args:
        env: the vector environment.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL; made up when left out.
        resume: the run goes on from a checkpoint, when ``recorder`` is a URL; ``first_episode_id`` says where.
        first_lane: index of the first lane where several trainers share a run.
        first_episode_id: of the first episode; later ones count up, in the order of their first steps. Trainers that share a
            run need ids apart.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.
        frames, every: which pictures to record, as ``recorder.wrappers.RecordEpisode`` takes them; ``every`` counts calls of
            ``step``. In ``SAME_STEP`` a call that ends an episode has no rendered pictures: those lanes show the next one.
        states: record the state of each lane's simulator, as ``recorder.wrappers.RecordEpisode`` does; for lanes in this
            process.
        step_fn: called after each step with ``env, obs, info, action, rew, terminated, truncated`` as keywords, all as the
            vector environment gives them; gives what to record with it, with a leading axis of lanes, by the names that
            ``extras`` takes. In ``SAME_STEP`` what belongs to the last step of a lane stands in ``info["final_info"]``.
        episode_fn: called at an episode's end with ``env, info, episode_id, lane`` as keywords, ``info`` being that of the lane
            alone; gives metadata of it, by the names of ``EpisodeMetadata``.
        episode_trigger: ids of episodes to keep whatever the criteria say; gets the id.
        step_trigger: the same for the episodes of all lanes; gets the number of the call of ``step``, from 1.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
    """

    def __init__(
        self,
        env: VectorEnv[ObsType, ActType, ArrayType],
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        resume: bool = False,
        first_lane: int = 0,
        first_episode_id: int = 0,
        record_observations: bool | None = None,
        frames: FrameSource = "auto",
        every: int = 1,
        states: bool = False,
        step_fn: StepFunction | None = None,
        episode_fn: EpisodeFunction | None = None,
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
    ) -> None:
        check_vector(env)
        super().__init__(env)
        adopt(self, env)
        self.metadata = env.metadata  # a wrapper outside this one needs the ``autoreset_mode``
        self._plan = Plan(
            describe_environment(env),
            env.single_observation_space,
            env.single_action_space,
            recorder=recorder,
            run_id=run_id,
            resume=resume,
            first_episode_id=first_episode_id,
            record_observations=record_observations,
            frames=frames,
            every=every,
            # A lane in another process dies if it can't draw: it draws where the trainer asks for it.
            render_mode=None if isinstance(env.unwrapped, AsyncVectorEnv) else getattr(env, "render_mode", None),
            is_reenacted=states or (isinstance(env.unwrapped, SyncVectorEnv) and is_reenacted(env.unwrapped.envs[0])),
        )
        self._rendering = Rendering(lambda: pictures_of(env.render(), env.num_envs), every=every, tell=self._plan.tell)
        self._is_quick = self._plan.is_plain and not self._plan.has_frames and not states
        self._n_calls = 0
        self.recorder = self._plan.recorder
        self._hooks = Hooks(
            self.recorder,
            step_fn=step_fn,
            episode_fn=episode_fn,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
        )
        mode = autoreset_mode_of(env.metadata)
        self._resets_at_once = mode is AutoresetMode.SAME_STEP
        """Whether the call that ends an episode resets its lane."""
        self._resets_itself = mode is not AutoresetMode.DISABLED
        """Whether a later call does, or that one."""
        envs = getattr(env.unwrapped, "envs", None)
        self._states = LaneStates(envs, resets_at_once=self._resets_at_once) if states else None
        self._first_lane = first_lane
        self._lanes = LaneRecorder(self._plan, self._hooks, n_lanes=env.num_envs, first_lane=first_lane)
        self._seeds_each_lane = isinstance(env.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        """Whether a seed is one of each lane; an environment that is a vector by itself has one source of random numbers."""
        self._resets = watch_lanes(env)
        self._boards = self._hooks.attempt(boards_of, None, envs)
        self._told = LanesTold()
        self._first_look = FirstLook(instead_of_vector)
        self._given: dict[str, Any] = {}
        """What ``extras`` was given for the next step."""

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, by ``copy`` or by pickle: it records nothing."""
        plan, hooks = self._plan.of_copy(), copy(self._hooks)
        lanes = LaneRecorder(plan, hooks, n_lanes=self.num_envs, first_lane=self._first_lane)
        begun: dict[str, Any] = {"_given": {}, "_rendering": None, "_told": LanesTold(), "_lanes": lanes}
        return {
            **self.__dict__,
            **begun,
            "_boards": None,
            "_states": None,
            "_plan": plan,
            "recorder": plan.recorder,
            "_hooks": hooks,
        }

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """Of the wrapped environment: one that is made from it again must not record into the same run."""
        return self.env.spec

    def extras(self, **values: Any) -> None:
        """Add to the next step what the environment can't see.

        Args:
            values: with a leading axis of lanes, or one number for all of them. ``q_values``, ``epsilon``, ``action_masks``,
                ``intrinsic_reward``, ``position``, ``meters``, ``time_of_day`` and ``interaction_progress`` go to the step's
                fields of these names; ``stage`` is the stage of the curriculum, from this step on; any other name becomes one
                of the step's extras.
        """
        self._given.update(values)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment, or the lanes of ``options["reset_mask"]``; their open episodes end as ``truncated``."""
        mask = None if options is None else options.get(_RESET_MASK)  # the environment takes it out
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        self._plan.guard(0, lambda: self._begin_after_reset(observations, infos, seed, mask))
        return observations, infos

    def step(self, actions: ActType) -> tuple[ObsType, ArrayType, ArrayType, ArrayType, dict[str, Any]]:
        """Step the environment, and record the step of every lane."""
        result = self.env.step(actions)
        recorder = self.recorder
        if recorder is not None:
            n_closed = len(self._lanes.closed)
            try:
                self._record(actions, *result)
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error, n_steps=self.num_envs - n_closed)
        return result

    def close(self, **kwargs: Any) -> None:
        """Close the environment; open episodes end as ``truncated``, and a recorder that was made here is closed."""
        self._plan.guard(0, lambda: self._end(self._lanes.open_among(range(self.num_envs)), "truncated"))
        if self.recorder is not None and self._plan.owns_recorder:
            self.recorder.close()
        super().close(**kwargs)

    def _begin_after_reset(
        self, observations: Any, infos: Mapping[str, Any], seed: int | list[int | None] | None, mask: Any
    ) -> None:
        places = range(self.num_envs) if mask is None else np.flatnonzero(mask).tolist()
        self._end(self._lanes.open_among(places), "truncated")
        self._begin(places, observations, seed)
        self._hooks.attempt(self._told.remember, None, infos)

    def _begin(self, places: Sequence[int], observations: Any, seed: int | list[int | None] | None = None) -> None:
        """These lanes have been reset: for them, all that is given is what their ``reset`` returned."""
        attempt, plan = self._hooks.attempt, self._plan
        is_told = seed is not None and self._seeds_each_lane
        seeds = attempt(self._lane_seeds, None, seed, places) if is_told else None
        is_blind = self._resets.is_blind and seeds is None
        beginnings = None if is_blind else attempt(self._resets.begun, None, places, seeds)
        read = {"observation": observations} if plan.is_plain else attempt(plan.observations.read, {}, observations)
        if self._states is not None:
            read = {**read, **attempt(self._states.read, {})}
        self._lanes.begin_all(places, beginnings, read)
        if self._boards is not None:
            attempt(self._boards.begin, None, places)

    def _record(
        self, actions: Any, observations: Any, rewards: Any, terminations: Any, truncations: Any, infos: dict[str, Any]
    ) -> None:
        if self._first_look.is_due and not self._first_look.passes(rewards, self.num_envs):
            return
        lanes, hooks, told = self._lanes, self._hooks, self._told
        masks = told.masks
        added: Mapping[str, Any] = self._given
        if added:
            self._given = {}
        if hooks.has_step_fn:
            known = {"env": self.env, "obs": observations, "info": infos, "action": actions, "rew": rewards}
            added = {**added, **hooks.step_values(**known, terminated=terminations, truncated=truncations)}
        if infos.__class__ is dict and not infos and masks is None:
            told.infos = infos
        else:
            hooks.attempt(told.remember, None, infos)
        dones, ended = lanes.over(terminations, truncations)
        being_reset: Sequence[int] = sorted(lanes.closed) if lanes.closed else ()
        if self._boards is not None:
            added = hooks.attempt(self._with_positions, added, self._boards, added, actions, infos, ended)
        if self._is_quick and not (ended and self._resets_at_once):
            extras: dict[str, Any] = {"observation": observations}
        else:
            actions, extras = self._parts(actions, observations, infos, ended)
        lanes.record(actions, rewards, dones, terminations, truncations, extras, added, action_masks=masks)
        if ended:
            self._end(ended, "complete")
        if self._resets_at_once:
            being_reset = ended
        if being_reset and self._resets_itself:
            self._begin(being_reset, observations)

    def _parts(
        self, actions: Any, observations: Any, infos: Mapping[str, Any], ended: Sequence[int]
    ) -> tuple[Any, dict[str, Any]]:
        """Actions as the field of a step, and the extras."""
        attempt = self._hooks.attempt
        action_parts: dict[str, Any] = {}
        if not self._plan.is_plain:
            actions, action_parts = attempt(self._plan.action, (None, {}), actions)
        were_reset = ended if self._resets_at_once else ()
        extras = {**attempt(self._reached, {}, observations, infos, were_reset), **action_parts}
        if self._states is not None:
            extras |= attempt(self._states.read, {}, were_reset)
        if self._plan.has_frames:
            take = self._rendering.take
            extras = self._plan.with_frames(extras, self._n_calls, lambda: None if were_reset else attempt(take, None))
            self._n_calls += 1
        return actions, extras

    def _with_positions(
        self, boards: LaneBoards, added: Mapping[str, Any], actions: Any, infos: Mapping[str, Any], ended: Sequence[int]
    ) -> Mapping[str, Any]:
        last = final_observations(infos, ended if self._resets_at_once else ())
        return boards.with_positions(added, actions=actions, last=last, closed=self._lanes.closed)

    def _reached(self, observations: Any, infos: Mapping[str, Any], were_reset: Sequence[int]) -> dict[str, Any]:
        """What the actions led to: where lanes have been reset since, their observations from before that."""
        values = self._plan.observations.read(observations)
        if were_reset:
            final = final_observations(infos, were_reset)
            values = with_rows(values, {place: self._plan.observations.read(final[place]) for place in were_reset})
        return values

    def _end(self, places: Sequence[int], status: str) -> None:
        info: Mapping[str, Any] = {}
        for place in places:
            if self._hooks.has_episode_fn:
                info = self._hooks.attempt(lane_info, {}, self._told.infos, place)
                info = info.get(_FINAL_INFO, info)
            board = {} if self._boards is None else self._boards.of_episode(place)
            self._lanes.end(place, status, env=self.env, info=info, told=board)

    def _lane_seeds(self, seed: int | Sequence[int | None], places: Sequence[int]) -> list[int | None]:
        """The seeds of some lanes, as ``reset`` of the environment understands them."""
        return [int(seed) + place if isinstance(seed, int | np.integer) else seed[place] for place in places]
