"""The episodes of lanes that step in any order: counted here, so that what knows a library only says what a step holds.

For libraries whose environments are not Gymnasium's, or that hand over some lanes at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.values.argument_kinds import check_kind
from recorder.values.arrays import as_array, index_of_places, is_cuda
from recorder.wrappers.episodes.kept_parts import KeptParts
from recorder.wrappers.episodes.open_episode import ASPATIAL, EpisodeFacts, reset_numbers

__all__ = ["LaneSteps", "named_leaves"]


class LaneSteps:
    """Records steps of any lanes; an episode begins with the first step of a lane, or after its end.

    Args:
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        config: what the environment is; ``env_id``, ``observation_names`` and ``action_names`` go to each episode.
        first_lane: index of the first lane where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        lanes: record these only; all of them when left out.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.

    Raises:
        UsageError: an argument can't work.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        first_lane: int = 0,
        first_episode_id: int = 0,
        lanes: Collection[int] | None = None,
        record_observations: bool | None = None,
    ) -> None:
        check_kind("recorder", recorder, EpisodeRecorder | str | None)
        if run_id is not None and not isinstance(recorder, str):
            raise UsageError("run_id: goes with a URL; a recorder has one already")
        for name, value in (("first_lane", first_lane), ("first_episode_id", first_episode_id)):
            if value < 0:
                raise UsageError(f"{name}: expected 0 or more, found {value}")
        self._config = dict(config or {})
        self.owns_recorder = isinstance(recorder, str)
        if isinstance(recorder, str):
            recorder = EpisodeRecorder(recorder, run_id=run_id, config=self._config)
        self.recorder = recorder
        self._first_lane = first_lane
        self._first_episode_id = first_episode_id
        self._chosen = None if lanes is None else frozenset(lanes)
        self._kept = KeptParts(record_observations)
        self._infos: dict[int, dict[str, Any]] = {}
        """Of the lanes whose episode has begun."""
        self._places: dict[int, list[int]] = {}
        """By lane whose episode has a step: its id, and the number of its next step."""
        self._nothing = np.zeros((0, 0), np.float32)
        names = {key: self._config.get(key, ()) for key in ("observation_names", "action_names")}
        self._known = EpisodeFacts(str(self._config["env_id"]), **names).info if "env_id" in self._config else {}
        """Of each episode when it begins."""

    def begin(self, lane: int, observed: Mapping[str, Any] | None = None, *, seed: int | None = None) -> None:
        """A lane has been reset; an episode that is open there ends as ``truncated``.

        Args:
            observed: the parts of what ``reset`` returned, as ``named_leaves`` names them.
            seed: that it was reset with; None when nobody knows.
        """
        self._guarded(0, self._begin, lane, observed, seed)

    def record(
        self,
        lanes: Sequence[int],
        *,
        action: Any,
        reward: Any,
        terminated: Any,
        truncated: Any,
        observed: Mapping[str, Any] | None = None,
        extras: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a step of each of these lanes.

        Args:
            action, reward, terminated, truncated: with a leading axis of lanes.
            observed: the parts of what the actions led to, the true last one of an episode included.
            extras: further values, by name.
            fields: further arguments of ``record_batch``, by name.
            info: of episodes that end with this step.
        """
        n_lanes = len(lanes)
        self._guarded(
            n_lanes,
            self._record,
            [int(lane) for lane in lanes],
            (action, reward, terminated, truncated, observed or {}),
            extras or {},
            fields or {},
            info or {},
        )

    def is_open(self, lane: int) -> bool:
        """Whether an episode of the lane has begun."""
        return lane in self._infos

    def end(self, lane: int, *, status: str = "truncated", info: Mapping[str, Any] | None = None) -> None:
        """The episode of a lane is over; one without a step is none."""
        own = self._infos.pop(lane, {})
        place = self._places.pop(lane, None)
        if place is None or self.recorder is None:
            return
        metadata = {"status": status, "info": {**own, **(info or {})}, "substrate": ASPATIAL}
        if names := self._config.get("action_names"):
            metadata["action_names"] = names
        self.recorder.finish_episode(place[0], metadata)

    def close(self) -> None:
        """End open episodes as ``truncated``, and the recorder if it was made here."""
        for lane in list(self._infos):
            self._guarded(0, self.end, lane)
        if self.recorder is not None and self.owns_recorder:
            self.recorder.close()

    def _begin(self, lane: int, observed: Mapping[str, Any] | None, seed: int | None) -> None:
        self.end(lane)
        info = dict(self._known)
        if seed is not None:
            info["seed"] = seed
        info.update(reset_numbers(self._kept.numbers_of(observed or {})))
        self._infos[lane] = info

    def _record(
        self,
        lanes: list[int],
        values: tuple[Any, ...],
        extras: Mapping[str, Any],
        fields: Mapping[str, Any],
        info: Mapping[str, Any],
    ) -> None:
        recorder = self.recorder
        if recorder is None:
            return
        action, reward, terminated, truncated, observed = values
        chosen = [index for index, lane in enumerate(lanes) if self._chosen is None or lane in self._chosen]
        if not chosen:
            return
        parts = {**named_leaves("action", action)}
        plain_action = parts.pop("action", None)
        given = {
            "terminated": _flags(terminated),
            "truncated": _flags(truncated),
            **fields,
        }
        named = {**self._kept.of(observed, n_lanes=len(lanes)), **parts, **extras}
        if len(chosen) < len(lanes):
            lanes = [lanes[index] for index in chosen]
            plain_action, reward = _rows(plain_action, chosen), _rows(reward, chosen)
            given = {name: _rows(value, chosen) for name, value in given.items()}
            named = {name: _rows(value, chosen) for name, value in named.items()}
        for lane in lanes:
            if lane not in self._infos:
                self._begin(lane, None, None)
            if lane not in self._places:
                self._places[lane] = [recorder.new_episode_id(first=self._first_episode_id), 0]
        places = np.array([self._places[lane] for lane in lanes], np.int64)
        if len(self._nothing) != len(lanes):
            self._nothing = np.zeros((len(lanes), 0), np.float32)
        dones = given["terminated"] | given["truncated"]
        recorder.record_batch(
            np.ascontiguousarray(places[:, 0]),
            np.ascontiguousarray(places[:, 1]),
            given.pop("positions", self._nothing),
            given.pop("meters", self._nothing),
            self._nothing if plain_action is None else plain_action,
            reward,
            dones=dones,
            extras=named,
            lanes=np.array(lanes, np.int64) + self._first_lane,
            **given,
        )
        for lane, is_over in zip(lanes, dones.tolist(), strict=True):
            self._places[lane][1] += 1
            if is_over:
                self.end(lane, status="complete", info=info)

    def _guarded(self, n_steps: int, work: Any, *arguments: Any) -> None:
        if self.recorder is None:
            return
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever an environment gives: recording never stops training
            self.recorder.note_failure(error, n_steps=n_steps)


def named_leaves(name: str, value: Any, *, has_texts: bool = False) -> dict[str, Any]:
    """The arrays in maps and tuples, by name: ``name`` itself for an array, ``name.key`` for those within.

    Args:
        has_texts: each ``str``, too.
    """
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, tuple):
        items = list(zip(getattr(value, "_fields", range(len(value))), value, strict=True))
    elif has_texts and isinstance(value, str):
        return {name: value}
    elif value is None or isinstance(value, str | bytes) or getattr(value, "dtype", None) == np.dtype(object):
        return {}
    else:
        return {name: value}
    leaves: dict[str, Any] = {}
    for key, part in items:
        leaves |= named_leaves(f"{name}.{key}", part, has_texts=has_texts)
    return leaves


def _flags(value: Any) -> Any:
    """``bool[n_lanes]``, on the host."""
    return np.asarray(value.cpu() if hasattr(value, "cpu") else value).reshape(-1).astype(bool)


def _rows(value: Any, chosen: list[int]) -> Any:
    if value is None:
        return None
    return value[index_of_places(chosen)] if is_cuda(value) else as_array(value)[chosen]
