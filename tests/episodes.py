"""Recordings for tests: made of numbers that tell where they come from, the same ones each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap
from recorder.episode_file import build_version1, build_version2, open_episode
from recorder.schema import EpisodeSchema
from recorder.storage import LocalStorage, episode_path
from recorder.values.episode_metrics import episode_metrics

__all__ = ["CHUNK_STEPS", "METERS", "add_episode", "make_chunks", "make_columns", "make_episode_file", "make_metadata"]

METERS = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
ACTIONS = ("up", "down", "left", "right", "interact", "wait")
AFFORDANCES = {"Bed": (2, 3), "Job": (5, 6)}
GRID = 8
CHUNK_STEPS = 256


def make_columns(n_steps: int, *, seed: int = 0, n_dims: int = 2) -> dict[str, np.ndarray]:
    """Columns of one episode: a walk over the grid; ``reward`` is 1 at every step, so sums are easy to check."""
    random = np.random.default_rng(seed)
    moves = random.integers(-1, 2, (n_steps, n_dims))
    return {
        "position": np.clip(3 + np.cumsum(moves, axis=0), 0, GRID - 1).astype(np.int16),
        "meters": np.clip(1 - np.arange(n_steps)[:, None] * 0.001 * np.arange(1, len(METERS) + 1), 0, 1).astype(
            np.float32
        ),
        "action": random.integers(0, len(ACTIONS), n_steps).astype(np.int16),
        "reward": np.ones(n_steps, np.float32),
        "intrinsic_reward": np.full(n_steps, 0.25, np.float32),
        "done": np.arange(n_steps) == n_steps - 1,
        "q_values": random.normal(size=(n_steps, len(ACTIONS))).astype(np.float32),
        "action_masks": random.random((n_steps, len(ACTIONS))) > 0.1,
        "time_of_day": (np.arange(n_steps) % 24).astype(np.int16),
        "interaction_progress": (np.arange(n_steps) % 5 / 5).astype(np.float32),
    }


def make_metadata(run_id: str, episode_id: int, n_steps: int, **changes: Any) -> EpisodeMetadata:
    """Metadata that fits ``make_columns``."""
    values: dict[str, Any] = {
        "episode_id": episode_id,
        "run_id": run_id,
        "survival_steps": n_steps,
        "n_steps": n_steps,
        "total_reward": float(n_steps),
        "extrinsic_reward": float(n_steps),
        "curriculum_stage": 1 + episode_id % 3,
        "epsilon": 0.1,
        "timestamp": 1_700_000_000.0 + episode_id,
        "finished_unix_nanos": (1_700_000_000 + episode_id) * 10**9,
        "affordance_layout": AFFORDANCES,
        "meter_names": METERS,
        "action_names": ACTIONS,
        "grid_size": GRID,
    }
    return EpisodeMetadata(**{**values, **changes})


def make_chunks(
    columns: Mapping[str, np.ndarray], *, chunk_steps: int = CHUNK_STEPS, missing: Sequence[int] = ()
) -> tuple[EpisodeSchema, list[tuple[int, int, bytes]]]:
    """Schema and ``(first_step, n_steps, frame)`` each; ``missing`` names chunks, by position, that were lost."""
    schema = EpisodeSchema(tuple(spec_of(name, values) for name, values in columns.items()))
    n_steps = len(next(iter(columns.values()))) if columns else 0
    chunks = []
    for number, start in enumerate(range(0, n_steps, chunk_steps)):
        if number not in missing:
            part = {name: ColumnData(values[start : start + chunk_steps]) for name, values in columns.items()}
            n_here = min(chunk_steps, n_steps - start)
            chunks.append((start, n_here, encode_chunk(schema, first_step=start, n_steps=n_here, columns=part)))
    return schema, chunks


def make_episode_file(
    *,
    run_id: str = "demo",
    episode_id: int = 0,
    n_steps: int = 50,
    version: int = 2,
    compression: str = "lz4",
    chunk_steps: int = CHUNK_STEPS,
    reasons: Sequence[str] = ("periodic_100",),
    missing: Sequence[int] = (),
    n_dims: int = 2,
    columns: Mapping[str, np.ndarray] | None = None,
    **metadata: Any,
) -> bytes:
    """The bytes of one recording.

    Args:
        missing: chunks, by position, that were lost; the metadata has the gaps.
        columns: instead of those of ``make_columns``.
        metadata: fields that differ from those of ``make_metadata``.
    """
    if columns is None:
        columns = make_columns(n_steps, seed=episode_id, n_dims=n_dims)
    schema, chunks = make_chunks(columns, chunk_steps=chunk_steps, missing=missing)
    gaps = tuple(Gap(n * chunk_steps, min((n + 1) * chunk_steps, n_steps)) for n in missing)
    meta = make_metadata(run_id, episode_id, n_steps, **{"gaps": gaps, **metadata})
    data, _, _ = build_version2(metadata=meta, reasons=reasons, schema=schema, chunks=chunks, compression=compression)
    if version == 1:
        data, _ = build_version1(
            metadata=meta, reasons=reasons, steps=open_episode(data).steps(), compression=compression
        )
    return data


def add_episode(catalog: Catalog, root: Path, **options: Any) -> RecordingRow:
    """Make a recording (arguments of ``make_episode_file``), write it below ``root``, and index it."""
    data = make_episode_file(**options)
    episode = open_episode(data)
    meta = episode.metadata
    place = episode_path(meta.run_id, meta.episode_id, compression=options.get("compression", "lz4"))
    LocalStorage(root).write_all({place: data})
    shared: dict[str, Any] = {
        "run_id": meta.run_id,
        "episode_id": meta.episode_id,
        "survival_steps": meta.survival_steps,
        "total_reward": meta.total_reward,
        "curriculum_stage": meta.curriculum_stage,
        "timestamp": meta.timestamp,
        "status": str(EpisodeStatus(meta.status)),
        "n_steps": episode.n_steps,
        "epsilon": meta.epsilon,
        "reasons": episode.reasons,
        "play_id": 1,
    }
    recording = RecordingRow(
        **shared,
        file_path=place,
        file_size_bytes=len(data),
        compressed_size_bytes=len(data),
        content_hash=episode.content_hash or f"{len(data):032x}",
        format_version=episode.version,
        seed=meta.seed,
    )
    row = EpisodeRow(
        **shared, decision="kept", finished_unix_nanos=meta.finished_unix_nanos, metrics=episode_metrics(meta.info)
    )
    catalog.import_recordings([(row, recording)])
    return recording
