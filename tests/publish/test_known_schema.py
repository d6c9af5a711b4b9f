"""Encodings are tried on the first steps of a run and handed on."""

from __future__ import annotations

import numpy as np

from recorder.chunk import ColumnData
from recorder.publish.chunks.encodings import KnownSchema
from recorder.schema import Encoding
from recorder.step_stream import Play

FIRST, SECOND = Play(1, 100), Play(2, 101)


def _columns(start: int, n_steps: int, *, dtype: str = "<f4") -> dict[str, ColumnData]:
    """Constant for the first ten steps, then a slow ramp: a short sample is misleading."""
    steps = np.arange(start, start + n_steps)
    return {"reward": ColumnData((np.maximum(steps - 10, 0) * 0.001 + 1).astype(dtype))}


def test_what_a_short_chunk_suggests_holds_until_an_episode_has_shown_enough_steps() -> None:
    known = KnownSchema()
    provisional = known.schema_for(_columns(0, 10))
    known.learn(FIRST, _columns(0, 10), 10)
    assert known.schema_for(_columns(0, 10)) is provisional
    known.learn(FIRST, _columns(10, 53), 53)
    assert known.schema_for(_columns(0, 10)) is provisional
    known.learn(FIRST, _columns(63, 1), 1)
    proven = known.schema_for(_columns(0, 10))
    assert proven is not provisional
    assert proven.columns[0].encoding is Encoding.DELTA
    known.learn(SECOND, _columns(0, 200), 200)
    assert known.schema_for(_columns(0, 10)) is proven


def test_one_episode_is_looked_at_and_the_next_when_it_was_too_short() -> None:
    known = KnownSchema()
    provisional = known.schema_for(_columns(0, 40))
    known.learn(FIRST, _columns(0, 40), 40)
    known.learn(SECOND, _columns(0, 40), 40)
    assert known.schema_for(_columns(0, 40)) is provisional
    known.end(SECOND)
    known.end(FIRST)
    known.learn(SECOND, _columns(40, 40), 40)
    assert known.schema_for(_columns(0, 40)) is provisional
    known.learn(SECOND, _columns(80, 40), 40)
    assert known.schema_for(_columns(0, 40)) is not provisional


def test_columns_of_another_kind_begin_anew() -> None:
    known = KnownSchema()
    known.schema_for(_columns(0, 64))
    known.learn(FIRST, _columns(0, 64), 64)
    wide = known.schema_for(_columns(0, 10, dtype="<f8"))
    assert [spec.dtype for spec in wide.columns] == ["<f8"]
    known.learn(SECOND, _columns(0, 64), 64)
    assert known.schema_for(_columns(0, 10, dtype="<f8")) is wide
    known.learn(SECOND, _columns(0, 64, dtype="<f8"), 64)
    assert known.schema_for(_columns(0, 10, dtype="<f8")) is not wide
