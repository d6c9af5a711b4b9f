"""``RecordEpisode``: records one Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Generic, SupportsFloat, TypeVar

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import Autoreset

from recorder.capture import EpisodeRecorder
from recorder.capture.values import as_scalar
from recorder.errors import UsageError
from recorder.wrappers.autoseed import RESET_SEED
from recorder.wrappers.description import describe_environment
from recorder.wrappers.hooks import EpisodeFunction, Hooks, StepFunction, Trigger
from recorder.wrappers.kinds import check_single, instead_of_single
from recorder.wrappers.parts import own_copy
from recorder.wrappers.plan import ACTION_MASK, ASPATIAL, OpenEpisode, Plan, reset_numbers, sorted_values

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
        record_observations: None records observations of up to 4 KiB, so no images.
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
        )
        self.recorder = self._plan.recorder
        self._lane = lane
        self._hooks = Hooks(
            self.recorder,
            step_fn=step_fn,
            episode_fn=episode_fn,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
        )
        self._resets_itself = any(isinstance(inner, Autoreset) for inner in _chain(env))
        self._given: dict[str, Any] = {}
        """What ``extras`` was given for the next step."""
        self._stage: Any = None
        self._info: Mapping[str, Any] = {}
        """What the environment told last."""
        self._action_mask: Any = None
        """What it allowed next; a copy, because the next step may write there."""
        self._episode: OpenEpisode | None = None
        self._episode_id = -1
        self._n_steps = 0
        self._n_steps_in_all = 0
        self._has_position = False
        self._refused = False
        """Whether a step has shown that the environment is not one of one agent."""

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, by ``copy`` or by pickle, which a search makes of its environment: it records nothing."""
        plan = self._plan.of_copy()
        begun: dict[str, Any] = {"_given": {}, "_info": {}, "_action_mask": None, "_episode": None}
        return {**self.__dict__, **begun, "_plan": plan, "recorder": plan.recorder, "_hooks": copy(self._hooks)}

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
        self._given.update(values)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment; an episode that has not ended ends here, as ``truncated``."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._plan.guard(0, lambda: self._begin(observation, info, seed))
        return observation, info

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment, and record the step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._plan.guard(1, lambda: self._record(action, observation, reward, terminated, truncated, info))
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Close the environment; an open episode ends as ``truncated``, and a recorder that was made here is closed."""
        self._plan.guard(0, lambda: self._end("truncated"))
        if self.recorder is not None and self._plan.owns_recorder:
            self.recorder.close()
        super().close()

    def _begin(self, observation: Any, info: Mapping[str, Any], seed: int | None) -> None:
        self._end("truncated")
        attempt = self._hooks.attempt
        attempt(self._remember_info, None, info)
        values = attempt(self._plan.observations.read, {}, observation)
        self._episode = OpenEpisode(self._info.get(RESET_SEED, seed), attempt(reset_numbers, {}, values))
        self._n_steps = 0
        self._has_position = False

    def _record(
        self, action: Any, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Mapping[str, Any]
    ) -> None:
        assert self.recorder is not None
        if self._refused:
            return
        is_first = self._n_steps_in_all == 0
        if is_first and (instead := instead_of_single(reward, terminated, truncated)) is not None:
            self._refused, self._episode = True, None
            raise UsageError(f"nothing of this environment is recorded: {instead}")
        if self._episode is None:
            if not self._resets_itself:
                raise UsageError("step() was called after the end of an episode: call reset() first")
            self._begin(observation, info, None)
            return
        if self._n_steps == 0:
            self._episode_id = self._plan.next_episode_id()
        given = sorted_values(
            {
                "action_masks": self._action_mask,
                **self._given,
                **self._hooks.step_values(
                    env=self.env,
                    obs=observation,
                    info=info,
                    action=action,
                    rew=reward,
                    terminated=terminated,
                    truncated=truncated,
                ),
            }
        )
        self._given = {}
        attempt = self._hooks.attempt
        attempt(self._remember_info, None, info)
        if given.stage is not None:
            self._stage = attempt(_number, self._stage, given.stage)
        self._has_position = self._has_position or "position" in given.fields
        plain_action, action_parts = attempt(self._plan.action, (None, {}), action)
        observation_parts = attempt(self._plan.observations.read, {}, observation)
        self.recorder.record_step(
            self._episode_id,
            self._n_steps,
            action=() if plain_action is None else plain_action,
            reward=reward,
            done=terminated or truncated,
            terminated=terminated,
            truncated=truncated,
            extras={**observation_parts, **action_parts, **given.extras},
            lane=self._lane,
            **{"position": (), "meters": (), **given.fields},
        )
        if self._n_steps == 0 and self._hooks.keeps_episode(self._episode_id):
            self.recorder.keep(self._episode_id, "episode_trigger")
        self._n_steps += 1
        self._n_steps_in_all += 1
        if self._hooks.keeps_step(self._n_steps_in_all):
            self.recorder.keep(self._episode_id, "step_trigger")
        if terminated or truncated:
            self._end("complete")

    def _remember_info(self, info: Mapping[str, Any]) -> None:
        """Remember what the environment told."""
        self._info, self._action_mask = {}, None
        mask = info.get(ACTION_MASK)
        self._info = info
        # A composite space's masks come in a tuple, which no field takes.
        self._action_mask = None if mask is None or isinstance(mask, tuple) else own_copy(mask)

    def _end(self, status: str) -> None:
        episode, self._episode = self._episode, None
        if episode is None or self._n_steps == 0 or self.recorder is None:
            return
        added = {
            **({} if self._has_position else {"substrate": ASPATIAL}),
            **self._hooks.episode_metadata(env=self.env, info=self._info, episode_id=self._episode_id),
        }
        self.recorder.finish_episode(
            self._episode_id, episode.metadata(self._plan, stage=self._stage, status=status, added=added)
        )


def _number(value: Any) -> Any:
    """A number of Python's own."""
    return as_scalar(value).item()


def _chain(env: Any) -> list[Any]:
    """An environment and all those below it."""
    chain = [env]
    while isinstance(chain[-1], gymnasium.Wrapper):
        chain.append(chain[-1].env)
    return chain
