"""Titles of the catalog's columns, for people."""

from __future__ import annotations

from recorder.wording.measures import MEASURES
from recorder.wording.terms import TERMS

__all__ = ["field_title"]

_TITLES = {
    "run_id": "Run",
    "episode_id": TERMS["episode"].title,
    "environment": "Environment",
    "lane": TERMS["lane"].title,
    "status": TERMS["status"].title,
    "decision": "Decision",
    "reasons": TERMS["reasons"].title,
    "n_steps": TERMS["steps"].title,
    "n_missing_steps": MEASURES["missing"].title,
    "survival_steps": MEASURES["steps"].title,
    "total_reward": TERMS["return"].title,
    "extrinsic_reward": TERMS["task"].title,
    "intrinsic_reward": TERMS["intrinsic"].title,
    "intrinsic_weight": TERMS["weight"].title,
    "curriculum_stage": TERMS["stage"].title,
    "epsilon": TERMS["epsilon"].title,
    "env_steps": "Environment steps of the run",
    "started_unix_nanos": "Started",
    "finished_unix_nanos": TERMS["finished"].title,
    "timestamp": "Time of its end",
    "written_at": "Written",
    "stream_dropped_at": "Removed from Redis",
    "n_bytes": "Bytes in Redis",
    "replaced_plays": "Plays that it replaced",
    "attempts": "Attempts to write it",
    "parked": "Given up",
    "error": "Error",
    "recording_reason": "First reason",
    "file_path": "File",
    "file_size_bytes": "Bytes unpacked",
    "compressed_size_bytes": "Bytes of the file",
    "format_version": "Version of the file",
    "recorded_at": "Recorded",
}


def field_title(name: str) -> str:
    """Return the title of a column; one without a title is its name in words."""
    words = name.replace("_", " ")
    return _TITLES.get(name, f"{words[:1].upper()}{words[1:]}")
