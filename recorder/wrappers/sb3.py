"""``RecorderCallback``: records what a model of Stable-Baselines3 trains on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.capture import EpisodeRecorder, copied_recorder
from recorder.errors import MissingExtraError, UsageError
from recorder.values.argument_kinds import check_kind
from recorder.wrappers.environment.frames import FrameSource
from recorder.wrappers.environment.hooks import EpisodeFunction, StepFunction, Trigger

try:
    from stable_baselines3.common.callbacks import BaseCallback, EventCallback
except ImportError as error:
    raise MissingExtraError("RecorderCallback", "sb3") from error

from recorder.wrappers.sb3_model.policy import PolicyWatch
from recorder.wrappers.sb3_model.recording import ModelRecording

__all__ = ["RecorderCallback"]

_OF_A_MODEL = ("model", "_recording")
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
        states: record the state of each environment's simulator, as ``recorder.wrappers.RecordEpisode`` does; for those of a
            ``DummyVecEnv``.
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

    _recording: ModelRecording
    """Since the first ``learn``."""

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
        states: bool = False,
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
        self._has_states = states
        self._wants_q_values = q_values
        self._kind: tuple[Any, ...] | None = None
        """Number and spaces of the environments that the first ``learn`` had."""
        self._has_ended = False
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
            states=self._has_states,
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
        policy = PolicyWatch(self.model, wants_q_values=self._wants_q_values)
        env = self.training_env
        kind = (env.num_envs, env.observation_space, env.action_space)
        if self._kind not in (None, kind):
            raise UsageError(
                "this callback has recorded other environments: make one for these, with the same recorder"
            )
        if self._kind is not None:
            self._recording.attach(self.model, env, policy)
            return
        self._kind = kind
        self._recording = ModelRecording(
            self.model,
            env,
            plan_arguments=self._plan_arguments,
            hook_arguments=self._hook_arguments,
            first_lane=self._first_lane,
            has_states=self._has_states,
        )
        self._recording.attach(self.model, env, policy)
        self.recorder = self._recording.plan.recorder

    def _check_place(self) -> None:
        if isinstance(self.parent, EventCallback):
            parent = type(self.parent).__name__
            raise UsageError(
                f"RecorderCallback has to see every step: give it to learn(), or a list with it, not to {parent}"
            )

    def _on_training_start(self) -> None:
        self._check_place()  # a list knows its own place only now
        self._recording.plan.guard(0, lambda: self._recording.begin(self.locals))
        if self.recorder is not None:
            self._recording.listen()

    def _on_rollout_start(self) -> None:
        self._recording.policy.forget()

    def _on_step(self) -> bool:
        recorder = self.recorder
        if recorder is not None:
            added: Mapping[str, Any] = self._given
            if added:
                self._given = {}
            try:
                self._recording.record(self.locals, added)
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error, n_steps=self.training_env.num_envs)
        return True

    def _on_training_end(self) -> None:
        recording = self._recording
        recording.policy.stop_listening()
        if self.recorder is None or not recording.plan.owns_recorder:
            return
        recording.plan.guard(0, recording.end_open)
        self.recorder.close()
        self._has_ended = True
