"""The calls of a recorder that concern one episode, and what all of its calls share: counted, never raised into training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recorder.black_box import Kind
from recorder.capture.agents.returns import metadata_with_returns
from recorder.capture.agents.roster import AgentRoster
from recorder.capture.episode_ids import EpisodeIds
from recorder.capture.reading.values import whole_number
from recorder.capture.refusals import Refusals
from recorder.capture.rollout import RolloutEpisodes
from recorder.capture.run_end import RunEnd
from recorder.capture.writing.block_path import BlockPath
from recorder.capture.writing.inlet import Inlet
from recorder.capture.writing.native_writer import native_ends
from recorder.capture.writing.step_path import StepPath
from recorder.episode import EpisodeMetadata
from recorder.errors import UsageError
from recorder.publish.metadata.given import own_metadata
from recorder.sender import Sender
from recorder.values.text import sanitize_text

if TYPE_CHECKING:
    import numpy as np

    from recorder.capture.writing.native import NativeEnds

__all__ = ["EpisodeCalls"]

_FINISH, _KEEP, _ABORT = Kind.FINISH, Kind.KEEP, Kind.ABORT  # a member of an enumeration takes long to look up

_MAX_REASON_LETTERS = 1000
"""A reason stands in the header of a file, which is bounded, and in lists that people read."""


class EpisodeCalls:
    """Part of ``EpisodeRecorder``, which makes what stands here."""

    _sender: Sender
    _refusals: Refusals
    _inlet: Inlet
    _steps: StepPath
    _blocks: BlockPath
    _ids: EpisodeIds
    _rosters: dict[int, AgentRoster]
    """Of the open episodes of several agents."""
    _rollouts: RolloutEpisodes
    _end: RunEnd
    _strict: bool
    _closed_because: str
    """Why nothing is recorded any more; empty while it is."""
    _n_events = -1

    def finish_episode(
        self,
        episode_id: int,
        metadata: EpisodeMetadata | Mapping[str, Any] | None = None,
        *,
        agent_returns: Mapping[Any, float] | None = None,
    ) -> None:
        """End an episode.

        Args:
            metadata: whole, in part or not at all; lengths and returns that are left out are summed from the steps. Its status
                may be ``truncated``, when the trainer broke the episode off. A field that can't be used, or is too large
                (64 KiB; 1 MiB, and 10,000 lists and maps, for all fields together), is left out and counted: the end itself is
                never lost.
            agent_returns: of all agents of ``record_agents`` or of some; those that are left out are summed from the steps.
        """
        own, wrong = own_metadata(metadata)
        if agent_returns is not None:
            roster = self._rosters.get(episode_id) if not self._closed_because else None
            own, wrong = metadata_with_returns(metadata, roster, agent_returns)
        self._put_event("finish_episode", _FINISH, episode_id, own)
        if wrong:
            for error in wrong:
                self._refusals.refuse(error)

    def finish_packed(self, episode_id: int, metadata: bytes) -> None:
        """The same for wrappers, with metadata that is plain and small, packed as ``own_metadata`` packs it."""
        self._put_event("finish_episode", _FINISH, episode_id, metadata)

    def plain_ends(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NativeEnds | None:
        """For wrappers: the quick way to the ends of episodes that differ in floats alone; None where there is none.

        Args:
            dtype, shape: of the floats that they begin with: a row, or one for each place.
        """
        events = self._inlet.events if not self._closed_because else None
        if events is None or self._inlet.sampling is not None:
            return None
        return native_ends(events, self._ids.end, self._end.look_now_and_then, dtype=dtype, shape=shape)

    def keep(self, episode_id: int, reason: str) -> None:
        """Keep an episode whatever the criteria say, for the reason ``manual_<reason>``.

        From its first step on, until no criterion may claim it any more after its end; later the call is counted as too
        late.

        Args:
            reason: cut off after 1,000 letters; those that no database takes become question marks. Before its end an
                episode takes 100 reasons.
        """
        self._put_event("keep", _KEEP, episode_id, _as_bytes(reason))

    def abort(self, episode_id: int, reason: str) -> None:
        """Give an episode up that has not ended: its steps are forgotten, the catalog has a row that says why.

        Args:
            reason: cut off after 1,000 letters; those that no database takes become question marks.
        """
        self._put_event("abort", _ABORT, episode_id, _as_bytes(reason))

    def note_failure(self, error: Exception, *, n_steps: int = 0) -> None:
        """Count and log what failed before it could be recorded; raise it when the recorder is strict.

        For wrappers and callbacks around a recorder, whose own work must not stop training either.

        Args:
            n_steps: how many steps were lost over it.
        """
        self._refusals.refuse(error, n_steps=n_steps)

    def _put_event(self, call: str, kind: Kind, episode_id: Any, body: bytes) -> None:
        try:
            number = whole_number(episode_id)
            if self._closed_because:
                raise self._closed_error(call)
            self._inlet.put_event(kind, number, body)
            if kind is not _KEEP:
                self._ids.end(number)
                if self._rosters:
                    self._rosters.pop(number, None)
            self._n_events += 1
            if not self._n_events & 7:  # one in LOOKED_EVERY_EVENTS
                self._end.look_now_and_then()
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refusals.refuse(error)
        if self._strict:
            self._raise_sender_error()

    def _closed_error(self, call: str) -> UsageError:
        return UsageError(f"{call} was called {self._closed_because}")

    def _raise_sender_error(self) -> None:
        error, self._sender.error = self._sender.error, None
        if error is not None:
            raise error

    def _refuse_from_now_on(self) -> None:
        self._steps.stop()
        self._blocks.stop()
        self._inlet.stop_events()


def _as_bytes(reason: object) -> bytes:
    """The text of a reason, as files and the catalog can hold it."""
    return sanitize_text(str(reason)[:_MAX_REASON_LETTERS]).encode()
