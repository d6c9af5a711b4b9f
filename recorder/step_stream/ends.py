"""The entry of an ended episode.

It has what selection needs. The complete metadata is in the last entry of the episode's stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

__all__ = ["FINISHED_FIELD", "MAX_BODY_BYTES", "SHARED_FIELDS", "episode_end", "pack_body", "unpack_body"]

FINISHED_FIELD = b"f"
"""The field of an entry of a ``finished`` stream."""

MAX_BODY_BYTES = 8 * 2**20
"""Trainers limit an episode's metadata to one MiB."""

SHARED_FIELDS = (
    "lane",
    "n_steps",
    "survival_steps",
    "total_reward",
    "extrinsic_reward",
    "intrinsic_reward",
    "curriculum_stage",
    "epsilon",
    "intrinsic_weight",
    "timestamp",
    "env_steps",
    "started_unix_nanos",
    "finished_unix_nanos",
)
"""Fields copied from the metadata."""


def episode_end(
    metadata: Mapping[str, Any],
    *,
    play_id: int,
    producer_id: str,
    n_bytes: int,
    last_sequence: int,
    manual_reasons: Sequence[str] = (),
    is_resumed: bool = False,
) -> dict[str, Any]:
    """Body of an entry of kind ``end``.

    Args:
        metadata: from ``EpisodeMetadata.to_map``.
        n_bytes: size of the episode's chunks.
        last_sequence: sequence of the play's last entry.
        manual_reasons: reasons given to ``keep``.
        is_resumed: whether the trainer resumed its run, so that this play replaces an older one.
    """
    body = {name: metadata[name] for name in SHARED_FIELDS}
    body |= {
        "kind": "end",
        "episode_id": metadata["episode_id"],
        "play_id": play_id,
        "status": metadata["status"],
        "n_missing_steps": sum(end - first for first, end, _ in metadata["gaps"] if end is not None),
        "n_bytes": n_bytes,
        "last_sequence": last_sequence,
        "info": metadata["info"],
        "manual": list(manual_reasons),
        "resumed": is_resumed,
        "producer": producer_id,
    }
    if agents := metadata.get("agents"):
        body["agents"] = [[agent["agent_id"], agent["team"], agent["return"]] for agent in agents]
    return body


def pack_body(body: Any) -> bytes:
    """Bytes of a header, an end, or an entry of ``finished``.

    Raises:
        ValueError, TypeError: msgpack can't hold a value.
    """
    packed: bytes = msgpack.packb(body)
    return packed


def unpack_body(packed: bytes) -> Mapping[str, Any]:
    """Body of an entry; empty if it is no msgpack map, or larger than trainers send."""
    if len(packed) > MAX_BODY_BYTES:
        return {}
    try:
        body = msgpack.unpackb(packed)
    except (ValueError, msgpack.exceptions.UnpackException):
        return {}
    return body if isinstance(body, dict) else {}
