"""Made the golden files beside it; ``python -m tests.episode_file.golden.make_golden`` makes those that are missing.

A golden file is never made again: it stands for all files that were written when it was. When the format changes, add new ones
under new names. ``expected.json`` holds, for each, what a reader must find, every number as the bits it consists of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import ColumnData, encode_chunk
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, Substrate
from recorder.episode_file import Episode, build_version1, build_version2, open_episode
from recorder.schema import ColumnSpec, Encoding, EpisodeSchema, is_text

__all__ = ["FOLDER", "describe", "golden_files"]

FOLDER = Path(__file__).parent
N_STEPS = 60

_KINDS = [
    ("|b1", (3,), Encoding.BITS),
    ("|i1", (2,), Encoding.DELTA),
    ("|u1", (), Encoding.PLANES),
    ("<i2", (2, 2), Encoding.PLAIN),
    ("<u2", (), Encoding.DELTA),
    ("<i4", (), Encoding.PLANES),
    ("<u4", (2,), Encoding.DELTA),
    ("<i8", (2,), Encoding.DELTA),
    ("<u8", (), Encoding.PLANES),
    ("<f2", (), Encoding.DELTA),
    ("<f4", (8,), Encoding.DELTA),
    ("<f8", (2,), Encoding.PLANES),
]


def golden_files() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every golden file."""
    for compression, suffix in (("lz4", ".msgpack.lz4"), ("none", ".msgpack")):
        whole = _version2(compression)
        yield f"version2{suffix}", whole  # made when each column lay alone
        yield f"version2_together{suffix}", whole  # made when a frame had a checksum of its content
        if compression == "lz4":
            yield f"version2_block_checksums{suffix}", whole
            yield f"version2_pictures{suffix}", _pictures()
            yield f"version2_texts{suffix}", _texts()
        yield f"version2_gaps{suffix}", _version2(compression, gap=True)
        yield f"version2_torn{suffix}", whole[: len(whole) * 7 // 10]
        version1, _ = build_version1(
            metadata=_metadata(), reasons=_REASONS, steps=open_episode(whole).steps(), compression=compression
        )
        yield f"version1{suffix}", version1
        for version in (1, 2):
            yield f"version{version}_unknown{suffix}", _unknown(version, compression)


_REASONS = ["periodic_100", "stage_1_post_transition"]


def _metadata(*gaps: Gap) -> EpisodeMetadata:
    return EpisodeMetadata(
        episode_id=500,
        run_id="gölden/../run",
        survival_steps=N_STEPS,
        total_reward=-0.0,
        extrinsic_reward=float("inf"),
        curriculum_stage=3,
        epsilon=0.25,
        intrinsic_weight=0.0,
        timestamp=1_763_800_000.5,
        affordance_layout={"Bed": (2, 3), "Job": (5.5, 6)},
        affordance_visits={"Bed": 2**63 - 1},
        custom_action_uses={"Ü": 1},
        lane=7,
        meter_names=("energy", "<b>mood</b>"),
        action_names=("UP", "→"),
        grid_size=(8, 9),
        substrate=Substrate("grid", 2, 8, 9),
        status=EpisodeStatus.TRUNCATED,
        gaps=gaps,
        n_steps=N_STEPS,
        started_unix_nanos=1_763_800_000_123_456_789,
        finished_unix_nanos=0,
        env_steps=10**12,
        info={"note": "any", "deep": [[1.5, None, True]]},
    )


def _version2(compression: str, *, gap: bool = False) -> bytes:
    columns = {f"extras.{dtype[1:]}": (shape, encoding, dtype) for dtype, shape, encoding in _KINDS}
    schema = EpisodeSchema(
        tuple(ColumnSpec(name, dtype, shape, encoding) for name, (shape, encoding, dtype) in columns.items())
    )
    values = {spec.name: _values(spec) for spec in schema.columns}
    chunks = []
    for first, end in ((0, 20), (30 if gap else 20, 50), (50, N_STEPS)):
        part = {name: ColumnData(column[first:end]) for name, column in values.items()}
        if first == 50:
            mask = np.arange(end - first) % 3 == 0
            part["extras.f4"] = ColumnData(part["extras.f4"].values[mask], mask)
            part["extras.i4"] = ColumnData(part["extras.i4"].values.astype("<i8") * 2**31)
            part["extras.late"] = ColumnData(np.arange(end - first, dtype="<i2"))
            del part["extras.u1"]
        chunks.append((first, end - first, encode_chunk(schema, first_step=first, n_steps=end - first, columns=part)))
    gaps = [Gap(20, 30, "dropped")] if gap else []
    data, _, _ = build_version2(
        metadata=_metadata(*gaps), reasons=_REASONS, schema=schema, chunks=chunks, compression=compression
    )
    return data


def _unknown(version: int, compression: str) -> bytes:
    """One step with only a reward."""
    schema = EpisodeSchema((ColumnSpec("reward", "<f4", (), Encoding.PLAIN),))
    chunk = encode_chunk(schema, first_step=0, n_steps=1, columns={"reward": ColumnData(np.ones(1, "<f4"))})
    metadata = EpisodeMetadata(episode_id=1, survival_steps=1, total_reward=1.0, extrinsic_reward=1.0, n_steps=1)
    data, _, _ = build_version2(
        metadata=metadata, reasons=[], schema=schema, chunks=[(0, 1, chunk)], compression=compression
    )
    if version == 1:
        steps = open_episode(data).steps()
        data, _ = build_version1(metadata=metadata, reasons=[], steps=steps, compression=compression)
    return data


def _pictures() -> bytes:
    """A picture that some steps lack, stacks along the first and the last axis that once don't move on, and 16 bits."""
    n_steps, place = 20, np.arange(16 * 16).reshape(16, 16)
    planes = np.stack(
        [(place % 16 < t % 16).astype(np.uint8) * 200 + (place // 16).astype(np.uint8) for t in range(24)]
    )
    first = np.stack([planes[t : t + 4] for t in range(n_steps)])
    first[11] = 255 - first[11]
    present = np.arange(n_steps) % 3 != 1
    columns = {
        "extras.render": ColumnData(np.repeat(planes[:n_steps, ..., None], 3, -1)[present], present),
        "extras.first": ColumnData(first),
        "extras.last": ColumnData(np.moveaxis(first, 1, -1).copy()),
        "extras.wide": ColumnData(planes[:n_steps].astype("<u2") * 257),
    }
    schema = EpisodeSchema(
        tuple(
            ColumnSpec(name, data.values.dtype.str, data.values.shape[1:], Encoding.XOR)
            for name, data in columns.items()
        )
    )
    chunk = encode_chunk(schema, first_step=0, n_steps=n_steps, columns=columns)
    data, _, _ = build_version2(metadata=_metadata(), reasons=_REASONS, schema=schema, chunks=[(0, n_steps, chunk)])
    return data


def _texts() -> bytes:
    """Texts that repeat, that some steps lack, and that markup, other scripts and an empty text are among."""
    n_steps = 12
    present = np.arange(n_steps) % 3 != 1
    missions = ["go to the red ball"] * 5 + ["<b>öffne</b> die Tür", "", "", "🔑 → 門", "a", "a", "\ufffd\n"]
    columns = {
        "extras.mission": ColumnData(np.array(missions, np.object_)),
        "extras.reply": ColumnData(np.array([f"turn {t // 2}" for t in range(n_steps)], np.object_)[present], present),
    }
    schema = EpisodeSchema(tuple(ColumnSpec.of_texts(name) for name in columns))
    chunk = encode_chunk(schema, first_step=0, n_steps=n_steps, columns=columns)
    data, _, _ = build_version2(metadata=_metadata(), reasons=_REASONS, schema=schema, chunks=[(0, n_steps, chunk)])
    return data


def _values(spec: ColumnSpec) -> NDArray[Any]:
    """Numbers that need no random generator: slow ones, and the extremes of the dtype in front."""
    dtype = np.dtype(spec.dtype)
    steps = np.arange(N_STEPS * spec.n_values, dtype=np.float64)
    if dtype.kind == "b":
        flat = steps % 7 < 3
    elif dtype.kind == "f":
        flat = (np.round(100 * steps / 64) / 64).astype(dtype)
        flat[:6] = [np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal]
    else:
        flat = (steps % 97).astype(dtype)
        flat[:2] = [np.iinfo(dtype).min, np.iinfo(dtype).max]
    return flat.reshape(N_STEPS, *spec.shape)


def describe(episode: Episode) -> dict[str, Any]:
    """What a reader finds, in JSON's types."""
    columns = {}
    for name in episode.names:
        values = episode.column(name)
        columns[name] = {
            "dtype": values.dtype.str,
            "shape": list(values.shape),
            "values": values.tolist() if is_text(values) else values.tobytes().hex(),
            "present": np.packbits(episode.present(name)).tobytes().hex(),
        }
    return {
        "version": episode.version,
        "compression": episode.compression,
        "reasons": list(episode.reasons),
        "affordances": {name: list(cell) for name, cell in episode.affordances.items()},
        "metadata": episode.metadata.to_map(),
        "step_numbers": episode.step_numbers.tolist(),
        "columns": columns,
        "last_step": repr(episode.step(-1)),
    }


def main() -> None:
    """Make what is missing."""
    place = FOLDER / "expected.json"
    expected = json.loads(place.read_text()) if place.exists() else {}
    for name, data in golden_files():
        if not (FOLDER / name).exists():
            (FOLDER / name).write_bytes(data)
            expected[name] = describe(open_episode(data))
    place.write_text(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main()
