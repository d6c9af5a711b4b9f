"""The ``opened`` message: everything about an episode but its steps."""

from __future__ import annotations

from typing import Any

from replay_server.json_text import to_json
from replay_server.live import Extent, LiveEpisode
from replay_server.opened import OpenedRecording
from replay_server.outline import thin_markers

__all__ = ["opened_message"]


def opened_message(
    source: OpenedRecording | LiveEpisode,
    *,
    stream_id: int,
    next_chunk: int,
    resumed: bool = False,
    extent: Extent | None = None,
) -> bytes:
    """The message as UTF-8.

    Args:
        next_chunk: position of the chunk that will be sent first.
        resumed: whether what the client has is still good.
        extent: how far a live episode had come when it was decided what to send; left out for a recording.
    """
    stream: dict[str, Any] = {"type": "opened", "id": stream_id, "next_chunk": next_chunk, "resumed": resumed}
    if not isinstance(source, LiveEpisode):
        return f"{to_json(stream)[:-1]},{source.outline_json}}}".encode()
    extent = extent or source.extent
    body = {
        **stream,
        "run_id": source.run_id,
        "episode_id": source.episode_id,
        "live": True,
        **source.scene.to_map(),
        "total_steps": source.n_steps_in(extent),
        "chunks": source.chunk_rows[: extent.n_chunks],
        "metadata": source.metadata.to_map(),
        "reasons": [],
        "schema": source.schema.to_list(),
        "gaps": source.gaps[: extent.n_gaps],
        "markers": [marker.to_map() for marker in thin_markers(source.markers[: extent.n_markers])],
        "dull": [],
        "overview": None,
        "content_hash": None,
        "last_seq": source.seq_of(extent),
    }
    return to_json(body).encode()
