"""``RecorderCallback``: records what a model of Stable-Baselines3 trains on. The only module that imports that library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from recorder.capture import EpisodeRecorder
from recorder.capture.options import check_kind
from recorder.capture.recorder import copied_recorder
from recorder.errors import MissingExtraError, UsageError
from recorder.wrappers.autoseed import Beginning, LastReset, ResetWatch, tell_of_autoseed, watch_all
from recorder.wrappers.description import description_of, name_in
from recorder.wrappers.frames import FrameSource, Rendering, pictures_of
from recorder.wrappers.hooks import EpisodeFunction, Hooks, StepFunction, Trigger
from recorder.wrappers.lanes import LaneRecorder
from recorder.wrappers.parts import with_rows
from recorder.wrappers.plan import Plan
from recorder.wrappers.reproduction import is_reenacted

try:
    from stable_baselines3.common.callbacks import BaseCallback, EventCallback
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv
except ImportError as error:
    raise MissingExtraError("RecorderCallback", "sb3") from error

__all__ = ["RecorderCallback"]

_OF_A_MODEL = ("model", "_env", "_plan", "_hooks", "_lanes", "_resets", "_rendering", "_hook", "_thought")
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
        self._thought: tuple[Any, Any] | None = None
        """What the network of Q-values was given last, and what it gave."""
        self._hook: Any = None
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
        if self._wants_q_values and not hasattr(self.model, "q_net"):
            raise UsageError(f"q_values: {type(self.model).__name__} has no network of Q-values")
        env = self.training_env
        kind = (env.num_envs, env.observation_space, env.action_space)
        if self._kind not in (None, kind):
            raise UsageError(
                "this callback has recorded other environments: make one for these, with the same recorder"
            )
        if self._kind is not None:
            return
        self._kind = kind
        description = description_of(
            *_origin(env), {"single_observation_space": env.observation_space, "single_action_space": env.action_space}
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
        self._resets = self._hooks.attempt(_watch, ResetWatch(None), env)
        self._explores = hasattr(self.model, "exploration_rate")
        self._epsilon = np.full(env.num_envs, np.nan)

    def _check_place(self) -> None:
        if isinstance(self.parent, EventCallback):
            parent = type(self.parent).__name__
            raise UsageError(
                f"RecorderCallback has to see every step: give it to learn(), or a list with it, not to {parent}"
            )

    def _on_training_start(self) -> None:
        self._check_place()  # a list knows its own place only now
        self._env = self.training_env
        self._plan.guard(0, self._begin)
        if self._wants_q_values and self.recorder is not None:
            self._listen()

    def _on_rollout_start(self) -> None:
        self._thought = None  # of a training step

    def _on_step(self) -> bool:
        recorder = self.recorder
        if recorder is not None:
            try:
                self._record()
            except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
                recorder.note_failure(error, n_steps=self.training_env.num_envs)
        return True

    def _on_training_end(self) -> None:
        self._stop_listening()
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
        closed = self._lanes.closed
        if was_reset:
            self._begin_lanes(closed, self._hooks.attempt(self._plan.observations.read, {}, self.model._last_obs))
        else:
            self._lanes.begin_all(closed, [Beginning()] * len(closed), {})

    def _record(self) -> None:
        told, lanes, hooks = self.locals, self._lanes, self._hooks
        infos, rewards, observations = told["infos"], told["rewards"], told["new_obs"]
        actions = told.get("clipped_actions")
        if actions is None:
            actions = told["actions"]
        dones = lanes.flags(told["dones"])
        ended = lanes.ended(dones)
        terminated = truncated = dones  # all false, most often
        if ended:
            terminated, truncated = _kinds_of_ends(dones, infos, ended)
        added: Mapping[str, Any] = self._given
        if added:
            self._given = {}
        if hooks.has_step_fn:
            known = {"env": self.training_env, "obs": observations, "info": infos, "action": actions, "rew": rewards}
            added = {**added, **hooks.step_values(**known, terminated=terminated, truncated=truncated)}
        self._last_observations = observations
        values: Mapping[str, Any] = {}
        if self._plan.is_plain:
            values, plain_actions = {"observation": observations}, actions
            extras = hooks.attempt(self._reached, {}, values, infos, ended) if ended else {**values}
        else:
            plain_actions, action_parts = hooks.attempt(self._plan.action, (None, {}), actions)
            values = hooks.attempt(self._plan.observations.read, {}, observations)
            extras = {**hooks.attempt(self._reached, {}, values, infos, ended), **action_parts}
        if self._plan.has_frames:
            extras = self._plan.with_frames(extras, self._n_framed_calls, lambda: None if ended else self._rendered())
            self._n_framed_calls += 1
        fields: dict[str, Any] = {}
        hooks.attempt(self._add_policy_values, None, fields, extras, added)
        lanes.record(plain_actions, rewards, dones, terminated, truncated, extras, fields, added)
        if ended:
            env = self._env
            for place in ended:
                told_return = hooks.attempt(_counted_return, {}, infos[place])
                lanes.end(place, "complete", env=env, info=infos[place], told=told_return)
            self._begin_lanes(ended, values)

    def _rendered(self) -> Any:
        return self._hooks.attempt(self._rendering.take, None)

    def _reached(self, values: Mapping[str, Any], infos: Sequence[Any], ended: Sequence[int]) -> dict[str, Any]:
        """What the actions led to: where lanes have been reset since, their observations from before that."""
        if not ended:
            return {**values}
        read = self._plan.observations.read
        return with_rows(values, {place: read(infos[place]["terminal_observation"]) for place in ended})

    def _add_policy_values(self, fields: dict[str, Any], extras: dict[str, Any], added: Mapping[str, Any]) -> None:
        """What the algorithm thought of the state that it acted in; what the trainer adds outweighs it."""
        told = self.locals
        if self._explores:
            rate = self.model.exploration_rate  # type: ignore[attr-defined]
            if self.model.num_timesteps - len(self._epsilon) < told.get("learning_starts", 0):
                rate = 1.0
            if self._epsilon[0] != rate:
                self._epsilon.fill(rate)
            fields["epsilon"] = self._epsilon
        if (masks := told.get("action_masks")) is not None:
            fields["action_masks"] = masks
        if isinstance(values := told.get("values"), torch.Tensor) and "value" not in added:
            extras["value"] = values.detach().reshape(-1)
        if self._wants_q_values:
            fields["q_values"] = self._q_values()

    def _q_values(self) -> Any:
        """Those that the model chose from; where it chose at random, one more pass through its network."""
        thought, self._thought = self._thought, None
        last = self.model._last_obs
        if thought is not None and _has_numbers_of(thought[0], last):
            return thought[1]
        with torch.no_grad():
            observations, _ = self.model.policy.obs_to_tensor(last)  # type: ignore[arg-type]
            q_values = self.model.q_net(observations)  # type: ignore[attr-defined]
        self._thought = None
        return q_values

    def _listen(self) -> None:
        """Hear what the network of Q-values says while ``learn`` runs."""
        self._stop_listening()
        network = self.model.q_net  # type: ignore[attr-defined]
        self._hook = self._hooks.attempt(network.register_forward_hook, None, self._remember_q_values)

    def _remember_q_values(self, _network: Any, given: tuple[Any, ...], q_values: Any) -> None:
        self._thought = (given[0], q_values) if len(given) == 1 else None

    def _stop_listening(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._hook = self._thought = None

    def _begin_lanes(self, places: Sequence[int], values: Mapping[str, Any]) -> None:
        """Some lanes have been reset; ``values`` are of all of them."""
        beginnings = self._hooks.attempt(self._resets.begun, [Beginning()] * len(places), places)
        self._lanes.begin_all(places, beginnings, values)

    def _end_open(self) -> None:
        for place in self._lanes.open_among(range(self.training_env.num_envs)):
            self._lanes.end(place, "truncated", env=self.training_env, info={})


def _has_numbers_of(tensor: Any, observations: Any) -> bool:
    """Whether a tensor on the host was made of these observations: a network may have been asked about others since."""
    if observations.__class__ is not np.ndarray or not isinstance(tensor, torch.Tensor) or not tensor.is_cpu:
        return False
    given = (tensor.detach() if tensor.requires_grad else tensor).numpy()
    is_alike = given.dtype == observations.dtype and given.shape == observations.shape
    return is_alike and bool(given.tobytes() == observations.tobytes())


def _kinds_of_ends(
    dones: NDArray[np.bool_], infos: Sequence[Any], ended: Sequence[int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where episodes were terminated, and where they were truncated."""
    truncated = np.zeros(len(dones), np.bool_)
    late = [place for place in ended if infos[place].get("TimeLimit.truncated", False)]
    if not late:
        return dones, truncated
    truncated[late] = True
    return dones & ~truncated, truncated


def _counted_return(info: Mapping[str, Any]) -> dict[str, float]:
    """What a ``Monitor`` counted."""
    counted = info.get("episode", {})
    return {"total_reward": float(counted["r"])} if "r" in counted else {}


def _watch(env: VecEnv) -> ResetWatch:
    """Of what the lanes are reset with."""
    inner = env.unwrapped
    if isinstance(inner, DummyVecEnv):
        return watch_all(inner.envs)
    if isinstance(inner, SubprocVecEnv) and tell_of_autoseed(inner.env_method("__str__")):

        def last_resets(places: Sequence[int]) -> Sequence[LastReset]:
            return inner.get_attr("last_reset", indices=places)

        return ResetWatch(last_resets)
    return ResetWatch(None)


def _origin(env: VecEnv) -> tuple[EnvSpec | None, str]:
    """The spec of the environments, where it can be had, and the id or class that is all there is to tell without it.

    Another process is asked for a text alone: one that is asked for a spec dies of it when a function is among the
    arguments of a wrapper, because that can't be sent.
    """
    inner = env.unwrapped
    try:
        if isinstance(inner, DummyVecEnv):
            return inner.envs[0].spec, type(inner.envs[0].unwrapped).__name__
        if isinstance(inner, SubprocVecEnv):
            (text,) = inner.env_method("__str__", indices=0)
            return None, name_in(text)
    except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked: training goes on without a name
        pass
    return None, type(inner).__name__
