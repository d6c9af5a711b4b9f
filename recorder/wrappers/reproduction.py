"""A recorded episode, lived once more in its environment: from its seed, by its actions, compared step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.values.text import decode_integer
from recorder.wrappers.environment.autoseed import AutoSeed
from recorder.wrappers.environment.kinds import chain_of
from recorder.wrappers.environment.parts import Parts, sample_of
from recorder.wrappers.episodes.open_episode import WITHIN_GAME, reset_entry

__all__ = ["Divergence", "Reproduction", "is_reenacted", "make_environment"]

_DETERMINISTIC = ("gymnasium.envs.classic_control.", "gymnasium.envs.toy_text.")
"""Environments that are known to do the same again after a reset with the same seed, on any machine."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where an episode went another way than its recording.

    Args:
        step: number of the step; None when the environment began differently.
        what: differs: ``reward``, ``terminated``, ``truncated``, ``observation`` or a part of it.
        recorded, found: its values, numbers of Python's, lists of them, or texts.
    """

    step: int | None
    what: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        where = "the first observation" if self.step is None else f"step {self.step}"
        return f"{where}: {self.what} was {_shown(self.recorded)}, is {_shown(self.found)} now"


class Reproduction:
    """Plays an episode again, a step at a time.

    Args:
        episode: recorded by a wrapper with ``AutoSeed`` below it, or reset with a seed.
        env: of the kind that it was recorded in; the caller closes it.
        tolerance: by how much numbers may differ, of their size or at all; 0 compares bits, which holds on the machine and with
            the versions that recorded.

    Raises:
        UsageError: nobody knows the episode's seed, or it lacks its first steps.
    """

    def __init__(self, episode: Episode, env: gymnasium.Env[Any, Any], *, tolerance: float = 0.0) -> None:
        self._info = episode.metadata.info
        if self._info.get(WITHIN_GAME):
            raise UsageError(
                "this episode began within a game, without a reset of the environment, as wrappers that end an episode with each "
                "life do: it can't be played alone"
            )
        if "seed" not in self._info:
            raise UsageError(
                "nobody knows the seed of this episode: record with recorder.wrappers.AutoSeed below RecordEpisode"
            )
        try:
            self._seed = decode_integer(self._info["seed"])
        except ValueError as error:
            raise UsageError(f"the seed of this episode can't be one: {error}") from error
        self._episode = episode
        self._env = env
        self._tolerance = tolerance
        self._observations = Parts.of(env.observation_space, "observation")
        first_gap = min((gap.first_step for gap in episode.gaps), default=episode.n_steps)
        self.n_steps = min(first_gap, episode.n_steps)
        """Steps that can be played: up to the first one that is missing."""
        if episode.n_steps and not self.n_steps:
            raise UsageError("the first steps of this episode are missing: what follows can't be played")
        self._n_played = 0
        self.divergence: Divergence | None = None
        """The first one; None while there is none."""

    def begin(self) -> None:
        """Reset the environment with the episode's seed."""
        self._n_played = 0
        observation, _ = self._env.reset(seed=self._seed)
        for name, found in self._observations.read(observation).items():
            recorded = self._info.get(reset_entry(name))
            if recorded is not None:
                is_text = isinstance(recorded, str)
                self._compare(None, name, recorded if is_text else np.asarray(recorded, np.asarray(found).dtype), found)

    def step(self) -> None:
        """Play the next step, of ``n_steps``.

        Raises:
            UsageError: its action is none of this environment.
        """
        recorded = self._episode.step(self._n_played)
        self._n_played += 1
        action = sample_of(self._env.action_space, "action", {**recorded.extras, "action": recorded.action})
        try:
            observation, reward, terminated, truncated, _ = self._env.step(action)
        except Exception as error:
            raise UsageError(f"step {recorded.step} can't be played in this environment: {error}") from error
        found = {"reward": reward, "terminated": terminated, "truncated": truncated}
        for name, value in found.items():
            self._compare(recorded.step, name, getattr(recorded, name), value)
        for name, value in self._observations.read(observation).items():
            if name in recorded.extras:
                self._compare(recorded.step, name, recorded.extras[name], value)

    def picture(self) -> Any:
        """What the environment shows of where it is.

        Raises:
            UsageError: it can't draw itself.
        """
        try:
            return self._env.render()
        except Exception as error:
            raise UsageError(f"the environment can't draw itself: {error}") from error

    def run(self) -> Divergence | None:
        """Play all steps, or up to the first divergence, which it gives."""
        self.begin()
        while self.divergence is None and self._n_played < self.n_steps:
            self.step()
        return self.divergence

    def _compare(self, step: int | None, what: str, recorded: Any, found: Any) -> None:
        if self.divergence is not None or recorded is None:
            return
        if isinstance(recorded, str):
            if recorded != found:
                self.divergence = Divergence(step, what, recorded, found)
            return
        ours, theirs = np.asarray(recorded), np.asarray(found)
        with np.errstate(all="ignore"):
            theirs = theirs.astype(self._recorded_dtype(what, ours.dtype))
        if ours.shape != theirs.shape or not np.allclose(
            ours, theirs, rtol=self._tolerance, atol=self._tolerance, equal_nan=True
        ):
            self.divergence = Divergence(step, what, ours.tolist(), theirs.tolist())

    def _recorded_dtype(self, what: str, otherwise: np.dtype[Any]) -> np.dtype[Any]:
        """In what numbers a value was recorded: some trainers round rewards and observations, which is no divergence."""
        name = f"extras.{what}" if what.startswith("observation") else what
        index = self._episode.schema.index(name)
        return otherwise if index is None else np.dtype(self._episode.schema.columns[index].dtype)


def is_reenacted(env: object) -> bool:
    """Whether any episode of an environment can be played again: it is known to be deterministic, and each has a seed."""
    chain = chain_of(env)
    try:
        entry_point = str(getattr(getattr(env, "spec", None), "entry_point", ""))
    except Exception:  # noqa: BLE001 - whatever an environment raises when it is asked
        return False
    return entry_point.startswith(_DETERMINISTIC) and any(isinstance(inner, AutoSeed) for inner in chain)


def make_environment(
    config: Mapping[str, Any], *, env_id: str | None = None, render_mode: str | None = None
) -> gymnasium.Env[Any, Any]:
    """Make the environment of a run again: by its id and arguments, without the wrappers around it.

    Only what is registered in this process is made: a run's description comes from outside, and must not name what to import.

    Args:
        config: of the run, as ``describe_environment`` wrote it.
        env_id: another one than the run's.
        render_mode: ``rgb_array`` for pictures.

    Raises:
        UsageError: it is not known here, or can't be made.
    """
    spec = _spec_of(config)
    chosen = env_id or spec.get("id") or config.get("env_id")
    if chosen is None:
        raise UsageError("the run does not say in which environment it was played: name it with --env")
    if chosen not in gymnasium.registry:
        raise UsageError(
            f"no environment {chosen!r:.100} is registered here: name the module that registers it (--import, or "
            "recording.render.environments for a render worker), or another environment (reproduce --env)"
        )
    arguments = dict(spec.get("kwargs") or {}) if env_id is None else {}
    try:
        return gymnasium.make(
            chosen,
            **{
                **arguments,
                "render_mode": render_mode,
                **({} if env_id else {"max_episode_steps": spec.get("max_episode_steps")}),
                "disable_env_checker": True,
            },
        )
    except Exception as error:
        raise UsageError(f"the environment {chosen} can't be made: {error}") from error


def _spec_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec, as a map or as text; an empty one where there is none."""
    spec = config.get("env_spec") or {}
    try:
        spec = json.loads(spec) if isinstance(spec, str) else spec
    except ValueError as error:
        raise UsageError(f"the run's env_spec is no JSON: {error}") from error
    return spec if isinstance(spec, Mapping) else {}


def _shown(value: Any) -> str:
    text = np.array2string(np.asarray(value), threshold=8, edgeitems=3, precision=9, separator=", ")
    return " ".join(text.split())
