"""A trainer as the workers see it: the entries that it sends, under full control of the test."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgpack

from recorder.episode import EpisodeStatus
from recorder.step_stream import CHUNK, END, HEADER, Flush, Outgoing, Play, StepStream, episode_end
from tests.episodes import make_chunks, make_columns, make_metadata


class Trainer:
    """Sends whole plays, or parts of them; what it sent can be sent again, as an outbox does after a failure.

    Args:
        stream: where it sends.
        run_id: the run.
        producer: names this trainer process.
        resumed: it continues the run from a checkpoint.
        beats: it says that it lives, before anything else.
    """

    def __init__(
        self, stream: StepStream, run_id: str, *, producer: str = "p1", resumed: bool = False, beats: bool = True
    ) -> None:
        self.stream, self.run_id, self.producer, self.resumed = stream, run_id, producer, resumed
        self._last_play_id = time.time_ns() // 1_000_000
        if beats:
            self.beat()

    def beat(self, *, closed: bool = False, ago_secs: float = 0.0) -> None:
        """Say that it lives, or lived some time ago."""
        state = {"host": "here", "pid": 1, "closed": closed}
        self.stream.beat(self.run_id, self.producer, state, info={"config": {"lr": 0.1}}, now=time.time() - ago_secs)

    def play(
        self,
        episode_id: int,
        *,
        n_steps: int = 30,
        chunk_steps: int = 10,
        lane: int = 0,
        stage: int | None = 1,
        status: EpisodeStatus = EpisodeStatus.COMPLETE,
        reward: float | None = None,
        manual: Sequence[str] = (),
        seed: int | None = None,
        lost_chunks: Sequence[int] = (),
    ) -> Flush:
        """Play an episode from its beginning to its end, in one transaction as a short episode is."""
        play = self.new_play(episode_id)
        flush = self.chunks(play, n_steps=n_steps, chunk_steps=chunk_steps, lane=lane, stage=stage, seed=seed)
        flush.entries[:] = [it for it in flush.entries if it.sequence - 2 not in lost_chunks]
        end = self.end(play, n_steps=n_steps, lane=lane, stage=stage, status=status, reward=reward, manual=manual)
        flush.entries += end.entries
        flush.finished += end.finished
        return self.send(flush)

    def new_play(self, episode_id: int) -> Play:
        """The next play, later than all before."""
        self._last_play_id += 1
        return Play(episode_id, self._last_play_id)

    def chunks(
        self,
        play: Play,
        *,
        n_steps: int = 30,
        chunk_steps: int = 10,
        lane: int = 0,
        stage: int | None = 1,
        seed: int | None = None,
        is_open: bool = False,
        ago_secs: float = 0.0,
    ) -> Flush:
        """Header and chunks of a play, not sent yet."""
        columns = make_columns(n_steps, seed=play.play_id % 2**31 if seed is None else seed)
        schema, frames = make_chunks(columns, chunk_steps=chunk_steps)
        header = {
            "run_id": self.run_id,
            "episode_id": play.episode_id,
            "play_id": play.play_id,
            "lane": lane,
            "producer": self.producer,
            "resumed": self.resumed,
            "schema": schema.to_list(),
            "metadata": make_metadata(
                self.run_id, play.episode_id, 0, lane=lane, curriculum_stage=stage, total_reward=0.0
            ).to_map(),
        }
        entries = [Outgoing(play, 1, HEADER, msgpack.packb(header))]
        entries += [Outgoing(play, 2 + i, CHUNK, data) for i, (_, _, data) in enumerate(frames)]
        return Flush(entries=entries, active={play: time.time() - ago_secs} if is_open else {})

    def end(
        self,
        play: Play,
        *,
        n_steps: int = 30,
        lane: int = 0,
        stage: int | None = 1,
        status: EpisodeStatus = EpisodeStatus.COMPLETE,
        reward: float | None = None,
        manual: Sequence[str] = (),
        sequence: int = 1000,
        **said: Any,
    ) -> Flush:
        """The end of a play, not sent yet; ``said`` stands in its entry for the workers."""
        more: dict[str, Any] = {} if reward is None else {"total_reward": reward}
        metadata = make_metadata(
            self.run_id,
            play.episode_id,
            n_steps,
            lane=lane,
            curriculum_stage=stage,
            status=status,
            **more,
        )
        body = episode_end(
            metadata.to_map(),
            play_id=play.play_id,
            producer_id=self.producer,
            n_bytes=1000,
            last_sequence=sequence,
            manual_reasons=manual,
            is_resumed=self.resumed,
        )
        entry = Outgoing(play, sequence, END, msgpack.packb({"metadata": metadata.to_map()}))
        return Flush(entries=[entry], finished=[msgpack.packb({**body, **said})], closed=[play])

    def keep(self, episode_id: int, reason: str) -> Flush:
        """Ask for an episode that has ended."""
        body = {"kind": "keep", "episode_id": episode_id, "reason": reason}
        return self.send(Flush(finished=[msgpack.packb(body)]))

    def close(self) -> None:
        """End the run of this trainer."""
        self.beat(closed=True)
        self.send(Flush(finished=[msgpack.packb({"kind": "run_end", "producer": self.producer})]))

    def send(self, flush: Flush) -> Flush:
        """Send, or send again."""
        self.stream.send(self.run_id, flush)
        return flush


def play_id_of(flush: Flush) -> int:
    """Which play a flush belongs to."""
    return flush.entries[0].play.play_id
