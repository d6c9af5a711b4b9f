"""``EpisodeRecorder``: what a trainer calls. Nothing here blocks, raises at run time, or touches the network."""

from __future__ import annotations

import logging
import os
import secrets
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from recorder.capture.arguments import (
    check_kind,
    check_queue,
    check_sender,
    checked_config,
    settled_run_id,
    shared_metadata,
)
from recorder.capture.copied import Copied
from recorder.capture.copying import Layout, LayoutChangedError, copy_array, copy_extras, copy_scalar
from recorder.capture.given_metadata import own_metadata, whole_number
from recorder.capture.handover import Abort, Finish, HandOver, Keep
from recorder.capture.limits import PublisherLimits
from recorder.capture.losses import TrainerLosses
from recorder.capture.sender import make_publisher
from recorder.capture.settled import settled_arguments
from recorder.capture.slow_path import CarefulPath
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import RunIdentity
from recorder.episode import EpisodeMetadata, Substrate
from recorder.errors import UsageError
from recorder.redis_server.client import check_server
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from recorder.text import holdable_text

if TYPE_CHECKING:
    from recorder.settings import Settings

__all__ = ["EpisodeRecorder", "copied_recorder"]

_log = logging.getLogger(__name__)

_FORGOTTEN_SECS = 30.0
"""How long a recorder that nobody holds any more may go on sending."""

_MAX_REASON_LETTERS = 1000
"""A reason stands in the header of a file, which is bounded, and in lists that people read."""

_PLAIN = frozenset([float, int, bool, type(None)])


class EpisodeRecorder:
    """Records episodes: copies each step at call time and hands it over; a process of its own does the rest.

    Making one waits until that process has begun, 0.3 s most often and 2 s at most; later no call waits, unless it is told to.

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
        sender: what encodes steps and sends them to a server: a ``process`` of its own, or a ``thread`` of this one, where
            none may be started; the trainer shares its interpreter then.
        strict: raise what is otherwise swallowed and counted; for tests. What goes wrong behind a call is raised by a later
            one, or by ``close``.
        resume: this trainer continues ``run_id`` from a checkpoint: an episode that it plays again replaces the older
            one.
        unique_run_id: add the time and four random letters to ``run_id``, so that a script that runs again begins a run of its
            own.
        meter_names, action_names, grid_size, substrate, affordance_layout: metadata that all episodes share.
        config: anything worth knowing of the run; JSON-like.
        key_prefix: of the Redis keys, when ``stream`` is a URL.
        socket_timeout_secs: longest wait for an answer of the server, when ``stream`` is a URL.
        limits: intervals and budgets of the sender.

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
        sender: Literal["process", "thread"] = "process",
        strict: bool = False,
        resume: bool = False,
        unique_run_id: bool = False,
        meter_names: Sequence[str] = (),
        action_names: Sequence[str] = (),
        grid_size: int | Sequence[int] | None = None,
        substrate: Substrate | None = None,
        affordance_layout: Mapping[str, Sequence[float]] | None = None,
        config: Mapping[str, Any] | None = None,
        key_prefix: str = "hamlet:",
        socket_timeout_secs: float = 2.0,
        limits: PublisherLimits | None = None,
    ) -> None:
        check_queue(queue_maxsize, on_full)
        check_sender(sender)
        check_kind("stream", stream, StepStream | str | None)
        check_kind("limits", limits, PublisherLimits | None)
        self.run_id = settled_run_id(run_id, resume=resume, is_made_unique=unique_run_id)
        defaults = shared_metadata(
            meter_names=meter_names,
            action_names=action_names,
            grid_size=grid_size,
            substrate=substrate,
            affordance_layout=affordance_layout,
        )
        info = {"config": checked_config(config), "started_unix_nanos": time.time_ns()}
        self._owns_stream = not isinstance(stream, StepStream)
        if isinstance(stream, StepStream):
            self.stream = stream
        elif stream is None:
            self.stream = MemoryStepStream()
        else:
            check_server(stream, socket_timeout_secs=socket_timeout_secs)
            self.stream = RedisStepStream(
                stream, key_prefix=key_prefix, purpose="trainer", socket_timeout_secs=socket_timeout_secs
            )
        self.settings: Settings | None = None
        """The configuration that this was made from; None where its arguments were given one by one."""
        self._strict = strict
        self._handover = HandOver(queue_maxsize)
        self._away = TrainerLosses()
        self._closed_because = ""
        """Why nothing is recorded any more; empty while it is."""
        identity = RunIdentity(self.run_id, secrets.token_hex(4), resume, defaults)
        publisher = self._publisher = make_publisher(
            self.stream,
            identity,
            self._handover,
            self._away,
            in_own_process=sender == "process",
            info=info,
            limits=limits or PublisherLimits(),
            on_lost=weakref.WeakMethod(self._sender_lost),  # a thread must not keep a recorder that nobody holds
        )
        self._careful = CarefulPath(
            self._handover,
            self._away,
            is_emptied=lambda: publisher.is_alive,
            blocks=on_full == "block",
            strict=strict,
            run_id=self.run_id,
        )
        self._layout = Layout()
        self._publisher.start()
        # A trainer that lets go of the recorder without closing it still ends its run.
        weakref.finalize(self, publisher.close_soon, _FORGOTTEN_SECS).atexit = False
        _close_in_forks(self)

    @classmethod
    def from_settings(cls, settings: Settings, **arguments: Any) -> Self:
        """A recorder as ``recorder.settings.load_settings`` read it: ``run_id``, ``redis`` and ``capture``.

        Whether to record at all, ``settings.enabled``, is the trainer's to ask. Without ``redis.url`` it sends to the server that
        a worker has started beside ``recordings_dir``. Where none is running, it records within this process, for a
        ``RecordingWriter``; without one nothing is kept, which the log says.

        Args:
            arguments: of the recorder; they outweigh the settings.

        Raises:
            UsageError: an argument can't work.
        """
        recorder = cls(**{**settled_arguments(settings, finds_server="stream" not in arguments), **arguments})
        recorder.settings = settings
        return recorder

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
            step: number of the step, ascending from 0; a number left out is marked as a gap. A file holds 40,000 gaps; the
                steps behind them are refused and counted.
            position, meters, q_values, action_masks: one-dimensional, any length.
            action: an index, or a vector.
            extras: further named numbers or arrays.
            lane: index of the sub-environment.
        """
        started = None
        try:
            if not step & 63:  # one in TIMED_EVERY_STEPS; as a name it would take as long again
                started = perf_counter()
            if not episode_id.__class__ is step.__class__ is lane.__class__ is int:
                raise LayoutChangedError
            layout = self._layout
            position_kind, meters_kind, action_kind, q_values_kind, masks_kind = layout
            row = (  # in the order of ROW_FIELDS
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
                intrinsic_reward
                if intrinsic_reward is None or intrinsic_reward.__class__ in _PLAIN
                else copy_scalar(intrinsic_reward),
                done if done is None or done.__class__ in _PLAIN else copy_scalar(done),
                terminated if terminated is None or terminated.__class__ in _PLAIN else copy_scalar(terminated),
                truncated if truncated is None or truncated.__class__ in _PLAIN else copy_scalar(truncated),
                time_of_day if time_of_day is None or time_of_day.__class__ in _PLAIN else copy_scalar(time_of_day),
                interaction_progress
                if interaction_progress is None or interaction_progress.__class__ in _PLAIN
                else copy_scalar(interaction_progress),
                epsilon if epsilon is None or epsilon.__class__ in _PLAIN else copy_scalar(epsilon),
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
            if self._closed_because:
                self._careful.refuse(self._closed_error("record_step"), n_steps=1)
            else:
                self._layout = self._careful.step((episode_id, step, lane), values, self._layout)
        else:
            if self._closed_because:
                self._careful.refuse(self._closed_error("record_step"), n_steps=1)
            elif not self._handover.put_row(row):
                self._careful.queue_full(row, episode_id, step, lane)
        if started is not None:
            self._away.calls.add(perf_counter() - started)
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

        Every array has a leading axis of lanes; torch tensors on any device, numpy arrays or sequences. What is one number
        a step may also come as ``[n_lanes, 1]``.

        Args:
            episode_ids, steps: ``int64[n_lanes]``, on the host; where an episode's id is -1 the lane has no step now, whatever
                else is given for it.
            lanes: ``int64[n_lanes]``, on the host: the lane of each place; 0, 1, 2, … when left out.
            extras: further named arrays ``[n_lanes, …]``.
        """
        started = perf_counter()
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
            "extras": extras,
        }
        if self._closed_because:
            self._careful.refuse_batch(self._closed_error("record_batch"), episode_ids)
        else:
            self._careful.batch(episode_ids, steps, lanes, values)
        self._away.calls.add(perf_counter() - started)
        if self._strict:
            self._raise_background_error()

    def finish_episode(self, episode_id: int, metadata: EpisodeMetadata | Mapping[str, Any] | None = None) -> None:
        """End an episode.

        Args:
            metadata: whole, in part or not at all; lengths and returns that are left out are summed from the steps. Its status
                may be ``truncated``, when the trainer broke the episode off. A field that can't be used, or is too large
                (64 KiB; 1 MiB, and 10,000 lists and maps, for all fields together), is left out and counted: the end itself is
                never lost.
        """
        own, wrong = own_metadata(metadata)
        self._put_event("finish_episode", episode_id, lambda number: Finish(number, own))
        for error in wrong:
            self._careful.refuse(error)

    def keep(self, episode_id: int, reason: str) -> None:
        """Keep an episode whatever the criteria say, for the reason ``manual_<reason>``.

        From its first step on, until no criterion may claim it any more after its end; later the call is counted as too
        late.

        Args:
            reason: cut off after 1,000 letters; those that no database takes become question marks. Before its end an
                episode takes 100 reasons.
        """
        self._put_event("keep", episode_id, lambda number: Keep(number, _own_reason(reason)))

    def abort(self, episode_id: int, reason: str) -> None:
        """Give an episode up that has not ended: its steps are forgotten, the catalog has a row that says why.

        Args:
            reason: cut off after 1,000 letters; those that no database takes become question marks.
        """
        self._put_event("abort", episode_id, lambda number: Abort(number, _own_reason(reason)))

    def note_failure(self, error: Exception, *, n_steps: int = 0) -> None:
        """Count and log what failed before it could be recorded; raise it when the recorder is strict.

        For wrappers and callbacks around a recorder, whose own work must not stop training either.

        Args:
            n_steps: how many steps were lost over it.
        """
        self._careful.refuse(error, n_steps=n_steps)

    def stats(self) -> RecorderStats:
        """A copy of the counters."""
        return self._publisher.stats()

    @property
    def sender_pid(self) -> int | None:
        """The process that encodes and sends for this recorder; None when a thread of this process does."""
        return self._publisher.pid

    def close(self, timeout_secs: float = 30.0) -> bool:
        """End the run of this trainer: open episodes end as ``truncated``, everything is sent, the sender ends.

        A second call does nothing.

        Returns:
            False when something could not be sent in time; it is lost, counted and logged.
        """
        if self._closed_because:
            return self._publisher.is_complete
        self._closed_because = "after close()"
        is_complete = self._publisher.close(timeout_secs)
        if not is_complete:
            stats = self.stats()
            _log.error(
                "recorder: run_id=%s closed after %.0f s, %d steps lost so far, %d bytes unsent: %s",
                self.run_id, timeout_secs, stats.n_lost_steps, stats.n_bytes_pending, stats.last_error,
            )  # fmt: skip
        if self._owns_stream and self.stream.is_remote:
            self.stream.close()
        if self._strict:
            self._raise_background_error()
        return is_complete

    def _sender_lost(self, reason: str) -> None:
        self._closed_because = f"after {reason}"
        _log.error("recorder: run_id=%s: nothing is recorded any more: %s", self.run_id, reason)

    def _forget_parent(self) -> None:
        self._closed_because = "in a fork of the process that made the recorder: make one there"
        self._publisher.forget_in_fork()

    @property
    def is_copy(self) -> bool:
        """Whether this is a copy of a recorder, by ``copy`` or by pickle: it records nothing."""
        return isinstance(self._publisher, Copied)

    def __reduce__(self) -> tuple[Any, ...]:
        """What is copied or pickled with an environment must not fail there, and must not record a run twice."""
        return copied_recorder, (self.run_id,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put_event(self, call: str, episode_id: Any, make: Callable[[int], Finish | Keep | Abort]) -> None:
        try:
            event = make(whole_number(episode_id))
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._careful.refuse(error)
        else:
            if self._closed_because:
                self._careful.refuse(self._closed_error(call))
            else:
                self._handover.put_always(event)
        if self._strict:
            self._raise_background_error()

    def _closed_error(self, call: str) -> UsageError:
        return UsageError(f"{call} was called {self._closed_because}")

    def _raise_background_error(self) -> None:
        error, self._publisher.error = self._publisher.error, None
        if error is not None:
            raise error


def copied_recorder(run_id: str) -> EpisodeRecorder:
    """What a copy of a recorder is: one that records nothing, and raises nothing."""
    copy = EpisodeRecorder.__new__(EpisodeRecorder)
    copy.run_id, copy.stream, copy.settings = run_id, MemoryStepStream(), None
    copy._owns_stream, copy._strict, copy._layout = True, False, Layout()
    copy._closed_because = "on a copy of the recorder"
    # All that a closed recorder asks of the two.
    copy._publisher = copy._careful = Copied(run_id)  # type: ignore[assignment]
    copy._away = TrainerLosses()  # where the time of calls is noted
    return copy


def _own_reason(reason: Any) -> str:
    """The text of a reason, as files and the catalog can hold it."""
    return holdable_text(str(reason)[:_MAX_REASON_LETTERS])


def _close_in_forks(recorder: EpisodeRecorder) -> None:
    """A fork has the recorder but not its thread, and locks that may be held for ever: there, every call is refused."""
    reference = weakref.ref(recorder)

    def close() -> None:
        if (forked := reference()) is not None:
            forked._forget_parent()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)
