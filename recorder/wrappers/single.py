"""``RecordEpisode``: records one Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Generic, SupportsFloat, TypeVar

import gymnasium
from gymnasium.envs.registration import EnvSpec

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers.boards import board_of
from recorder.wrappers.environment.additions import Additions
from recorder.wrappers.environment.autoseed import watch_one
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.environment.frames import FrameSource, Rendering, picture_of
from recorder.wrappers.environment.gymnasium_versions import AUTORESET_WRAPPERS
from recorder.wrappers.environment.hooks import EpisodeFunction, Hooks, StepFunction, Trigger
from recorder.wrappers.environment.kinds import FirstLook, chain_of, check_single, instead_of_single
from recorder.wrappers.episodes.last_info import LastInfo
from recorder.wrappers.episodes.open_episode import reset_numbers
from recorder.wrappers.episodes.plain_ends import PLAIN, PlainEnds
from recorder.wrappers.episodes.plain_steps import plain_steps
from recorder.wrappers.episodes.plan import ACTION_MASK, Plan
from recorder.wrappers.reproduction import is_reenacted
from recorder.wrappers.states import States

__all__ = ["RecordEpisode"]

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")


class RecordEpisode(gymnasium.Wrapper[ObsType, ActType, ObsType, ActType], Generic[ObsType, ActType]):
    """Records every step of an environment; changes nothing of what it returns, and raises nothing into training.

    Example::

        env = RecordEpisode(gymnasium.make("CartPole-v1"), "redis://localhost:6379/0", run_id="cart-pole")
        # train as ever

    A step holds action, reward, flags, the observation *reached by* the action as ``extras["observation"]`` (parts of a
    ``Dict`` or ``Tuple`` as ``observation.name``), the ``action_mask`` of the ``info`` before it, and what ``extras`` and
    ``step_fn`` add. An episode's metadata holds ``env_id``, the seed where it is known (``AutoSeed`` makes it so), and the
    observation that ``reset`` returned, up to 1,000 numbers.

    Args:
        env: the environment; an ``Autoreset`` below is understood.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL; made up when left out.
        resume: the run goes on from a checkpoint, when ``recorder`` is a URL; ``first_episode_id`` says where.
        lane: index of this environment where several trainers share a run.
        first_episode_id: of the first episode; later ones count up. Trainers that share a run need ids apart.
        record_observations: None records observations of up to 4 KiB, and pictures.
        frames: where pictures come from: ``observation``, ``render`` (called after each step, which takes time), or ``none``.
            ``auto`` takes the observation if it is a picture. If not, and the ``render_mode`` is ``rgb_array``, it renders,
            unless any episode can be drawn later from its seed: see ``AutoSeed``.
        every: record a picture with each of so many steps; the other steps are recorded without one.
        states: record the simulator's state with each step, so that ``Restoration`` draws any episode later: MuJoCo's ``qpos``
            and ``qvel``, or what ``get_state()`` gives. ``frames="auto"`` then renders nothing.
        step_fn: called after each step with ``env, obs, info, action, rew, terminated, truncated`` as keywords; gives what to
            record with it, by the names that ``extras`` takes: ``position`` and ``meters`` above all.
        episode_fn: called at an episode's end with ``env, info, episode_id`` as keywords; gives metadata of it, by the names
            of ``EpisodeMetadata``.
        episode_trigger: ids of episodes to keep whatever the criteria say; gets the id.
        step_trigger: the same for the episode that a step belongs to; gets the number of the step since this wrapper was made,
            from 1.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
    """

    def __init__(
        self,
        env: gymnasium.Env[ObsType, ActType],
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        resume: bool = False,
        lane: int = 0,
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
        check_single(env)
        super().__init__(env)
        if lane < 0:
            raise UsageError(f"lane: expected 0 or more, found {lane}")
        self._plan = Plan(
            describe_environment(env),
            env.observation_space,
            env.action_space,
            recorder=recorder,
            run_id=run_id,
            resume=resume,
            first_episode_id=first_episode_id,
            record_observations=record_observations,
            frames=frames,
            every=every,
            render_mode=getattr(env, "render_mode", None),
            is_reenacted=states or is_reenacted(env),
        )
        self._rendering = Rendering(lambda: picture_of(self.env.render()), every=every, tell=self._plan.tell)
        self.recorder = self._plan.recorder
        self._lane = lane
        self._hooks = Hooks(
            self.recorder,
            step_fn=step_fn,
            episode_fn=episode_fn,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
        )
        self._resets_itself = any(isinstance(inner, AUTORESET_WRAPPERS) for inner in chain_of(env))
        self._resets = watch_one(env)
        self._states = States(env) if states else None
        self._additions = Additions(self._hooks, board_of(env), self._states)
        self._plain_extras: dict[str, Any] = {}
        """The extras of a step of plain spaces: one map for all, because the recorder copies what is in it."""
        self._told = LastInfo()
        self._plain = PlainEnds(self._plan.facts, self.recorder)
        self._plain_steps = plain_steps(self._plan, self._hooks, self._additions, lane=lane)
        self._episode: dict[str, Any] | None = None
        """The ``info`` of the episode that has begun, or ``PLAIN``."""
        self._episode_id = -1
        self._n_steps = 0
        self._n_steps_in_all = 0
        self._first_look = FirstLook(instead_of_single)

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, by ``copy`` or by pickle, which a search makes of its environment: it records nothing."""
        plan, hooks = self._plan.of_copy(), copy(self._hooks)
        begun = dict.fromkeys(("_rendering", "_plain", "_plain_steps", "_episode"))
        own = {"_additions": Additions(hooks, None), "_plain_extras": {}, "_told": LastInfo()}
        return {**self.__dict__, **begun, **own, "_plan": plan, "recorder": plan.recorder, "_hooks": hooks}

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """Of the wrapped environment: one that is made from it again must not record into the same run."""
        return self.env.spec

    def extras(self, **values: Any) -> None:
        """Add to the next step what the environment can't see.

        Args:
            values: ``q_values``, ``epsilon``, ``action_masks``, ``intrinsic_reward``, ``position``, ``meters``, ``time_of_day``
                and ``interaction_progress`` go to the step's fields of these names; ``stage`` is the stage of the curriculum,
                from this step on; any other name becomes one of the step's extras.
        """
        self._additions.given.update(values)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment; an episode that has not ended ends here, as ``truncated``."""
        observation, info = self.env.reset(seed=seed, options=options)
        recorder = self.recorder
        if recorder is not None:
            try:
                self._begin(observation, info, seed)
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error)
        return observation, info

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment, and record the step."""
        result = self.env.step(action)
        recorder = self.recorder
        if recorder is not None:
            try:
                if self._n_steps or self._starts(recorder, *result):
                    plain, is_over = self._plain_steps, None
                    if plain is not None and not self._additions.given and self._told.action_mask is None:
                        is_over = plain.write(self._episode_id, self._n_steps, action, result)
                    if is_over is None:
                        is_over = self._record(recorder, action, *result)
                    self._n_steps += 1
                    if is_over:
                        self._end("complete")
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error, n_steps=1)
        return result

    def close(self) -> None:
        """Close the environment; an open episode ends as ``truncated``, and a recorder that was made here is closed."""
        self._plan.guard(0, lambda: self._end("truncated"))
        if self.recorder is not None and self._plan.owns_recorder:
            self.recorder.close()
        super().close()

    def _begin(self, observation: Any, info: Mapping[str, Any], seed: int | None) -> None:
        if self._episode is not None:
            self._end("truncated")
        attempt = self._hooks.attempt
        attempt(self._told.take, None, info)
        values = attempt(self._plan.observations.read, {}, observation)
        is_known = seed is not None or not self._resets.is_blind
        beginnings = self._resets.begun((0,), None if seed is None else (seed,)) if is_known else None
        if beginnings is not None or self._states is not None or not self._plain.begin(values, (0,)):
            facts = self._plan.facts
            own = facts.info.copy() if beginnings is None else facts.begun(beginnings[0])
            state = {} if self._states is None else attempt(self._states.read, {})
            self._episode = {**own, **attempt(reset_numbers, {}, {**values, **state})}
        else:
            self._episode = PLAIN
        self._additions.begin()

    def _record(
        self,
        recorder: EpisodeRecorder,
        action: Any,
        observation: Any,
        reward: Any,
        terminated: Any,
        truncated: Any,
        info: Mapping[str, Any],
    ) -> bool:
        """Record a step, whatever comes with it; whether the episode is over."""
        n_steps = self._n_steps
        # One class for all steps: the recorder's quick way fits one.
        is_terminated, is_truncated = bool(terminated), bool(truncated)
        is_over = is_terminated or is_truncated
        told = self._told
        mask = told.action_mask
        if info.__class__ is dict and mask is None and ACTION_MASK not in info:
            told.info = info
        else:
            self._hooks.attempt(told.take, None, info)
        plain_action, extras = action, self._plain_extras
        if self._plan.is_plain:
            extras["observation"] = observation
        else:
            plain_action, extras = self._plan.parts(action, observation, self._hooks.attempt)
        if self._plan.has_frames:
            extras = self._plan.with_frames(extras, n_steps, lambda: self._hooks.attempt(self._rendering.take, None))
        if self._additions.come_with_each_step or self._additions.given:
            known = {"env": self.env, "obs": observation, "info": info, "action": action, "rew": reward}
            flags = {"terminated": is_terminated, "truncated": is_truncated}
            fields, added = self._additions.of_step(mask, **known, **flags)
            if added:
                extras = {**extras, **added}
            fields = {"position": (), "meters": (), **fields}
            recorder.record_step(
                self._episode_id, n_steps, action=plain_action, reward=reward, done=is_over, **flags, **fields,
                extras=extras, lane=self._lane,
            )  # fmt: skip
        else:
            # As above, but each argument in its place: a call with a map of them takes a third longer.
            recorder.record_step(
                self._episode_id, n_steps, (), (), plain_action, reward, done=is_over, terminated=is_terminated,
                truncated=is_truncated, action_masks=mask, extras=extras, lane=self._lane,
            )  # fmt: skip
        self._n_steps_in_all += 1
        if self._hooks.has_triggers:
            self._keep_as_told(recorder)
        return is_over

    def _starts(self, recorder: EpisodeRecorder, observation: Any, *shown: Any) -> bool:
        """Whether an episode begins with this step; here what only a first step shows is found out."""
        if self._first_look.is_due and not self._first_look.passes(*shown[:3]):
            return False
        if self._episode is None:
            if not self._resets_itself:
                raise UsageError("step() was called after the end of an episode: call reset() first")
            self._begin(observation, shown[-1], None)
            return False
        self._episode_id = recorder.new_episode_id(first=self._plan.first_episode_id)
        return True

    def _keep_as_told(self, recorder: EpisodeRecorder) -> None:
        if self._n_steps == 0 and self._hooks.keeps_episode(self._episode_id):
            recorder.keep(self._episode_id, "episode_trigger")
        if self._hooks.keeps_step(self._n_steps_in_all):
            recorder.keep(self._episode_id, "step_trigger")

    def _end(self, status: str) -> None:
        episode, self._episode = self._episode, None
        n_steps, self._n_steps = self._n_steps, 0
        if episode is None or n_steps == 0 or self.recorder is None:
            return
        added = self._additions.of_episode()
        if self._states is not None:
            episode.update(self._hooks.attempt(self._states.camera, {}))
        if self._hooks.has_episode_fn:
            told = self._hooks.episode_metadata(env=self.env, info=self._told.info, episode_id=self._episode_id)
            added = {**added, **told}
        stage, has_position = self._additions.stage, self._additions.has_position
        self._plain.end(0, self._episode_id, episode, status, stage=stage, has_position=has_position, told=added)
