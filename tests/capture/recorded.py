"""What a recorder has sent, read as a worker reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recorder.capture import EpisodeRecorder, RecorderStats
from recorder.episode import EpisodeMetadata
from recorder.episode_file import Episode, build_version2, open_episode
from recorder.step_stream import FIRST_CURSOR, Play, StepStream
from worker.ingest.assemble import read_play

STEP = {"position": (3, 4), "meters": (0.5, 0.25), "action": 2, "reward": 1.0}
"""The values of a step on which nothing depends."""


@dataclass(frozen=True)
class Ended:
    """One finished episode."""

    body: Mapping[str, Any]
    """What the entry of ``finished`` says."""
    metadata: EpisodeMetadata
    episode: Episode

    @property
    def gaps(self) -> list[tuple[int, int | None, str]]:
        return [(gap.first_step, gap.end_step, gap.reason) for gap in self.metadata.gaps]


def record(recorder: EpisodeRecorder, episode_id: int, steps: range, **values: Any) -> None:
    """Record steps that say which they are: the reward is the step's number."""
    for step in steps:
        recorder.record_step(episode_id, step, **{**STEP, "reward": float(step), **values})


def ends(stream: StepStream, run_id: str) -> list[Mapping[str, Any]]:
    """What the run's ``finished`` stream holds."""
    found = []
    cursor = FIRST_CURSOR
    while page := stream.read_finished(run_id, after=cursor, limit=1000):
        found += [entry.body for entry in page]
        cursor = page[-1].entry_id
    return found


def read_ended(stream: StepStream, run_id: str, body: Mapping[str, Any]) -> Ended:
    """The episode that an end tells of."""
    entries = stream.read_plays(run_id, [Play(body["episode_id"], body["play_id"])])[0]
    assert [entry.sequence for entry in entries] == list(range(1, body["last_sequence"] + 1)), "entries are missing"
    content = read_play(entries)
    data, _, _ = build_version2(
        metadata=content.metadata,
        reasons=(),
        schema=content.schema,
        chunks=[(chunk.first_step, chunk.n_steps, frame) for chunk, frame in content.chunks],
        compression="lz4",
    )
    return Ended(body, content.metadata, open_episode(data))


def finished_episodes(stream: StepStream, run_id: str) -> dict[int, Ended]:
    """All episodes that have ended and were not aborted; an end that was sent twice counts once."""
    found: dict[int, Ended] = {}
    for body in ends(stream, run_id):
        if body.get("kind") == "end" and body["episode_id"] not in found:
            found[body["episode_id"]] = read_ended(stream, run_id, body)
    return found


def close_and_read(recorder: EpisodeRecorder) -> dict[int, Ended]:
    """End the run of a recorder in memory; its episodes by id."""
    assert recorder.close()
    return finished_episodes(recorder.stream, recorder.run_id)


def record_one(*steps: Mapping[str, Any], metadata: Any = None) -> Ended:
    """Record one episode in memory, with what each step differs in from ``STEP``."""
    recorder = EpisodeRecorder(strict=True)
    for number, values in enumerate(steps):
        recorder.record_step(7, number, **{**STEP, **values})
    recorder.finish_episode(7, metadata)
    return close_and_read(recorder)[7]


def assert_adds_up(stats: RecorderStats, n_handed_over: int) -> None:
    """Every step is recorded or counted as missing, none is both."""
    assert stats.n_recorded_steps + stats.n_missing_steps == n_handed_over, stats


def finish_with(metadata: Any, *, n_steps: int = 4, **options: Any) -> tuple[Ended, EpisodeRecorder]:
    """An episode of rewards 0, 1, 2, … and intrinsic rewards of 0.5, ended with this metadata."""
    recorder = EpisodeRecorder(**options)
    record(recorder, 7, range(n_steps), intrinsic_reward=0.5, epsilon=0.25, lane=2)
    recorder.finish_episode(7, metadata)
    return close_and_read(recorder)[7], recorder
