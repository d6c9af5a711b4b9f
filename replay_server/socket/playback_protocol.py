"""The original protocol: the server paces one playback per connection and sends a ``state_update`` per step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.errors import RecorderError
from recorder.replay.manager import Playback
from replay_server.access.public_message import public_message
from replay_server.episodes.library import Library
from replay_server.episodes.recorded import OpenedRecording
from replay_server.socket.connection import Connection
from replay_server.socket.hub import Hub
from replay_server.socket.messages import Handler, Message, MessageError, error_code
from replay_server.socket.scheduler import Job

__all__ = ["PlaybackProtocol"]

_MIN_SPEED = 0.05
_MAX_SPEED = 200.0
_MAX_LISTED = 1000
_DEFAULT_LISTED = 100


class PlaybackProtocol:
    """One viewer's playback.

    Args:
        hub: paces it, and opens recordings on other threads.
        connection: where updates go.
        library: recordings.
        base_steps_per_sec: at speed 1.
    """

    def __init__(self, hub: Hub, connection: Connection, library: Library, *, base_steps_per_sec: float) -> None:
        self._hub = hub
        self._connection = connection
        self._library = library
        self._base_steps_per_sec = base_steps_per_sec
        self._opened: OpenedRecording | None = None
        self._playback = Playback(0)
        self._speed = 1.0
        self._waits_since = 0.0
        self._job = Job(self._advance)
        self.handlers: Mapping[str, Handler] = {
            "list_recordings": self._list_recordings,
            "load_replay": self._load_replay,
            "play": self._play,
            "pause": self._pause,
            "step": self._step,
            "reset": self._reset,
            "set_speed": self._set_speed,
            "replay_control": self._replay_control,
        }

    @property
    def is_playing(self) -> bool:
        """Whether it is playing."""
        return self._playback.is_playing

    def close(self) -> None:
        """Called when the viewer is gone."""
        self._hub.scheduler.stop(self._job)
        self._playback.pause()
        self._opened = None

    async def _list_recordings(self, message: Message) -> None:
        filters = message.nested("filters")
        rows = await self._hub.read(
            lambda: self._library.catalog.query_recordings(
                run=filters.optional_text("run_id"),
                stage=filters.optional_integer("stage"),
                reason=filters.optional_text("reason"),
                min_reward=filters.optional_number("min_reward"),
                max_reward=filters.optional_number("max_reward"),
                limit=_DEFAULT_LISTED
                if filters.body.get("limit") is None
                else filters.integer("limit", most=_MAX_LISTED),
            )
        )
        self._connection.send({"type": "recordings_list", "recordings": rows})

    async def _load_replay(self, message: Message) -> None:
        episode_id, run_id = message.integer("episode_id"), message.optional_text("run_id")
        opened = await self._hub.read(self._library.open, run_id, episode_id)
        first = await self._hub.read(self._library.update, opened, 0) if opened.n_steps else None
        self._hub.scheduler.stop(self._job)
        self._opened, self._playback = opened, Playback(opened.n_steps)
        self._connection.send(
            {
                "type": "replay_loaded",
                "episode_id": opened.episode_id,
                "run_id": opened.run_id,
                "metadata": opened.episode.metadata.to_map(),
                "total_steps": opened.n_steps,
                "reasons": opened.episode.reasons,
            }
        )
        if first is not None:
            self._connection.send_text(first)

    async def _play(self, _message: Message) -> None:
        self._require()
        if self._playback.is_playing:
            return
        was_at_end = self._playback.is_at_end
        self._playback.play()
        if was_at_end:
            self._show()
        self._waits_since = self._hub.clock()
        self._hub.scheduler.start(self._job, after_secs=self._step_secs)

    async def _pause(self, _message: Message) -> None:
        self._require()
        self._stop()

    async def _step(self, message: Message) -> None:
        opened = self._require()
        n_steps = message.integer("n", 1, least=-opened.n_steps, most=max(opened.n_steps, 1))
        self._stop()
        self._playback.move(n_steps)
        self._show()
        if n_steps > 0 and self._playback.is_at_end:
            self._finish()

    async def _reset(self, _message: Message) -> None:
        self._require()
        self._stop()
        self._playback.reset()
        self._show()

    async def _set_speed(self, message: Message) -> None:
        self._speed = message.number("speed", least=_MIN_SPEED, most=_MAX_SPEED)
        if (
            self._playback.is_playing
        ):  # count the time waited so far, because dragging a slider would stop the playback otherwise
            waited_secs = self._hub.clock() - self._waits_since
            self._hub.scheduler.start(self._job, after_secs=max(0.0, self._step_secs - waited_secs))

    async def _replay_control(self, message: Message) -> None:
        match message.body.get("action"):
            case "play":
                await self._play(message)
            case "pause":
                await self._pause(message)
            case "step":
                await self._step(message)
            case "reset":
                await self._reset(message)
            case "seek":
                self._require()
                self._playback.seek(message.integer("seek_step"))
                self._show()
            case _:
                raise MessageError(
                    "bad_message", "replay_control: expected 'action' to be one of play, pause, step, seek, reset"
                )

    @property
    def _step_secs(self) -> float:
        return 1.0 / (self._base_steps_per_sec * self._speed)

    def _require(self) -> OpenedRecording:
        if self._opened is None:
            raise MessageError("no_episode", "no episode is loaded: send load_replay first")
        return self._opened

    def _stop(self) -> None:
        self._playback.pause()
        self._hub.scheduler.stop(self._job)

    def _advance(self) -> float | None:
        """Advance one step; called when it is due."""
        if not self._playback.is_playing:
            return None
        self._waits_since = self._hub.clock()
        self._playback.move(1)
        if not self._connection.is_congested:
            try:
                self._show()
            except RecorderError as error:
                self._stop()
                self._connection.send(
                    {"type": "error", "code": error_code(error), "message": public_message(error), "re": "play"}
                )
                return None
        if self._playback.is_at_end:
            self._finish()
            return None
        return self._step_secs

    def _show(self) -> None:
        opened = self._require()
        if opened.n_steps:
            self._connection.send_text(self._library.update(opened, self._playback.index))

    def _finish(self) -> None:
        self._stop()
        opened = self._require()
        body: dict[str, Any] = {"type": "replay_finished", "episode_id": opened.episode_id, "run_id": opened.run_id}
        self._connection.send(body)
