"""Steps into chunks that any reader takes, however large a step is."""

from __future__ import annotations

from typing import Any

import numpy as np
from recorder.capture.builder import EpisodeBuilder
from recorder.capture.copying import Layout
from recorder.capture.encodings import KnownSchema
from recorder.capture.row_columns import Row, row_bytes
from recorder.capture.rows import row_of

from recorder.chunk import MAX_CHUNK_BYTES, content_bytes, decode_chunk
from recorder.publish.stats import RecorderStats
from recorder.step_stream import Play

N_STEPS = 100


def row(step: int, **values: Any) -> Row:
    return row_of((0, step, 0), {"reward": float(step), **values}, Layout())


def test_a_chunk_stays_small_when_its_later_steps_are_large() -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8)
    builder = EpisodeBuilder(Play(0, 1), lane=0, known=KnownSchema(), stats=RecorderStats())
    rows = [row(0)] + [row(step, extras={"image": image + np.uint8(step)}) for step in range(1, N_STEPS)]
    chunks = builder.add_rows(rows) + builder.take_chunks()
    assert max(content_bytes(chunk.data) for chunk in chunks) < 1.1 * MAX_CHUNK_BYTES
    assert builder.schema is not None
    decoded = [decode_chunk(chunk.data, builder.schema) for chunk in chunks]
    found = [value for chunk in decoded if (data := chunk.column("reward")) for value in data.values.tolist()]
    assert found == list(range(N_STEPS))
    last = decoded[-1].column("extras.image")
    assert last is not None
    assert (last.values[-1] == image + np.uint8(N_STEPS - 1)).all()


def test_a_list_of_numbers_counts_with_all_of_them() -> None:
    assert row_bytes(row(0, meters=(0.5,) * 1000)) > 10 * row_bytes(row(0, meters=(0.5,)))
