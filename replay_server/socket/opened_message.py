"""The ``opened`` message: everything about an episode except its steps."""

from __future__ import annotations

from typing import Any

from recorder.values.json_text import to_json
from replay_server.episodes.live_episode import LiveEpisode
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["opened_message"]


def opened_message(
    source: OpenedRecording | LiveEpisode,
    *,
    stream_id: int,
    next_chunk: int,
    resumed: bool = False,
    n_chunks: int = 0,
) -> bytes:
    """Return the message as UTF-8.

    Args:
        next_chunk: index of the first chunk that will be sent.
        resumed: whether the client's data is still valid.
        n_chunks: chunks of a live episode at the time of the decision; None for a recording.
    """
    stream: dict[str, Any] = {"type": "opened", "id": stream_id, "next_chunk": next_chunk, "resumed": resumed}
    if not isinstance(source, LiveEpisode):
        return f"{to_json(stream)[:-1]},{source.outline_json}}}".encode()
    n_steps = source.n_steps_in(n_chunks)
    body = {
        **stream,
        "run_id": source.run_id,
        "episode_id": source.episode_id,
        "live": True,
        **source.outline.to_map(end_index=n_steps),
        "total_steps": n_steps,
        "chunks": source.chunk_rows[:n_chunks],
        "metadata": {**source.metadata.to_map(), "lane": source.lane},
        "reasons": [],
        "reason_words": [],
        "schema": source.schema.to_list(),
        "content_hash": None,
        "last_seq": source.seq_of(n_chunks),
    }
    return to_json(body).encode()
