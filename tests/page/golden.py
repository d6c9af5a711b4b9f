"""Recordings made by the recorder's own encoder, and what they must decode to, for the page's decoder under Node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import ColumnData, encode_chunk
from recorder.episode import EpisodeMetadata, Gap, Substrate
from recorder.episode_file import build_version2, open_episode
from recorder.outline import Outline, StepColumns, chunk_rows, describe_recording
from recorder.schema import ALLOWED_DTYPES, ColumnSpec, Encoding, EpisodeSchema
from recorder.values.json_text import to_json
from tests.episodes import make_episode_file
from tests.outline.ways import RANGES, make_agent_ways, make_ways
from tests.page.lives import SCENE, Life

__all__ = ["write_golden", "write_life", "write_ways"]

N_STEPS = 600


def write_golden(folder: Path, *, seed: int = 7) -> None:
    """Write ``every_column``, framed and bare, with ``expected.json``.

    Every dtype stands in it in every encoding, there is a gap, a column with values at some steps only, and one that comes late.
    Numbers are text in ``expected.json``, which distinguishes NaN, infinities and negative zero.
    """
    random = np.random.default_rng(seed)
    columns = dict(_columns(random))
    schema = EpisodeSchema(tuple(spec for spec, _ in columns.values()))
    mask = random.random(N_STEPS) < 0.4
    mask[:5] = [False, True, False, False, True]
    chunks = []
    for first in (0, 256, 400):
        n_steps = {0: 256, 256: 100, 400: 200}[first]
        part = slice(first, first + n_steps)
        data = {name: ColumnData(values[part]) for name, (_, values) in columns.items()}
        sparse = columns["extras.f4_planes"][1][part]
        data["extras.f4_planes"] = ColumnData(sparse[mask[part]], mask[part])
        data["extras.rgb"] = ColumnData(columns["extras.rgb"][1][part][mask[part]], mask[part])
        if first != 256:  # their numbers are many
            data = {name: values for name, values in data.items() if columns[name][0].encoding is not Encoding.XOR}
        if first == 400:
            del data["extras.u1_plain"]
            data["extras.late"] = ColumnData(np.arange(n_steps, dtype="<i2"))
        chunks.append((first, n_steps, encode_chunk(schema, first_step=first, n_steps=n_steps, columns=data)))
    metadata = EpisodeMetadata(
        episode_id=42,
        run_id="golden",
        meter_names=("energy", "<b>mood</b>"),
        action_names=("UP", "Ü→"),
        affordance_layout={"Bed": (2, 3), "__proto__": (1, 1)},
        substrate=Substrate("grid", 2, 8, 9),
        gaps=(Gap(356, 400),),
        started_unix_nanos=1_763_800_000_123_456_789,
        info={"note": "x" * 70_000, "negative": -7, "deep": [[1.5, None, True]]},
    )
    for name, compression in (("every_column.msgpack.lz4", "lz4"), ("every_column.msgpack", "none")):
        data, _, _ = build_version2(
            metadata=metadata, reasons=["periodic_10"], schema=schema, chunks=chunks, compression=compression
        )
        (folder / name).write_bytes(data)
    (folder / "expected.json").write_text(json.dumps(_expected(folder / "every_column.msgpack.lz4")))


def write_life(folder: Path) -> None:
    """Write ``life``, an episode with everything in it, its outline, and the steps that a viewer must find: ``life.json``."""
    data = make_episode_file(columns=Life(seed=4, n_steps=400).columns(), intrinsic_weight=0.5, **SCENE)
    (folder / "life.msgpack.lz4").write_bytes(data)
    episode = open_episode(data)
    columns = StepColumns.of_episode(episode)
    sizes = [ref.n_bytes for ref in episode.chunks]
    returns = np.cumsum(columns.reward + 0.5 * columns.intrinsic_reward)
    steps = [
        {
            "index": index,
            "position": episode.column("position")[index].tolist(),
            "returnSoFar": returns[index],
            "qValues": episode.column("q_values")[index].tolist(),
        }
        for index in range(0, episode.n_steps, 7)
    ]
    outline = describe_recording(episode, Outline.of(episode, columns), chunk_rows(episode, columns, sizes))
    (folder / "life.json").write_text(to_json({"steps": steps, "outline": outline}))


def write_ways(folder: Path) -> None:
    """Write ``ways.json``: what viewers of recorded and live episodes receive, by the range of meters, and of several agents."""
    ways_by_name = {}
    for name in (*RANGES, "agents"):
        place = folder / name
        place.mkdir()
        ways = make_ways(place, *RANGES[name]) if name in RANGES else make_agent_ways(place)
        ways_by_name[name] = {"recorded": ways.recorded, "live": ways.live}
    (folder / "ways.json").write_text(json.dumps(ways_by_name))


def _columns(random: np.random.Generator) -> Iterator[tuple[str, tuple[ColumnSpec, NDArray[np.generic]]]]:
    for dtype in sorted(ALLOWED_DTYPES):
        for encoding in Encoding:
            if (encoding is Encoding.BITS) != (dtype == "|b1") or encoding in (Encoding.XOR, Encoding.TEXT):
                continue
            name = f"extras.{dtype[1:]}_{encoding}"
            shape = {"plain": (2,), "planes": (), "delta": (3,), "bits": (5,)}[encoding]
            values = _values(random, np.dtype(dtype), (N_STEPS, *shape))
            yield name, (ColumnSpec(name, dtype, shape, encoding), values)
    for name, pictures in _pictures(random).items():
        yield name, (ColumnSpec(name, pictures.dtype.str, pictures.shape[1:], Encoding.XOR), pictures)


def _pictures(random: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    """Small ones, stacked along the first and the last axis, some of which do not move on, and of 16 bits."""
    planes = random.integers(0, 256, (N_STEPS + 3, 16, 17), np.uint8)
    planes[270:280] = planes[270]
    first = np.stack([planes[t : t + 3] for t in range(N_STEPS)])
    first[300:305] = random.integers(0, 256, first.shape[1:], np.uint8)
    rgb = random.integers(0, 256, (N_STEPS + 3, 16, 16, 3), np.uint8)
    last = np.stack([np.concatenate(list(rgb[t : t + 2]), axis=-1) for t in range(N_STEPS)])
    return {
        "extras.rgb": rgb[:N_STEPS],
        "extras.stack_first": first,
        "extras.stack_last": last,
        "extras.u2_picture": planes[:N_STEPS].astype(np.uint16) * 250,
    }


def _values(random: np.random.Generator, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> NDArray[np.generic]:
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if dtype.kind == "f":
        values = random.standard_normal(shape).astype(dtype)
        values.reshape(-1)[:4] = [np.nan, -np.inf, -0.0, np.finfo(dtype).max]
        return values
    limits = np.iinfo(dtype)
    low, high = max(int(limits.min), -(2**53)), min(int(limits.max), 2**53)
    values = random.integers(low, high, shape, dtype=dtype, endpoint=True)
    values.reshape(-1)[:2] = [low, high]
    return values


def _expected(path: Path) -> dict[str, object]:
    episode = open_episode(path)
    columns = {}
    for name in {name for chunk in range(len(episode.chunks)) for name in _names(episode, chunk)}:
        columns[name] = [_row(episode.step(index), name) for index in range(episode.n_steps)]
    return {"step_numbers": episode.step_numbers.tolist(), "columns": columns}


def _names(episode: object, chunk: int) -> list[str]:
    return list(episode._file.chunk(chunk).names)  # type: ignore[attr-defined]


def _row(step: object, name: str) -> list[str] | None:
    value = step.extras.get(name.removeprefix("extras."))  # type: ignore[attr-defined]
    if value is None:
        return None
    return [_text(number) for number in np.atleast_1d(np.asarray(value)).reshape(-1).tolist()]


def _text(number: float) -> str:
    """As JavaScript's ``Number`` reads it."""
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(float(number)), repr(float(number)))
