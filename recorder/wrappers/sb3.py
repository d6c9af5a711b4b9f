"""``RecorderCallback``: records what a model of Stable-Baselines3 trains on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.capture.options import check_kind
from recorder.capture.recorder import copied_recorder
from recorder.errors import MissingExtraError, UsageError
from recorder.wrappers.autoseed import ResetWatch
from recorder.wrappers.description import description_of
from recorder.wrappers.frames import FrameSource, Rendering, pictures_of
from recorder.wrappers.hooks import EpisodeFunction, Hooks, StepFunction, Trigger
from recorder.wrappers.lanes import LaneRecorder
from recorder.wrappers.parts import with_rows
from recorder.wrappers.plan import Plan
from recorder.wrappers.reproduction import is_reenacted

try:
    from stable_baselines3.common.callbacks import BaseCallback, EventCallback
    from stable_baselines3.common.vec_env import DummyVecEnv
except ImportError as error:
    raise MissingExtraError("RecorderCallback", "sb3") from error

from recorder.wrappers.sb3_lanes import counted_return, late_among, origin, watch_resets
from recorder.wrappers.sb3_policy import NO_THOUGHTS, PolicyWatch

__all__ = ["RecorderCallback"]

_OF_A_MODEL = ("model", "_env", "_plan", "_hooks", "_lanes", "_resets", "_rendering", "_policy")
"""What a callback has once it is given to ``learn``."""


class RecorderCallback(BaseCallback):
    """Records every step of every lane that a model trains on; raises nothing into training, and never ends it.

    Example::

        model = PPO("MlpPolicy", make_vec_env("CartPole-v1", n_envs=8))
        model.learn(100_000, callback=RecorderCallback("redis://localhost:6379/0", run_id="ppo"))

    A step holds what ``recorder.wrappers.RecordEpisode`` writes: the action that the environment got, and the observation
    *reached by* it as the model sees it, the true last one of an episode included. Beside that it holds, where the
    algorithm has them, the ``value`` of the state acted in, as one of the extras, the exploration rate as ``epsilon`` (1 while
    all actions are random), and ``action_masks``. Rewards are those that the model learns from; an episode's
    ``total_reward`` is what its ``Monitor`` counted, where there is one.

    Args:
        recorder: who records, or a Redis URL: then the run ends with ``learn``. None records nothing.
        run_id: the training job, when ``recorder`` is a URL; made up when left out.
        resume: the run goes on from a checkpoint, when ``recorder`` is a URL; ``first_episode_id`` says where.
        first_lane: index of the first environment where several trainers share a run.
        first_episode_id: of the first episode; later ones count up, in the order of their first steps. Trainers that share a
            run need ids apart.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.
        frames, every: which pictures to record, as ``recorder.wrappers.RecordEpisode`` takes them; ``every`` counts calls of
            ``step``. A call that ends an episode has no rendered pictures: those lanes show the next one.
        q_values: record the Q-values of the state acted in (``DQN`` and so on). Where the action was chosen at random, or on a
            device, this takes one more pass through the network.
        step_fn: called after each step with ``env, obs, info, action, rew, terminated, truncated`` as keywords, all as the
            vector environment gives them; gives what to record with it, with a leading axis of lanes, by the names that
            ``extras`` takes.
        episode_fn: called at an episode's end with ``env, info, episode_id, lane`` as keywords; gives metadata of it, by the
            names of ``EpisodeMetadata``.
        episode_trigger: ids of episodes to keep whatever the criteria say; gets the id.
        step_trigger: the same for the episodes of all lanes; gets the number of the call of ``step``, from 1: ``n_calls``, not
            ``num_timesteps``.
        verbose: of the callback, as Stable-Baselines3 has it.

    Raises:
        UsageError: an argument can't work; from ``learn``.
        SettingsError: the URL can't work; from ``learn``.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        resume: bool = False,
        first_lane: int = 0,
        first_episode_id: int = 0,
        record_observations: bool | None = None,
        frames: FrameSource = "auto",
        every: int = 1,
        q_values: bool = False,
        step_fn: StepFunction | None = None,
        episode_fn: EpisodeFunction | None = None,
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        check_kind("recorder", recorder, EpisodeRecorder | str | None)
        self.recorder = recorder if isinstance(recorder, EpisodeRecorder) else None
        """Who records; made by the first ``learn`` when a URL was given."""
        self._plan_arguments = {
            "recorder": recorder,
            "run_id": run_id,
            "resume": resume,
            "first_episode_id": first_episode_id,
            "record_observations": record_observations,
            "frames": frames,
            "every": every,
        }
        self._hook_arguments = {
            "step_fn": step_fn,
            "episode_fn": episode_fn,
            "episode_trigger": episode_trigger,
            "step_trigger": step_trigger,
        }
        self._first_lane = first_lane
        self._wants_q_values = q_values
        self._kind: tuple[Any, ...] | None = None
        """Number and spaces of the environments that the first ``learn`` had."""
        self._has_ended = False
        self._last_observations: Any = None
        """What the last recorded step led to."""
        self._given: dict[str, Any] = {}
        """What ``extras`` was given for the next step."""

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, by ``copy`` or by pickle: it records nothing, and belongs to no model yet."""
        run_id = (
            self.recorder.run_id if self.recorder is not None else self._plan_arguments["run_id"] or "of a callback"
        )
        fresh = RecorderCallback(
            copied_recorder(str(run_id)),
            first_lane=self._first_lane,
            record_observations=self._plan_arguments["record_observations"],  # type: ignore[arg-type]
            frames=self._plan_arguments["frames"],  # type: ignore[arg-type]
            every=self._plan_arguments["every"],  # type: ignore[arg-type]
            q_values=self._wants_q_values,
            verbose=self.verbose,
        )
        added = {name: value for name, value in vars(self).items() if name not in _OF_A_MODEL}
        return {**added, **vars(fresh)}

    def extras(self, **values: Any) -> None:
        """Add to the next step what the environment can't see; as ``recorder.wrappers.vector.RecordEpisode`` takes it."""
        self._given.update(values)

    def _init_callback(self) -> None:
        self._check_place()
        if self._has_ended:
            raise UsageError(
                "the run of this callback has ended: give it an EpisodeRecorder to record several calls of learn()"
            )
        self._policy = PolicyWatch(self.model, wants_q_values=self._wants_q_values)
        env = self._env = self.training_env
        kind = (env.num_envs, env.observation_space, env.action_space)
        if self._kind not in (None, kind):
            raise UsageError(
                "this callback has recorded other environments: make one for these, with the same recorder"
            )
        if self._kind is not None:
            return
        self._kind = kind
        description = description_of(
            *origin(env), {"single_observation_space": env.observation_space, "single_action_space": env.action_space}
        )
        self._plan = Plan(
            {**description, "algorithm": type(self.model).__name__},
            env.observation_space,
            env.action_space,
            render_mode=None,  # make_vec_env asks for pictures always, and a lane in another process dies if it can't draw
            is_reenacted=isinstance(env.unwrapped, DummyVecEnv) and is_reenacted(env.unwrapped.envs[0]),
            **self._plan_arguments,  # type: ignore[arg-type]
        )
        self._rendering = Rendering(
            lambda: pictures_of(env.get_images(), env.num_envs),
            every=self._plan.every,
            tell=self._plan.tell,
        )
        self._n_framed_calls = 0
        self.recorder = self._plan.recorder
        self._hooks = Hooks(self.recorder, **self._hook_arguments)  # type: ignore[arg-type]
        self._lanes = LaneRecorder(self._plan, self._hooks, n_lanes=env.num_envs, first_lane=self._first_lane)
        self._resets = self._hooks.attempt(watch_resets, ResetWatch(None), env)
        self._is_quick = self._plan.is_plain and not (self._plan.has_frames or self._hooks.has_step_fn)

    def _check_place(self) -> None:
        if isinstance(self.parent, EventCallback):
            parent = type(self.parent).__name__
            raise UsageError(
                f"RecorderCallback has to see every step: give it to learn(), or a list with it, not to {parent}"
            )

    def _on_training_start(self) -> None:
        self._check_place()  # a list knows its own place only now
        self._plan.guard(0, self._begin)
        if self.recorder is not None:
            self._hooks.attempt(self._policy.listen, None)

    def _on_rollout_start(self) -> None:
        self._policy.forget()

    def _on_step(self) -> bool:
        recorder = self.recorder
        if recorder is not None:
            try:
                self._record()
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error, n_steps=self._env.num_envs)
        return True

    def _on_training_end(self) -> None:
        self._policy.stop_listening()
        if self.recorder is None or not self._plan.owns_recorder:
            return
        self._plan.guard(0, self._end_open)
        self.recorder.close()
        self._has_ended = True

    def _begin(self) -> None:
        """``learn`` has begun: with environments that it has reset, or within the episodes where the last call stopped."""
        was_reset = bool(self.locals.get("reset_num_timesteps", True)) or self.model.num_timesteps == 0
        # ``set_env`` has the next call reset, too, and does not say so.
        if was_reset or self.model._last_obs is not self._last_observations:
            self._end_open()
        closed = sorted(self._lanes.closed)
        if was_reset:
            self._begin_lanes(closed, self._hooks.attempt(self._plan.observations.read, {}, self.model._last_obs))
        else:
            self._lanes.begin_all(closed, None, {})

    def _record(self) -> None:
        told, lanes = self.locals, self._lanes
        rewards, observations = told["rewards"], told["new_obs"]
        actions = told.get("clipped_actions")
        if actions is None:
            actions = told["actions"]
        dones = lanes.flags(told["dones"])
        ended = lanes.ended(dones)
        terminated, truncated = dones, lanes.none
        if ended and (late := late_among(ended, told["infos"])):
            truncated = truncated.copy()
            truncated[late] = True
            terminated = dones & ~truncated
        self._last_observations = observations
        added: Mapping[str, Any] = self._given
        if added:
            self._given = {}
        extras: dict[str, Any]
        if self._is_quick:
            extras = {"observation": observations}
            if ended:
                extras = self._hooks.attempt(self._reached, {}, extras, ended)
        else:
            if self._hooks.has_step_fn:
                added = {**added, **self._step_values(actions, terminated, truncated)}
            actions, extras = self._parts(actions, observations, ended)
        epsilon, action_masks, q_values, value = self._hooks.attempt(self._policy.thoughts, NO_THOUGHTS, told)
        if value is not None and "value" not in added:
            extras["value"] = value
        lanes.record(
            actions,
            rewards,
            dones,
            terminated,
            truncated,
            extras,
            added,
            q_values=q_values,
            epsilon=epsilon,
            action_masks=action_masks,
        )
        if ended:
            self._end_and_begin(ended, observations)

    def _step_values(self, actions: Any, terminated: Any, truncated: Any) -> Mapping[str, Any]:
        told = self.locals
        known = {"env": self._env, "obs": told["new_obs"], "info": told["infos"], "rew": told["rewards"]}
        return self._hooks.step_values(**known, action=actions, terminated=terminated, truncated=truncated)

    def _parts(self, actions: Any, observations: Any, ended: Sequence[int]) -> tuple[Any, dict[str, Any]]:
        """Actions as the field of a step, and the extras."""
        attempt = self._hooks.attempt
        action_parts: dict[str, Any] = {}
        if not self._plan.is_plain:
            actions, action_parts = attempt(self._plan.action, (None, {}), actions)
        values = attempt(self._plan.observations.read, {}, observations)
        extras = {**attempt(self._reached, {}, values, ended), **action_parts}
        if self._plan.has_frames:
            extras = self._plan.with_frames(extras, self._n_framed_calls, lambda: None if ended else self._rendered())
            self._n_framed_calls += 1
        return actions, extras

    def _reached(self, values: dict[str, Any], ended: Sequence[int]) -> dict[str, Any]:
        """What the actions led to: where lanes have been reset since, their observations from before that."""
        if not ended:
            return values
        infos, read = self.locals["infos"], self._plan.observations.read
        return with_rows(values, {place: read(infos[place]["terminal_observation"]) for place in ended})

    def _rendered(self) -> Any:
        return self._hooks.attempt(self._rendering.take, None)

    def _end_and_begin(self, ended: Sequence[int], observations: Any) -> None:
        """Episodes are over, and the call that ended them has reset their lanes."""
        infos, attempt = self.locals["infos"], self._hooks.attempt
        for place in ended:
            info = infos[place]
            told_return = attempt(counted_return, {}, info)
            self._lanes.end(place, "complete", env=self._env, info=info, told=told_return)
        self._begin_lanes(ended, attempt(self._plan.observations.read, {}, observations))

    def _begin_lanes(self, places: Sequence[int], values: Mapping[str, Any]) -> None:
        """Some lanes have been reset; ``values`` are of all of them."""
        beginnings = self._hooks.attempt(self._resets.begun, None, places)
        self._lanes.begin_all(places, beginnings, values)

    def _end_open(self) -> None:
        for place in self._lanes.open_among(range(self._env.num_envs)):
            self._lanes.end(place, "truncated", env=self._env, info={})
