"""``RecordEpisode`` for TorchRL: a transform. The only module that imports that library."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gymnasium

from recorder.capture import EpisodeRecorder
from recorder.errors import MissingExtraError
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.episodes.lane_steps import LaneSteps

try:
    import torch
    from tensordict import TensorDictBase
    from torchrl.data import OneHot
    from torchrl.envs.transforms import Transform
except ImportError as error:
    raise MissingExtraError("recorder.wrappers.torchrl", "torchrl") from error

__all__ = ["RecordEpisode"]


class RecordEpisode(Transform):  # type: ignore[misc]  # a class that is not typed
    """Records every step of every lane of an environment; changes nothing in its tensors, and raises nothing into training.

    Example::

        env = TransformedEnv(GymEnv("CartPole-v1"), RecordEpisode("redis://localhost:6379/0", run_id="cart-pole"))

    Append it last, so that it sees what the agent sees. It works where its environment steps, so a collector in another
    process takes a function that makes both there. A copy of it records nothing. The last observation of an episode is the
    true one: TorchRL resets lanes after the step that ends them.

    Args:
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: name of the environment; what it says of itself when left out. Environments in other processes say nothing.
        first_lane: index of the first lane where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        lanes: record these only; all of them when left out.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        env_id: str | None = None,
        first_lane: int = 0,
        first_episode_id: int = 0,
        lanes: Any = None,
        record_observations: bool | None = None,
    ) -> None:
        super().__init__(in_keys=[], out_keys=[])
        self._env_id = env_id
        self._make_steps = partial(
            LaneSteps,
            recorder,
            run_id=run_id,
            first_lane=first_lane,
            first_episode_id=first_episode_id,
            lanes=lanes,
            record_observations=record_observations,
        )
        self._made: LaneSteps | None = None

    @property
    def recorder(self) -> EpisodeRecorder | None:
        """Who records; from a URL it is made when the transform is appended, because only then its environment is known."""
        return self._steps.recorder

    @property
    def _steps(self) -> LaneSteps:
        if self._made is None:
            self._made = self._make_steps(config={"torchrl": True, **_described(self, self._env_id)})
        return self._made

    def set_container(self, container: Any) -> None:
        """The transform has a place; errors in its arguments are raised here, before training."""
        super().set_container(container)
        if _environment(self) is not None:  # else this is a part that has yet to get its place
            _ = self._steps

    def close(self) -> None:
        """End open episodes as ``truncated``; a recorder that was made here is closed. The environment's ``close`` calls it."""
        if self._made is not None:
            self._made.close()

    def _reset(self, tensordict: TensorDictBase | None, tensordict_reset: TensorDictBase) -> TensorDictBase:
        """Episodes begin where ``_reset`` says so; everywhere without it."""
        n_lanes = tensordict_reset.numel()
        mask = None if tensordict is None else tensordict.get("_reset", None)
        is_reset = [True] * n_lanes if mask is None else mask.reshape(n_lanes, -1).any(-1).tolist()
        observation = self._observation(tensordict_reset, n_lanes)
        for lane in (lane for lane, begins in enumerate(is_reset) if begins):
            self._steps.begin(lane, {name: value[lane] for name, value in observation.items()})
        return tensordict_reset

    def _step(self, tensordict: TensorDictBase, next_tensordict: TensorDictBase) -> TensorDictBase:
        n_lanes = next_tensordict.numel()
        known = {key: next_tensordict.get(key, None) for key in ("reward", "terminated", "truncated", "done")}
        terminated = known["terminated"] if known["terminated"] is not None else known["done"]
        truncated = known["truncated"] if known["truncated"] is not None else terminated & False
        observation = self._observation(next_tensordict, n_lanes)
        action = tensordict.get("action").detach()
        if isinstance(getattr(self.parent, "action_spec", None), OneHot):
            action = action.to(torch.int64).argmax(-1)
        self._steps.record(
            range(n_lanes),
            action=action.reshape(n_lanes, *action.shape[next_tensordict.ndim :]),
            reward=known["reward"].detach().reshape(n_lanes),
            terminated=terminated,
            truncated=truncated,
            observed=observation,
        )
        return next_tensordict

    def _observation(self, tensordict: TensorDictBase, n_lanes: int) -> dict[str, Any]:
        """The tensors that are no reward, flag or action, with one axis of lanes."""
        return dict(self._leaves(tensordict, n_lanes))

    def _leaves(self, tensordict: TensorDictBase, n_lanes: int) -> Iterator[tuple[str, Any]]:
        others = {"reward", "terminated", "truncated", "done", "action", "_reset"}
        n_axes = tensordict.ndim
        for key, value in tensordict.items(include_nested=True, leaves_only=True):
            name = ".".join(key) if isinstance(key, tuple) else str(key)
            if name.split(".")[-1] not in others and hasattr(value, "detach"):
                name = name if name.startswith("observation") else f"observation.{name}"
                yield name, value.detach().reshape(n_lanes, *value.shape[n_axes:])


def _environment(transform: Transform) -> Any:
    """The environment at the heart of that which a transform belongs to; None where it belongs to none yet."""
    try:
        return transform.container.base_env
    except (AttributeError, ValueError):  # the latter of one in a ``Compose`` that belongs to none
        return None


def _described(transform: Transform, env_id: str | None) -> dict[str, Any]:
    """What the environment of a transform is; of one of Gymnasium, as ``describe_environment`` says it."""
    base = _environment(transform)
    described: dict[str, Any] = {"env_id": "torchrl" if base is None else type(base).__name__}
    inner = None if base is None else vars(base).get("_env")  # many environments at once pass other questions on
    if isinstance(inner, gymnasium.Env | gymnasium.vector.VectorEnv):
        described = describe_environment(inner)
    elif hasattr(type(base), "env_name"):
        described = {"env_id": str(base.env_name)}
    return {**described, **({} if env_id is None else {"env_id": env_id})}
