"""Which steps of a run are on the server: each step's reward is its number."""

from __future__ import annotations

from collections import Counter

from recorder.step_stream import HEADER, Play, StepStream
from worker.ingest.assemble import read_play

__all__ = ["arrived_numbers", "n_ends"]


def arrived_numbers(stream: StepStream, run_id: str) -> list[int]:
    """The numbers of all steps that are there, in order; each must be there once."""
    numbers: Counter[int] = Counter()
    cursor = 0
    episodes: set[int] = set()
    while True:
        cursor, page = stream.scan_episodes(cursor, run_id=run_id)
        episodes |= {play.episode_id for play in page.get(run_id, [])}
        if cursor == 0:
            break
    for episode_id in episodes:
        entries = stream.read_episode(run_id, episode_id, limit=100_000)
        plays = {entry.play_id for entry in entries}
        assert len(plays) == 1, f"episode {episode_id} was begun {len(plays)} times"
        assert entries[0].kind == HEADER
        content = read_play(stream.read_plays(run_id, [Play(episode_id, plays.pop())])[0])
        for chunk, _ in content.chunks:
            column = chunk.column("reward")
            assert column is not None
            numbers.update(map(int, column.values.tolist()))
    doubles = [number for number, n in numbers.items() if n > 1]
    assert not doubles, f"{len(doubles)} steps are there twice: {doubles[:5]}"
    return sorted(numbers)


def n_ends(stream: StepStream, run_id: str) -> int:
    """How many ends of episodes workers are told of."""
    bodies = [entry.body for entry in stream.read_finished(run_id, after="0-0", limit=1_000_000)]
    ended = [body["episode_id"] for body in bodies if body.get("kind") == "end"]
    assert len(set(ended)) == len(ended), "an episode has ended twice"
    return len(ended)
