"""What ``RecorderCallback`` does with a model that learns: its steps, its episodes, its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recorder.wrappers.boards import LaneBoards, boards_of
from recorder.wrappers.environment.autoseed import ResetWatch
from recorder.wrappers.environment.frames import Rendering, pictures_of
from recorder.wrappers.environment.hooks import Hooks
from recorder.wrappers.environment.parts import own_copy, with_rows
from recorder.wrappers.episodes.lanes import LaneRecorder
from recorder.wrappers.episodes.plan import Plan
from recorder.wrappers.sb3_model.lanes import are_reenacted, counted_return, describe_lanes, lanes_here, watch_resets
from recorder.wrappers.sb3_model.policy import PolicyWatch
from recorder.wrappers.states import LaneStates

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["ModelRecording"]


_NOTHING: Mapping[str, Any] = {}


class ModelRecording:
    """Of the environments of one model, or of several that follow each other.

    Args:
        plan_arguments, hook_arguments: of ``Plan`` and ``Hooks``, as the callback got them.
        has_states: whether to record the states of the simulators.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
    """

    def __init__(
        self,
        model: BaseAlgorithm,
        env: VecEnv,
        *,
        plan_arguments: Mapping[str, Any],
        hook_arguments: Mapping[str, Any],
        first_lane: int,
        has_states: bool,
    ) -> None:
        self.plan = Plan(
            {**describe_lanes(env), "algorithm": type(model).__name__},
            env.observation_space,
            env.action_space,
            render_mode=None,  # make_vec_env asks for pictures always, and a lane in another process dies if it can't draw
            is_reenacted=has_states or are_reenacted(env),
            **plan_arguments,
        )
        self._rendering = Rendering(
            lambda: pictures_of(env.get_images(), env.num_envs), every=self.plan.every, tell=self.plan.tell
        )
        self._n_framed_calls = 0
        self._hooks = Hooks(self.plan.recorder, **hook_arguments)
        self._lanes = LaneRecorder(self.plan, self._hooks, n_lanes=env.num_envs, first_lane=first_lane)
        self._resets = self._hooks.attempt(watch_resets, ResetWatch(None), env)
        self._boards: LaneBoards | None = None
        self._has_states = has_states
        self._states: LaneStates | None = None
        self._is_quick = self.plan.is_plain and not (self.plan.has_frames or self._hooks.has_step_fn or has_states)
        self._last_observations: Any = None
        """What the last recorded step led to."""

    def attach(self, model: BaseAlgorithm, env: VecEnv, policy: PolicyWatch) -> None:
        """A model is about to learn in environments of this kind.

        Raises:
            UsageError: their states can't be read.
        """
        self._model, self._env, self.policy = model, env, policy
        if self._has_states:
            self._states = LaneStates(lanes_here(env), resets_at_once=True)
        self._boards = self._hooks.attempt(boards_of, None, lanes_here(env))

    def listen(self) -> None:
        """Hear what the model's network says from now on."""
        self._hooks.attempt(self.policy.listen, None)

    def begin(self, told: Mapping[str, Any]) -> None:
        """``learn`` has begun: with environments that it has reset, or within the episodes where the last call stopped."""
        was_reset = bool(told.get("reset_num_timesteps", True)) or self._model.num_timesteps == 0
        # ``set_env`` has the next call reset, too, and does not say so.
        if was_reset or self._model._last_obs is not self._last_observations:
            self.end_open()
        closed = sorted(self._lanes.closed)
        if was_reset:
            self._begin_lanes(closed, self._model._last_obs)
        else:
            self._lanes.begin_all(closed, None, {})
            if self._boards is not None:
                self._hooks.attempt(self._boards.begin, None, closed)

    def record(self, told: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        """Record a step of all lanes.

        Args:
            told: the callback's ``locals``.
            added: by the trainer.
        """
        lanes = self._lanes
        rewards, observations = told["rewards"], told["new_obs"]
        actions = told.get("clipped_actions")
        if actions is None:
            actions = told["actions"]
        dones, ended = lanes.over(told["dones"])
        terminated, truncated = dones, lanes.none
        if ended:
            infos = told["infos"]
            for place in ended:
                if infos[place].get("TimeLimit.truncated", False):
                    truncated = truncated.copy()
                    truncated[place] = True
            if truncated is not lanes.none:
                terminated = dones & ~truncated
        self._last_observations = observations
        extras: dict[str, Any]
        if not self._is_quick:
            if self._hooks.has_step_fn:
                added = {**added, **self._step_values(told, actions, terminated, truncated)}
            actions, extras = self._parts(actions, observations, told, ended)
        elif ended:
            extras = self._last_rows(observations, told, ended)
        else:
            extras = {"observation": observations}
        if self._boards is not None:
            added = self._hooks.attempt(self._with_positions, added, self._boards, added, told, ended)
        try:
            epsilon, action_masks, q_values, value = self.policy.thoughts(told)
            if value is not None and "value" not in added:
                extras["value"] = value
        except Exception as error:  # noqa: BLE001 - whatever a model raises: the step is recorded without them
            self._hooks.note(error)
            epsilon = action_masks = q_values = None
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
            self._end_and_begin(ended, told)

    def _step_values(self, told: Mapping[str, Any], actions: Any, terminated: Any, truncated: Any) -> Mapping[str, Any]:
        known = {"env": self._env, "obs": told["new_obs"], "info": told["infos"], "rew": told["rewards"]}
        return self._hooks.step_values(**known, action=actions, terminated=terminated, truncated=truncated)

    def _parts(
        self, actions: Any, observations: Any, told: Mapping[str, Any], ended: Sequence[int]
    ) -> tuple[Any, dict[str, Any]]:
        """Actions as the field of a step, and the extras."""
        attempt = self._hooks.attempt
        action_parts: dict[str, Any] = {}
        if not self.plan.is_plain:
            actions, action_parts = attempt(self.plan.action, (None, {}), actions)
        extras = {**attempt(self._reached, {}, observations, told, ended), **action_parts}
        if self._states is not None:
            extras |= attempt(self._states.read, {}, ended)
        if self.plan.has_frames:
            extras = self.plan.with_frames(extras, self._n_framed_calls, lambda: None if ended else self._rendered())
            self._n_framed_calls += 1
        return actions, extras

    def _last_rows(self, observations: Any, told: Mapping[str, Any], ended: Sequence[int]) -> dict[str, Any]:
        """The same as ``_reached``, for observations that are one array."""
        infos = told["infos"]
        try:
            rows = own_copy(observations)
            for place in ended:
                rows[place] = infos[place]["terminal_observation"]
        except Exception as error:  # noqa: BLE001 - whatever an environment gives: the step is recorded without it
            self._hooks.note(error)
            return {}
        return {"observation": rows}

    def _reached(self, observations: Any, told: Mapping[str, Any], ended: Sequence[int]) -> dict[str, Any]:
        """What the actions led to: where lanes have been reset since, their observations from before that."""
        infos, read = told["infos"], self.plan.observations.read
        rows = {place: read(infos[place]["terminal_observation"]) for place in ended}
        return with_rows(read(observations), rows) if rows else read(observations)

    def _with_positions(
        self, boards: LaneBoards, added: Mapping[str, Any], told: Mapping[str, Any], ended: Sequence[int]
    ) -> Mapping[str, Any]:
        last = {place: told["infos"][place]["terminal_observation"] for place in ended}
        return boards.with_positions(added, actions=told["actions"], last=last, closed=self._lanes.closed)

    def _of_board(self, place: int) -> Mapping[str, Any]:
        return {} if self._boards is None else self._boards.of_episode(place)

    def _rendered(self) -> Any:
        return self._hooks.attempt(self._rendering.take, None)

    def _end_and_begin(self, ended: Sequence[int], told: Mapping[str, Any]) -> None:
        """Episodes are over, and the call that ended them has reset their lanes."""
        infos, lanes = told["infos"], self._lanes
        for place in ended:
            info = infos[place]
            metadata = self._of_board(place) if self._boards is not None else _NOTHING
            try:
                if (counted := info.get("episode")) is not None:  # by a ``Monitor``
                    total = counted_return(counted)
                    metadata = {**metadata, **total} if metadata else total
            except Exception as error:  # noqa: BLE001 - whatever it is made of: the return is summed from the steps
                self._hooks.note(error)
            lanes.end(place, "complete", env=self._env, info=info, told=metadata)
        self._begin_lanes(ended, told["new_obs"])

    def _begin_lanes(self, places: Sequence[int], observations: Any) -> None:
        """Some lanes have been reset; the observations are of all of them."""
        attempt, plan = self._hooks.attempt, self.plan
        beginnings = None if self._resets.is_blind else attempt(self._resets.begun, None, places)
        read = {"observation": observations} if plan.is_plain else attempt(plan.observations.read, {}, observations)
        if self._states is not None:
            read = {**read, **attempt(self._states.read, {})}
        self._lanes.begin_all(places, beginnings, read)
        if self._boards is not None:
            attempt(self._boards.begin, None, places)

    def end_open(self) -> None:
        """Open episodes end as ``truncated``."""
        for place in self._lanes.open_among(range(self._env.num_envs)):
            self._lanes.end(place, "truncated", env=self._env, info={}, told=self._of_board(place))
