"""Describes a recording without its steps, for the ``opened`` message and the HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recorder.episode_file import Episode
from recorder.outline.numbers import unusual_numbers
from recorder.outline.outline import Outline
from recorder.outline.step_columns import StepColumns
from recorder.wording import reason_in_words

__all__ = ["chunk_rows", "describe_recording"]


def describe_recording(episode: Episode, outline: Outline, chunk_rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The fields of ``opened`` in ``replay_server/PROTOCOL.md``."""
    return {
        "run_id": episode.metadata.run_id,
        "episode_id": episode.metadata.episode_id,
        "live": False,
        **outline.to_map(),
        "total_steps": episode.n_steps,
        "chunks": chunk_rows,
        "metadata": episode.metadata.to_map(),
        "reasons": episode.reasons,
        "reason_words": [reason_in_words(reason) for reason in episode.reasons],
        "schema": episode.schema.to_list(),
    }


@unusual_numbers()
def chunk_rows(episode: Episode, columns: StepColumns, sizes: Sequence[int]) -> list[list[Any]]:
    """``[first_step, n_steps, n_bytes, reward_before, intrinsic_before]`` per chunk.

    Args:
        columns: all steps of the episode.
        sizes: size in bytes of each chunk for the player.
    """
    sums = [np.concatenate([[0.0], np.cumsum(rewards)]) for rewards in (columns.reward, columns.intrinsic_reward)]
    rows: list[list[Any]] = []
    index = 0
    for ref, n_bytes in zip(episode.chunks, sizes, strict=True):
        rows.append([ref.first_step, ref.n_steps, n_bytes, *(float(total[index]) for total in sums)])
        index += ref.n_steps
    return rows
