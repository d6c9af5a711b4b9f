"""Steps into chunks that any reader takes, however large a step is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from recorder.black_box import Field, Layout
from recorder.chunk import MAX_CHUNK_BYTES, decode_chunk
from recorder.framing import content_bytes
from recorder.publish.chunks import builder as builder_module
from recorder.publish.chunks.builder import EncodedChunk, EpisodeBuilder
from recorder.publish.chunks.encodings import KnownSchema
from recorder.publish.chunks.pieces import StepPiece, kinds_of
from recorder.publish.play_state import PlayState
from recorder.publish.stats import Counts, RecorderStats
from recorder.step_stream import Play
from tests.publish.budgets import a_budget

N_STEPS = 100
REWARD = Field("reward", np.dtype(np.float64), is_number=True)
IMAGE = Field("extras.image", np.dtype(np.float32), (150, 150))
"""Large, and no picture that is stored as one."""


class Building:
    """A builder, and what came out of it."""

    def __init__(self) -> None:
        self.stats = RecorderStats()
        self.builder = EpisodeBuilder(
            PlayState(Play(0, 1), 0), known=KnownSchema(), counts=Counts(self.stats), pictures=a_budget()
        )
        self.chunks: list[EncodedChunk] = []
        self._position = 0

    def add(self, steps: range, *fields: Field, **columns: Any) -> None:
        layout = Layout(fields)
        records = np.zeros(len(steps), layout.record_dtype)
        records["reward"] = np.asarray(steps)
        for name, values in columns.items():
            records[name.replace("__", ".")] = values
        positions = self._position + layout.n_bytes * np.arange(len(steps))
        self._position += layout.n_bytes * len(steps)
        self.chunks += self.builder.add(StepPiece(kinds_of(layout), steps.start, records, positions))

    def finish(self) -> None:
        self.chunks += self.builder.take_chunks()

    def column(self, name: str) -> Sequence[Any]:
        assert self.builder.schema is not None
        decoded = [decode_chunk(chunk.data, self.builder.schema) for chunk in self.chunks]
        return [value for chunk in decoded if (data := chunk.column(name)) for value in data.values.tolist()]


def test_a_chunk_stays_small_when_its_later_steps_are_large() -> None:
    image = np.random.default_rng(0).integers(0, 255, (150, 150), np.uint8)
    building = Building()
    building.add(range(1), REWARD)
    images = image + np.arange(1, N_STEPS, dtype=np.float32)[:, None, None]
    building.add(range(1, N_STEPS), REWARD, IMAGE, extras__image=images)
    building.finish()
    assert max(content_bytes(chunk.data) for chunk in building.chunks) < 1.1 * MAX_CHUNK_BYTES
    assert building.column("reward") == list(range(N_STEPS))
    assert building.column("extras.image")[-1] == images[-1].tolist()


def test_numbers_that_widen_share_a_chunk_and_arrays_that_change_cut_it() -> None:
    building = Building()
    building.add(range(3), Field("reward", np.dtype(np.int64), is_number=True))
    building.add(range(3, 6), REWARD)
    building.finish()
    assert [chunk.n_steps for chunk in building.chunks] == [6]
    assert building.column("reward") == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    building = Building()
    building.add(range(3), Field("reward", np.dtype(np.float32)))
    building.add(range(3, 6), Field("reward", np.dtype(np.float64)))
    building.finish()
    assert [chunk.n_steps for chunk in building.chunks] == [3, 3]


def test_a_field_that_some_steps_lack_has_a_mask() -> None:
    nullable = Field("epsilon", np.dtype(np.float64), is_nullable=True)
    building = Building()
    building.add(range(2), REWARD)
    building.add(range(2, 6), REWARD, nullable, epsilon=[2, 3, 4, 5], **{"has epsilon": [True, False, True, True]})
    building.finish()
    assert [chunk.n_steps for chunk in building.chunks] == [6]
    assert building.builder.schema is not None
    data = decode_chunk(building.chunks[0].data, building.builder.schema).column("epsilon")
    assert data is not None
    assert data.present is not None
    assert data.present.tolist() == [False, False, True, False, True, True]
    assert data.values.tolist() == [2.0, 4.0, 5.0]


def test_steps_that_came_before_are_refused_and_those_after_them_stand() -> None:
    building = Building()
    building.add(range(10), REWARD)
    building.add(range(5, 15), REWARD)
    building.add(range(1, 4), REWARD)
    building.finish()
    assert building.column("reward") == list(range(15))
    assert (building.stats.n_recorded_steps, building.stats.n_refused_steps) == (15, 8)
    assert "step 1 came after step 14" in str(building.builder.error)


def test_steps_after_a_second_beginning_are_refused() -> None:
    building = Building()
    building.add(range(5), REWARD)
    building.add(range(9), REWARD)
    building.add(range(5, 12), REWARD)
    building.finish()
    assert building.column("reward") == list(range(5))
    assert (building.stats.n_recorded_steps, building.stats.n_refused_steps) == (5, 16)
    assert [(gap.first_step, gap.end_step, gap.reason) for gap in building.builder.state.gaps] == [(5, 12, "lost")]
    assert "another episode has its id" in str(building.builder.error)


def test_refused_steps_are_told_with_what_has_been_read_up_to_them() -> None:
    building = Building()
    building.add(range(4), REWARD)
    building.add(range(1, 3), REWARD)
    building.add(range(4, 8), REWARD)
    told = [building.builder.progress().counts]
    building.finish()
    told += [chunk.progress.counts for chunk in building.chunks]
    assert [counts.get("n_refused_steps", 0) for counts in told] == [0, 2]


def test_what_follows_too_many_gaps_is_refused_and_becomes_one_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_module, "_MAX_GAPS", 3)
    building = Building()
    for step in range(0, 20, 2):
        building.add(range(step, step + 1), REWARD)
    building.finish()
    assert building.column("reward") == [0, 2, 4, 6]
    assert (building.stats.n_recorded_steps, building.stats.n_refused_steps) == (4, 6)
    gaps = [(gap.first_step, gap.end_step, gap.reason) for gap in building.builder.state.gaps]
    assert gaps == [(1, 2, "skipped"), (3, 4, "skipped"), (5, 6, "skipped"), (7, 19, "lost")]
    assert all(chunk.progress.change is not None for chunk in building.chunks)


def test_steps_are_needed_until_a_chunk_has_told_of_them() -> None:
    building = Building()
    assert building.builder.needed_from is None
    building.add(range(300), REWARD)
    size = Layout([REWARD]).n_bytes
    assert [chunk.progress.needed_from for chunk in building.chunks] == [0]
    assert building.builder.needed_from == 256 * size
    building.finish()
    assert building.builder.needed_from is None
    assert building.chunks[-1].progress.needed_from == 256 * size


def test_the_largest_step_number_is_taken_and_no_larger_one() -> None:
    building = Building()
    last = 2**63 - 2
    building.add(range(last - 1, last + 1), REWARD)
    building.finish()
    assert building.stats.n_recorded_steps == 2
    building.add(range(last + 1, last + 2), REWARD)
    assert building.stats.n_refused_steps == 1
