"""Whatever an episode holds, a file gives it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap
from recorder.episode_file import Episode, build_version1, build_version2, open_episode
from recorder.errors import ShapeChangedError, UnknownColumnError, UsageError
from recorder.schema import EpisodeSchema
from tests.chunk.samples import assert_same_bits, column_data, column_kinds
from tests.episodes import make_columns, make_episode_file

COMPRESSIONS = pytest.mark.parametrize("compression", ["lz4", "none"])
Chunks = list[tuple[int, int, dict[str, ColumnData]]]


def build(chunks: Chunks, compression: str = "lz4", **metadata: Any) -> bytes:
    """A version 2 file of these chunks; the schema is that of each column's first values."""
    specs = {}
    for _, _, columns in chunks:
        for name, data in columns.items():
            specs.setdefault(name, spec_of(name, data.values))
    schema = EpisodeSchema(tuple(specs.values()))
    frames = [
        (first, n_steps, encode_chunk(schema, first_step=first, n_steps=n_steps, columns=columns))
        for first, n_steps, columns in chunks
    ]
    data, _, unpacked_bytes = build_version2(
        metadata=EpisodeMetadata(**metadata), reasons=["r"], schema=schema, chunks=frames, compression=compression
    )
    assert open_episode(data).unpacked_bytes == unpacked_bytes
    return data


def values_by_step(chunks: Chunks, name: str) -> dict[int, NDArray[Any]]:
    """The value of every step that has one, by step number."""
    found = {}
    for first, n_steps, columns in chunks:
        if (data := columns.get(name)) is not None:
            here = np.arange(first, first + n_steps)
            for number, value in zip(here if data.present is None else here[data.present], data.values, strict=True):
                found[int(number)] = value
    return found


@st.composite
def episodes(draw: st.DrawFn) -> Chunks:
    """Chunks with gaps between them, of columns that come, go, are masked and change their kind."""
    names = ["extras.a", "extras.b", "extras.c"]
    kinds = {name: draw(column_kinds()) for name in names}
    chunks: Chunks = []
    end = 0
    for _ in range(draw(st.integers(0, 4))):
        first = end + draw(st.sampled_from([0, 0, 0, 7]))
        n_steps = draw(st.integers(1, 5))
        columns = {}
        for name in names:
            if draw(st.integers(0, 9)) == 0:
                kinds[name] = draw(column_kinds())
            if draw(st.integers(0, 4)):
                columns[name] = draw(column_data(kinds[name], n_steps))
        chunks.append((first, n_steps, columns))
        end = first + n_steps
    return chunks


def assert_holds(episode: Episode, chunks: Chunks) -> None:
    """Column by column, step by step, bit by bit."""
    numbers = [number for first, n_steps, _ in chunks for number in range(first, first + n_steps)]
    assert episode.step_numbers.tolist() == numbers
    assert episode.n_steps == len(numbers)
    assert set(episode.names) == {name for _, _, columns in chunks for name in columns}
    for name in episode.names:
        expected = values_by_step(chunks, name)
        for index, number in enumerate(numbers):
            value = episode.step(index).extras.get(name.removeprefix("extras."))
            assert (value is None) == (number not in expected)
            if value is not None:
                assert_same_bits(np.asarray(value), np.asarray(expected[number]))
        pieces = [columns[name].values for _, _, columns in chunks if name in columns]
        if len({piece.shape[1:] for piece in pieces}) > 1:
            with pytest.raises(ShapeChangedError, match=f"'{name}' changes its shape within the episode"):
                episode.column(name)
            continue
        present = episode.present(name)
        assert present.tolist() == [number in expected for number in numbers]
        assert_same_bits(episode.column(name)[present], np.concatenate(pieces))


@settings(max_examples=50)
@given(episodes(), st.sampled_from(["lz4", "none"]))
def test_a_version_2_file_restores_every_bit(chunks: Chunks, compression: str) -> None:
    episode = open_episode(build(chunks, compression))
    episode.check()
    assert_holds(episode, chunks)


@settings(max_examples=50)
@given(episodes(), st.sampled_from(["lz4", "none"]))
def test_a_version_1_file_restores_every_number(chunks: Chunks, compression: str) -> None:
    original = open_episode(build(chunks))
    data, unpacked_bytes = build_version1(
        metadata=original.metadata, reasons=original.reasons, steps=original.steps(), compression=compression
    )
    episode = open_episode(data)
    assert (episode.version, episode.unpacked_bytes, episode.reasons) == (1, unpacked_bytes, ("r",))
    assert episode.metadata == original.metadata
    assert episode.step_numbers.tolist() == original.step_numbers.tolist()
    for old, new in zip(original.steps(), episode.steps(), strict=True):
        assert set(new.extras) == set(old.extras)
        for name, value in old.extras.items():
            np.testing.assert_array_equal(new.extras[name], value)


@COMPRESSIONS
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("n_steps", [0, 1, 255, 256, 257, 600])
def test_an_episode_of_any_length_is_read(n_steps: int, version: int, compression: str) -> None:
    columns = make_columns(n_steps)
    episode = open_episode(make_episode_file(n_steps=n_steps, version=version, compression=compression))
    assert (episode.n_steps, episode.gaps, episode.metadata.status) == (n_steps, (), EpisodeStatus.COMPLETE)
    for name, values in episode.columns().items():
        np.testing.assert_array_equal(values, columns[name].astype(values.dtype))
    assert set(episode.columns()) == (set(columns) if n_steps else set())
    assert [step.step for step in episode.steps()] == list(range(n_steps))


def test_a_hundred_thousand_steps_are_read() -> None:
    n_steps = 100_000
    columns = {"reward": np.arange(n_steps, dtype="<f8"), "position": np.arange(2 * n_steps).reshape(-1, 2)}
    episode = open_episode(make_episode_file(n_steps=n_steps, columns=columns))
    assert_same_bits(episode.column("reward"), columns["reward"])
    assert_same_bits(episode.column("position"), columns["position"])
    assert episode.step(99_999).position == (199_998, 199_999)
    assert len(episode.chunks) == 391


@COMPRESSIONS
def test_steps_are_python_numbers(compression: str) -> None:
    episode = open_episode(make_episode_file(n_steps=3, compression=compression))
    step = episode.step(-1)
    assert step == episode.step(2)
    assert (step.step, step.done, step.reward, step.time_of_day) == (2, True, 1.0, 2)
    assert {type(x) for x in step.position} == {int}
    assert {type(x) for x in step.meters} == {float}
    assert {type(x) for x in step.action_masks or ()} == {bool}
    assert [type(x) for x in (step.action, step.reward, step.done)] == [int, float, bool]


def test_a_single_meter_or_coordinate_is_a_tuple() -> None:
    columns = {"position": np.arange(2), "meters": np.ones((2, 1)), "action": np.ones((2, 3)), "epsilon": np.ones(2)}
    step = open_episode(make_episode_file(n_steps=2, columns=columns)).step(1)
    assert (step.position, step.meters, step.action, step.epsilon) == ((1,), (1.0,), (1.0, 1.0, 1.0), 1.0)


def test_a_missing_step_or_column_is_an_error() -> None:
    episode = open_episode(make_episode_file(n_steps=3))
    for index in (3, -4):
        with pytest.raises(UsageError, match=f"no step {index} in an episode of 3 steps"):
            episode.step(index)
    with pytest.raises(UnknownColumnError, match="no column 'speed'; it has: position, meters"):
        episode.column("speed")
    with pytest.raises(UnknownColumnError):
        episode.present("speed")
    assert not episode.has_column("speed")
    assert [step.step for step in episode.steps(1)] == [1, 2]


def test_a_missing_value_is_nan_0_or_false_and_masked() -> None:
    mask = np.array([True, False])
    columns = {
        "extras.f": ColumnData(np.array([1.5], "<f4"), mask),
        "extras.i": ColumnData(np.array([7], "<i8"), mask),
        "extras.b": ColumnData(np.array([True]), mask),
    }
    episode = open_episode(build([(0, 2, columns), (2, 1, {})]))
    assert np.isnan(episode.column("extras.f")).tolist() == [False, True, True]
    assert episode.column("extras.i").tolist() == [7, 0, 0]
    assert episode.column("extras.b").tolist() == [True, False, False]
    assert episode.present("extras.f").tolist() == [True, False, False]
    assert (episode.step(1).extras, episode.step(1).position, episode.step(1).action) == ({}, (), 0)


def test_a_column_with_several_dtypes_is_read_in_the_common_one() -> None:
    chunks: Chunks = [
        (0, 2, {"reward": ColumnData(np.array([1, 2], "<i2"))}),
        (2, 1, {"reward": ColumnData(np.array([0.5], "<f4"))}),
        (3, 1, {}),
    ]
    episode = open_episode(build(chunks))
    assert episode.column("reward").dtype == np.float32
    assert episode.column("reward")[:3].tolist() == [1, 2, 0.5]
    assert np.isnan(episode.column("reward")[3])
    assert (type(episode.step(0).reward), type(episode.step(2).reward)) == (int, float)


def test_steps_missing_between_chunks_are_a_gap_listed_or_not() -> None:
    reward = {"reward": ColumnData(np.ones(2))}
    chunks: Chunks = [(3, 2, reward), (5, 2, reward), (10, 2, reward), (20, 2, reward)]
    listed = Gap(7, 10, "dropped")
    gaps = open_episode(build(chunks, gaps=(listed,))).gaps
    assert listed in gaps
    assert [(gap.first_step, gap.end_step) for gap in gaps if gap is not listed and gap != listed] == [(0, 3), (12, 20)]


@COMPRESSIONS
def test_chunks_out_of_order_are_refused_by_the_writer(compression: str) -> None:
    reward = {"reward": ColumnData(np.ones(2))}
    with pytest.raises(UsageError, match="begins at step 1, before the end"):
        build([(0, 2, reward), (1, 2, reward)], compression)


def test_a_version_1_file_has_no_chunks() -> None:
    episode = open_episode(make_episode_file(version=1))
    with pytest.raises(UsageError, match="convert --to 2"):
        episode.chunk_bytes(0)


def test_chunk_bytes_are_those_that_the_trainer_encoded() -> None:
    reward = ColumnData(np.arange(3.0))
    schema = EpisodeSchema((spec_of("reward", reward.values),))
    frame = encode_chunk(schema, first_step=0, n_steps=3, columns={"reward": reward})
    data, content_hash, _ = build_version2(
        metadata=EpisodeMetadata(), reasons=[], schema=schema, chunks=[(0, 3, frame)]
    )
    episode = open_episode(data)
    assert episode.chunk_bytes(0) == frame
    assert (episode.content_hash, episode.schema) == (content_hash, schema)
