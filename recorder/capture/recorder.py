"""``EpisodeRecorder``: what a trainer calls. Nothing here blocks, raises at run time, or touches the network."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self

from recorder.capture.batch import BatchWriter
from recorder.capture.builder import Row
from recorder.capture.copying import (
    Layout,
    as_array,
    copy_array,
    copy_extras,
    copy_scalar,
    is_cuda,
)
from recorder.capture.handover import Abort, Finish, HandOver, Keep
from recorder.capture.intake import RunIdentity
from recorder.capture.publisher import Publisher, PublisherLimits
from recorder.capture.rows import DeviceRow, DeviceRows, Layouts, row_of
from recorder.capture.stats import RecorderStats
from recorder.episode import EpisodeMetadata, Substrate
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream

__all__ = ["EpisodeRecorder"]

_log = logging.getLogger(__name__)

_LOG_EVERY_SECS = 5.0
_PLAIN = frozenset([float, int, bool, type(None)])


class EpisodeRecorder:
    """Records episodes: copies each step at call time and hands it to a background thread, which does the rest.

    Example::

        with EpisodeRecorder("redis://localhost:6379/0", run_id="my-run") as recorder:
            recorder.record_step(episode_id=0, step=0, position=(3, 4), meters=meters, action=2, reward=1.0)
            recorder.finish_episode(0, EpisodeMetadata(curriculum_stage=2))

    Args:
        stream: a Redis URL, a ``StepStream``, or None to record within this process (then a ``RecordingWriter`` writes
            the files).
        run_id: the training job; made up from the time when left out. Several recorders may share one.
        queue_maxsize: capacity of the hand-over queue, in blocks of 64 steps (1000 blocks: 64,000 steps).
        on_full: what happens to a step when the queue is full: ``drop`` counts it and marks a gap, ``block`` waits.
        strict: raise what is otherwise swallowed and counted; for tests.
        resume: this trainer continues ``run_id`` from a checkpoint: an episode that it plays again replaces the older
            one.
        meter_names, action_names, grid_size, substrate, affordance_layout: metadata that all episodes share.
        config: anything worth knowing of the run; JSON-like.
        key_prefix: of the Redis keys, when ``stream`` is a URL.
        limits: intervals and budgets of the background thread.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
    """

    def __init__(
        self,
        stream: str | StepStream | None = None,
        *,
        run_id: str | None = None,
        queue_maxsize: int = 1000,
        on_full: Literal["drop", "block"] = "drop",
        strict: bool = False,
        resume: bool = False,
        meter_names: Sequence[str] = (),
        action_names: Sequence[str] = (),
        grid_size: int | Sequence[int] | None = None,
        substrate: Substrate | None = None,
        affordance_layout: Mapping[str, Sequence[float]] | None = None,
        config: Mapping[str, Any] | None = None,
        key_prefix: str = "hamlet:",
        limits: PublisherLimits | None = None,
    ) -> None:
        if type(queue_maxsize) is not int or queue_maxsize < 1:
            raise UsageError(f"queue_maxsize: expected a whole number of blocks, at least 1, found {queue_maxsize!r}")
        if on_full not in ("drop", "block"):
            raise UsageError(f"on_full: expected 'drop' or 'block', found {on_full!r}")
        if run_id is not None and (not isinstance(run_id, str) or not run_id):
            raise UsageError(f"run_id: expected a text that is not empty, found {run_id!r}")
        self.run_id = run_id or time.strftime("run-%Y%m%d-%H%M%S-") + secrets.token_hex(2)
        self._owns_stream = not isinstance(stream, StepStream)
        if isinstance(stream, StepStream):
            self.stream = stream
        elif stream is None:
            self.stream = MemoryStepStream()
        else:
            self.stream = RedisStepStream(stream, key_prefix=key_prefix, purpose="trainer")
        defaults = EpisodeMetadata(
            meter_names=tuple(meter_names),
            action_names=tuple(action_names),
            grid_size=grid_size,
            substrate=substrate,
            affordance_layout=affordance_layout or {},
        ).to_map()
        names = ("meter_names", "action_names", "grid_size", "substrate", "affordance_layout")
        identity = RunIdentity(self.run_id, secrets.token_hex(4), resume, {name: defaults[name] for name in names})
        self._strict = strict
        self._blocks = on_full == "block"
        self._stats = RecorderStats()
        self._handover = HandOver(queue_maxsize)
        self._dropped: dict[int, int] = {}
        self._dropped_lock = threading.Lock()
        self._layout = Layout()
        self._layouts = Layouts()
        self._device_rows = DeviceRows()
        self._batch = BatchWriter(self._device_rows)
        self._logged_at = 0.0
        self._is_closed = False
        self._publisher = Publisher(
            self.stream,
            identity,
            self._handover,
            self._stats,
            dropped=self._dropped,
            info={"config": dict(config or {}), "started_unix_nanos": time.time_ns()},
            limits=limits or PublisherLimits(),
        )
        self._publisher.start()

    def record_step(
        self,
        episode_id: int,
        step: int,
        position: Any,
        meters: Any,
        action: Any,
        reward: Any,
        intrinsic_reward: Any = 0.0,
        done: Any = False,
        q_values: Any = None,
        time_of_day: Any = None,
        interaction_progress: Any = None,
        *,
        terminated: Any = None,
        truncated: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
        extras: Mapping[str, Any] | None = None,
        lane: int = 0,
    ) -> None:
        """Record one step; ``recorder.episode`` says which state belongs to which action.

        Values may be torch tensors on any device, numpy arrays, sequences or numbers; they are copied before this
        returns.

        Args:
            episode_id: the episode; its first step opens it.
            step: number of the step, ascending from 0; a number left out is marked as a gap.
            position, meters, q_values, action_masks: one-dimensional, any length.
            action: an index, or a vector.
            extras: further named numbers or arrays.
            lane: index of the sub-environment.
        """
        try:
            layout = self._layout
            position_kind, meters_kind, action_kind, q_values_kind, masks_kind = layout
            row = (
                episode_id,
                step,
                lane,
                layout,
                copy_array(position, position_kind),
                copy_array(meters, meters_kind),
                copy_array(action, action_kind),
                copy_array(q_values, q_values_kind),
                copy_array(action_masks, masks_kind),
                reward if reward.__class__ in _PLAIN else copy_scalar(reward),
                intrinsic_reward if intrinsic_reward.__class__ in _PLAIN else copy_scalar(intrinsic_reward),
                done if done.__class__ in _PLAIN else copy_scalar(done),
                time_of_day if time_of_day.__class__ in _PLAIN else copy_scalar(time_of_day),
                interaction_progress if interaction_progress.__class__ in _PLAIN else copy_scalar(interaction_progress),
                terminated if terminated.__class__ in _PLAIN else copy_scalar(terminated),
                truncated if truncated.__class__ in _PLAIN else copy_scalar(truncated),
                epsilon if epsilon.__class__ in _PLAIN else copy_scalar(epsilon),
                extras if extras is None else copy_extras(extras),
            )
        except Exception:  # noqa: BLE001 - the quick way does not fit; the careful one tells why
            values = {
                "position": position,
                "meters": meters,
                "action": action,
                "q_values": q_values,
                "action_masks": action_masks,
                "reward": reward,
                "intrinsic_reward": intrinsic_reward,
                "done": done,
                "time_of_day": time_of_day,
                "interaction_progress": interaction_progress,
                "terminated": terminated,
                "truncated": truncated,
                "epsilon": epsilon,
                "extras": extras,
            }
            self._record_carefully((episode_id, step, lane), values)
            return
        if self._is_closed:
            self._refuse(UsageError("record_step was called after close()"))
        elif not self._handover.put_row(row):
            self._queue_full(row)
        if self._strict:
            self._raise_background_error()

    def record_batch(
        self,
        episode_ids: Any,
        steps: Any,
        positions: Any,
        meters: Any,
        actions: Any,
        rewards: Any,
        intrinsic_rewards: Any = None,
        dones: Any = None,
        q_values: Any = None,
        time_of_day: Any = None,
        interaction_progress: Any = None,
        *,
        terminated: Any = None,
        truncated: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
        extras: Mapping[str, Any] | None = None,
        lanes: Any = None,
    ) -> None:
        """Record one step of every lane of a vector environment; one thread at a time.

        Every array has a leading axis of lanes; torch tensors on any device, numpy arrays or sequences.

        Args:
            episode_ids, steps: ``int64[n_lanes]``.
            lanes: ``int64[n_lanes]``, the lane of each place; 0, 1, 2, … when left out.
            extras: further named arrays ``[n_lanes, …]``.
        """
        try:
            values = {
                "position": positions,
                "meters": meters,
                "action": actions,
                "reward": rewards,
                "intrinsic_reward": intrinsic_rewards,
                "done": dones,
                "q_values": q_values,
                "time_of_day": time_of_day,
                "interaction_progress": interaction_progress,
                "terminated": terminated,
                "truncated": truncated,
                "epsilon": epsilon,
                "action_masks": action_masks,
                **{f"{EXTRAS_PREFIX}{name}": value for name, value in (extras or {}).items()},
            }
            known = {name: value for name, value in values.items() if value is not None}
            n_lanes = len(episode_ids)
            if self._is_closed:
                raise UsageError("record_batch was called after close()")
            if not self._handover.has_room(n_lanes) and not (
                self._blocks and self._handover.wait_for_room(n_lanes, self._publisher.stopped)
            ):
                self._count_dropped(as_array(episode_ids).tolist())
                return
            item = self._batch.write(episode_ids, steps, lanes, known)
            if item is None:
                self._count_dropped(as_array(episode_ids).tolist())
                return
            self._handover.put_batch(item, n_lanes)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refuse(error)
        if self._strict:
            self._raise_background_error()

    def finish_episode(self, episode_id: int, metadata: EpisodeMetadata | Mapping[str, Any] | None = None) -> None:
        """End an episode.

        Args:
            metadata: whole, in part or not at all; lengths and returns that are left out are summed from the steps.
        """
        try:
            if isinstance(metadata, EpisodeMetadata):
                fields = metadata.to_map()
            else:
                fields = EpisodeMetadata.from_map(metadata or {}).to_map()
                fields = {name: value for name, value in fields.items() if name in (metadata or {}) or name == "info"}
            self._put_event(
                Finish(int(episode_id), {name: value for name, value in fields.items() if _says_something(value)})
            )
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refuse(error)

    def keep(self, episode_id: int, reason: str) -> None:
        """Keep an episode whatever the criteria say, for the reason ``manual_<reason>``.

        While it is played, or for as long after its end as a criterion may still claim it; later the call is counted as
        too late.
        """
        self._put_event(Keep(int(episode_id), str(reason)))

    def abort(self, episode_id: int, reason: str) -> None:
        """Give an open episode up: its steps are forgotten, the catalog has a row that says why."""
        self._put_event(Abort(int(episode_id), str(reason)))

    def stats(self) -> RecorderStats:
        """A copy of the counters."""
        return replace(self._stats, n_steps_waiting=self._handover.n_waiting_steps)

    def close(self, timeout_secs: float = 30.0) -> bool:
        """End the run of this trainer: open episodes end as ``truncated``, everything is sent, the thread stops.

        Returns:
            False when something could not be sent in time; it is lost, counted and logged.
        """
        if self._is_closed:
            return True
        self._is_closed = True
        is_complete = self._publisher.close(timeout_secs)
        if not is_complete:
            stats = self.stats()
            _log.error(
                "recorder: run_id=%s closed after %.0f s with %d steps and %d bytes unsent: %s",
                self.run_id, timeout_secs, stats.n_steps_waiting, stats.n_bytes_pending, stats.last_error,
            )  # fmt: skip
        if self._owns_stream and self.stream.is_remote:
            self.stream.close()
        if self._strict:
            self._raise_background_error()
        return is_complete

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _record_carefully(self, place: tuple[int, int, int], values: Mapping[str, Any]) -> None:
        """A step whose arrays are of a new kind, or lie on a device, or can't be recorded."""
        try:
            extras = values["extras"] or {}
            if any(map(is_cuda, values.values())) or any(map(is_cuda, extras.values())):
                row: Row | DeviceRow | None = self._device_rows.row(place, values, self._layouts)
            else:
                self._layout = self._layouts.of(values, self._layout)
                row = row_of(*place, values, self._layout)
            if row is None or not self._handover.put_row(row):
                self._queue_full(row or (place[0],))
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refuse(error, episode_id=place[0])

    def _put_event(self, event: Finish | Keep | Abort) -> None:
        if self._is_closed:
            self._refuse(UsageError(f"{type(event).__name__.lower()} was called after close()"))
        else:
            self._handover.put_always(event)
        if self._strict:
            self._raise_background_error()

    def _queue_full(self, row: Any) -> None:
        if self._blocks and row.__class__ is tuple and len(row) > 1:
            if self._handover.wait_for_room(1, self._publisher.stopped):
                self._handover.put_row(row)
                return
        self._count_dropped([row[0]] if isinstance(row, tuple) else [row.episode_id])

    def _count_dropped(self, episode_ids: Sequence[int]) -> None:
        with self._dropped_lock:
            for episode_id in episode_ids:
                self._dropped[episode_id] = self._dropped.get(episode_id, 0) + 1
            self._stats.n_dropped_steps += len(episode_ids)
        self._log_sometimes(
            "the hand-over queue is full: %d steps dropped so far (marked as gaps); raise queue_maxsize or use on_full='block'",
            self._stats.n_dropped_steps,
        )

    def _refuse(self, error: Exception, *, episode_id: int | None = None) -> None:
        """Swallow and count; raise when strict."""
        if self._strict:
            raise error
        self._stats.n_errors += 1
        self._stats.last_error = str(error)
        if episode_id is not None:
            self._stats.n_refused_steps += 1
        self._log_sometimes("a call failed (%d so far), training goes on: %s", self._stats.n_errors, error)

    def _log_sometimes(self, message: str, *values: Any) -> None:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_SECS:
            self._logged_at = now
            _log.error("recorder: run_id=%s: " + message, self.run_id, *values)

    def _raise_background_error(self) -> None:
        error, self._publisher.error = self._publisher.error, None
        if error is not None:
            raise error


def _says_something(value: Any) -> bool:
    """Whether a field of the metadata was given: defaults must not hide the recorder's own."""
    return value is not None and value != () and value != [] and value != {}
