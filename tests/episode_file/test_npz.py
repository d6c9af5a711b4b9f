"""An episode as a numpy archive."""

from __future__ import annotations

import io

import numpy as np
import pytest

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode_file import Episode, build_version2, open_episode
from recorder.recordings.npz import npz_pieces
from recorder.schema import EpisodeSchema
from tests.episodes import make_episode_file, make_metadata

PRESENT = np.array([True, False, True, True])


def load(episode: Episode) -> dict[str, np.ndarray]:
    """Objects are refused, so that no archive needs pickle."""
    return dict(np.load(io.BytesIO(b"".join(npz_pieces(episode))), allow_pickle=False))


def test_each_column_comes_back_as_the_recording_has_it() -> None:
    episode = open_episode(make_episode_file(n_steps=700))
    arrays = load(episode)
    assert list(arrays) == ["step", *episode.names]
    assert (arrays["step"] == np.arange(700)).all()
    for name in episode.names:
        assert arrays[name].dtype == episode.column(name).dtype
        np.testing.assert_array_equal(arrays[name], episode.column(name))


@pytest.mark.parametrize("version", [1, 2])
def test_steps_keep_their_numbers_after_a_gap(version: int) -> None:
    episode = open_episode(make_episode_file(n_steps=300, chunk_steps=100, missing=(1,), version=version))
    assert (load(episode)["step"] == [*range(100), *range(200, 300)]).all()


def test_steps_without_a_value_are_marked_and_what_is_no_array_is_left_out() -> None:
    rewards = np.arange(4, dtype=np.float32)
    pictures = np.random.default_rng(1).integers(0, 256, (4, 40, 40, 3), np.uint8)
    first = {
        "reward": ColumnData(rewards),
        "extras.some": ColumnData(np.array([1, 2, 3], np.int64), PRESENT),
        "extras.picture": ColumnData(pictures),
        "extras.shape": ColumnData(np.zeros((4, 2))),
        "extras.text": ColumnData(np.array(["a", "b", "c", "d"], object)),
    }
    second = {
        "reward": ColumnData(rewards.astype(np.float64) + 0.1),
        "extras.late": ColumnData(np.ones(4)),
        "extras.shape": ColumnData(np.zeros((4, 3))),
    }
    schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in first.items()))
    chunks = [
        (start, 4, encode_chunk(schema, first_step=start, n_steps=4, columns=columns))
        for start, columns in ((0, first), (4, second))
    ]
    data, _, _ = build_version2(metadata=make_metadata("run", 1, 8), reasons=(), schema=schema, chunks=chunks)
    arrays = load(open_episode(data))
    assert set(arrays) == {
        *("step", "reward", "extras.some", "present.extras.some", "extras.late", "present.extras.late"),
        *("extras.picture", "present.extras.picture"),
    }
    assert arrays["reward"].dtype == np.float64
    assert arrays["reward"].tolist() == [0, 1, 2, 3, 0.1, 1.1, 2.1, 3.1]
    assert arrays["extras.some"].tolist() == [1, 0, 2, 3, 0, 0, 0, 0]
    assert arrays["present.extras.some"].tolist() == [*PRESENT, *[False] * 4]
    np.testing.assert_array_equal(arrays["extras.late"], [np.nan] * 4 + [1.0] * 4)
    np.testing.assert_array_equal(arrays["extras.picture"][:4], pictures)
    assert arrays["extras.picture"].shape == (8, 40, 40, 3)
