"""``EpisodeRecorder``: what a trainer calls. At run time nothing here blocks, raises, or touches the network."""

from __future__ import annotations

import os
import secrets
import socket
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from recorder.black_box import Ring, RingWriter
from recorder.capture.calls.agents import AgentCalls
from recorder.capture.copied import NullRecorder
from recorder.capture.episode_ids import EpisodeIds
from recorder.capture.options import (
    DEFAULT_BLACK_BOX_BYTES,
    arguments_from_settings,
    black_box_capacity,
    checked_config,
    decided_run_id,
    on_full_choices,
    shared_metadata,
)
from recorder.capture.reading.device import DeviceCopies
from recorder.capture.recorded_run import warn_of_recorded_run
from recorder.capture.refusals import Refusals
from recorder.capture.rollout import RolloutEpisodes
from recorder.capture.run_end import RunEnd, call_in_forks
from recorder.capture.writing.block_path import BlockPath
from recorder.capture.writing.inlet import Inlet, OnFull
from recorder.capture.writing.step_path import StepPath
from recorder.episode import Substrate
from recorder.publish.limits import PublisherLimits
from recorder.publish.stats import RecorderStats
from recorder.redis_server.client import check_server
from recorder.sender import make_ring, start_sender
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from recorder.values.argument_kinds import check_choice, check_kind

if TYPE_CHECKING:
    from typing_extensions import Self

    from recorder.settings import Settings

__all__ = ["EpisodeRecorder", "copied_recorder"]


class EpisodeRecorder(AgentCalls):
    """Records episodes: writes each step into a ring file, the black box; a sender process does the rest.

    Making one waits until that process has begun, 0.3 s most often and 2 s at most. Later a call waits only when the ring is
    full: see ``on_full``. Safe to call from several threads; ``record_batch`` and ``record_rollout`` from one at a
    time.

    Example::

        with EpisodeRecorder("redis://localhost:6379/0", run_id="my-run") as recorder:
            recorder.record_step(episode_id=0, step=0, position=(3, 4), meters=meters, action=2, reward=1.0)
            recorder.finish_episode(0, EpisodeMetadata(curriculum_stage=2))

    Args:
        stream: a Redis URL, a ``StepStream``, or None to record within this process (then a ``RecordingWriter`` writes
            the files).
        run_id: the training job; made up from the time when left out. Several recorders may share one.
        queue_maxsize: the older name for the size of the black box: room for so many blocks of 64 steps at least.
        black_box_bytes: size of the ring file; it holds what Redis has not acknowledged yet.
        black_box_dir: its folder; a private folder in the user's state folder when left out.
        on_full: what happens to a step when the ring is full. ``drop`` waits as long as the sender makes progress, 10 s at most
            and a tenth of the time in the long run; then it counts the step and marks a gap. ``block`` waits until there is
            room. ``sample`` records some episodes whole and leaves out the others.
        sender: what encodes steps and sends them to Redis: a separate ``process``, or a ``thread`` of this one where none may
            be started; the trainer shares its interpreter then.
        strict: raise what is otherwise counted; for tests. A later call, or ``close``, raises what the sender found.
        resume: this trainer continues ``run_id`` from a checkpoint: an episode that it plays again replaces the older
            one.
        unique_run_id: add the time and four random letters to ``run_id``, so that a script that runs again begins a new run.
        meter_names, action_names, grid_size, substrate, affordance_layout: metadata that all episodes share.
        config: anything worth knowing of the run; JSON-like.
        key_prefix: of the Redis keys, when ``stream`` is a URL.
        socket_timeout_secs: longest wait for an answer of Redis, when ``stream`` is a URL.
        limits: intervals and budgets of the sender.

    Raises:
        UsageError: an argument can't work.
        SettingsError: the URL can't work.
        BlackBoxError: the ring file can't be made.
    """

    def __init__(
        self,
        stream: str | StepStream | None = None,
        *,
        run_id: str | None = None,
        queue_maxsize: int | None = None,
        black_box_bytes: int = DEFAULT_BLACK_BOX_BYTES,
        black_box_dir: str | os.PathLike[str] | None = None,
        on_full: OnFull = "drop",
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
        check_choice("on_full", on_full, on_full_choices())
        check_choice("sender", sender, ("process", "thread"))
        check_kind("stream", stream, StepStream | str | None)
        check_kind("limits", limits, PublisherLimits | None)
        capacity = black_box_capacity(black_box_bytes, queue_maxsize)
        self.run_id = decided_run_id(run_id, resume=resume, is_made_unique=unique_run_id)
        defaults = shared_metadata(
            meter_names=meter_names,
            action_names=action_names,
            grid_size=grid_size,
            substrate=substrate,
            affordance_layout=affordance_layout,
        )
        info = {"config": checked_config(config), "started_unix_nanos": time.time_ns()}
        self._owns_stream = not isinstance(stream, StepStream)
        self.stream = stream if isinstance(stream, StepStream) else MemoryStepStream()
        if isinstance(stream, str):
            check_server(stream, socket_timeout_secs=socket_timeout_secs)
            self.stream = RedisStepStream(
                stream, key_prefix=key_prefix, purpose="trainer", socket_timeout_secs=socket_timeout_secs
            )
        self.names_actions = bool(action_names)
        """Whether episodes have names of actions without being told."""
        self.settings: Settings | None = None
        """The configuration that this was made from; None where its arguments were given one by one."""
        self._strict = strict
        self._closed_because = ""
        """Why nothing is recorded any more; empty while it is."""
        self._is_closed = self._is_fork = False
        identity = {
            "run_id": self.run_id,
            "producer_id": secrets.token_hex(4),
            "resumed": resume,
            "defaults": defaults,
            "info": info,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "key_prefix": key_prefix,
            "redis": self.stream.where,
            "limits": asdict(limits or PublisherLimits()),
        }
        ring = make_ring(
            self.stream, identity, capacity=capacity, folder=None if black_box_dir is None else Path(black_box_dir)
        )
        self._sender = start_sender(self.stream, ring, limits or PublisherLimits(), in_own_process=sender == "process")
        self._set_up(ring, on_full)
        call_in_forks(weakref.WeakMethod(self._forget_parent))

    def _set_up(self, ring: Ring, on_full: OnFull) -> None:
        self._ring = ring
        writer = RingWriter(ring)
        refusals = self._refusals = Refusals(ring, writer, strict=self._strict, run_id=self.run_id)
        inlet = self._inlet = Inlet(writer, refusals, on_full=on_full, look=self._sender.look)
        devices = DeviceCopies()
        self._steps = StepPath(inlet, devices)
        self._blocks = BlockPath(inlet, devices)
        self._ids = EpisodeIds()
        self._rosters = {}
        self._rollouts = RolloutEpisodes(self._ids)
        self._end = RunEnd(self._sender, inlet, devices, self.run_id, on_lost=weakref.WeakMethod(self._sender_lost))
        # A trainer that lets go of the recorder without closing it still ends its run.
        weakref.finalize(self, self._end.close_soon).atexit = False

    @classmethod
    def from_settings(cls, settings: Settings, **arguments: Any) -> Self:
        """A recorder as ``recorder.settings.load_settings`` read it: ``run_id``, ``redis`` and ``capture``.

        Whether to record at all, ``settings.enabled``, is the trainer's to ask. Without ``redis.url`` it sends to the server that
        a worker has started beside ``recordings_dir``. Where none is running, it records within this process, for a
        ``RecordingWriter``; without one nothing is kept, which the log says. If the catalog can be reached and has the run
        already, a warning says so.

        Args:
            arguments: of the recorder; they outweigh the settings.

        Raises:
            UsageError: an argument can't work.
        """
        given = {**arguments_from_settings(settings, finds_server="stream" not in arguments), **arguments}
        recorder = cls(**given)
        recorder.settings = settings
        if recorder.stream.is_remote and not given["resume"] and recorder.run_id == given["run_id"]:
            warn_of_recorded_run(settings, recorder.stream, recorder.run_id)
        return recorder

    def new_episode_id(self, *, first: int = 0, n_ids: int = 1) -> int:
        """The id of a new episode: 0, 1, 2, …; the wrappers that share this recorder take theirs from the same series.

        Args:
            first: where to begin, for a run that goes on from a checkpoint, or several trainers of one run. Ids that are taken
                are passed over.
            n_ids: take so many in a row, at least 1; the first of them is returned.
        """
        return self._ids.take(n_ids, first=first)

    def stats(self) -> RecorderStats:
        """A copy of the counters; the sender's are up to a quarter of a second old."""
        return self._end.stats(self._ring)

    @property
    def sender_pid(self) -> int | None:
        """The process that encodes and sends for this recorder; None when a thread of this process does."""
        return self._sender.pid

    @property
    def black_box(self) -> Path | None:
        """The ring file; None when the steps stay in this process's memory."""
        return self._ring.path

    def close(self, timeout_secs: float = 30.0) -> bool:
        """End the run of this trainer: open episodes end as ``truncated``, everything is sent, the sender ends.

        A second call does nothing. In a signal handler that has interrupted another call, it only ends recording and
        returns False: the run ends with the next ``close``, or with the process.

        Returns:
            False when something could not be sent in time: it stays in the black box, which the log names, for
            ``hamlet-recorder recover``; without a file it is lost. Counted and logged.
        """
        if self.is_copy or self._is_fork or (self._is_closed and not self._end.is_put_off):
            return self._end.is_complete
        self._is_closed = True
        self._closed_because = "after close()"
        self._refuse_from_now_on()
        is_complete = self._end.close(timeout_secs, self._ring)
        if self._end.is_put_off:
            return False
        if self._owns_stream and self.stream.is_remote:
            self.stream.close()
        if self._strict:
            self._raise_sender_error()
        return is_complete

    def _sender_lost(self, reason: str) -> None:
        if not self._closed_because:
            self._closed_because = f"after the recorder lost its sender: {reason}"
            self._refuse_from_now_on()

    def _forget_parent(self) -> None:
        self._closed_because = "in a fork of the process that made the recorder: make one there"
        self._is_fork = True
        self._refuse_from_now_on()
        self._ring = Ring.create(None, capacity=0, identity={})
        self._ids = EpisodeIds()
        self._refusals.forget_parent(self._ring)
        self._end.forget_in_fork()

    @property
    def is_copy(self) -> bool:
        """Whether this is a copy of a recorder, by ``copy`` or by pickle: it records nothing."""
        return self._closed_because == _ON_A_COPY

    def __reduce__(self) -> tuple[Any, ...]:
        """What is copied or pickled with an environment must not fail there, and must not record a run twice."""
        return copied_recorder, (self.run_id,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_ON_A_COPY = "on a copy of the recorder"


def copied_recorder(run_id: str) -> EpisodeRecorder:
    """What a copy of a recorder is: one that records nothing, and raises nothing."""
    copy = EpisodeRecorder.__new__(EpisodeRecorder)
    copy.run_id, copy.stream, copy.settings = run_id, MemoryStepStream(), None
    copy._ids, copy.names_actions = EpisodeIds(), False
    copy._owns_stream, copy._strict, copy._closed_because = True, False, _ON_A_COPY
    copy._is_closed = copy._is_fork = False
    nothing: Any = NullRecorder(run_id)
    copy._steps = copy._blocks = copy._refusals = copy._end = copy._sender = copy._ring = nothing
    return copy
