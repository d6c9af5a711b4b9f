"""What workers do with pictures: small chunks become large ones, whole, and version 1 leaves pictures out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recorder import EpisodeRecorder, RecordingWriter
from recorder.chunk import ColumnData, decode_chunk, encode_chunk, spec_of
from recorder.episode_file import open_episode
from recorder.schema import EpisodeSchema
from tests.capture.recorded import STEP
from worker.ingest.compact import compact_chunks
from worker.ingest.context import IngestLimits

N_STEPS = 120
KEEP_ALL = {"periodic": {"interval": 1}}
BACKGROUND = np.random.default_rng(6).integers(0, 256, (64, 48, 3), np.uint8)


def pictures() -> np.ndarray:
    found = np.repeat(BACKGROUND[None], N_STEPS, axis=0)
    for step in range(N_STEPS):
        found[step, step % 60 : step % 60 + 3] = 255
    return found


def test_small_chunks_of_pictures_are_joined_with_those_that_lack_some() -> None:
    seen, present = pictures(), np.arange(N_STEPS) % 5 != 2
    present[40:50] = False
    columns = {"reward": ColumnData(np.ones(N_STEPS, "<f4")), "extras.observation": ColumnData(seen)}
    schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
    chunks = []
    for first in range(0, N_STEPS, 10):
        here = slice(first, first + 10)
        part = {"reward": ColumnData(columns["reward"].values[here])}
        if present[here].any():
            part["extras.observation"] = ColumnData(seen[here][present[here]], present[here])
        frame = encode_chunk(schema, first_step=first, n_steps=10, columns=part)
        chunks.append(decode_chunk(frame, schema))
    joined = [decode_chunk(frame, schema) for _, _, frame in compact_chunks(chunks, schema)]
    assert [(chunk.first_step, chunk.n_steps) for chunk in joined] == [(0, 40), (40, 10), (50, 70)]
    for chunk in joined:
        for row in range(chunk.n_steps):
            step = chunk.first_step + row
            found = chunk.value("extras.observation", row)
            assert (found is not None) == present[step]
            if found is not None:
                np.testing.assert_array_equal(found, seen[step])


def test_a_recorded_file_has_its_pictures_and_one_of_version_1_all_else(tmp_path: Path) -> None:
    for file_format, has_pictures in ((2, True), (1, False)):
        folder = tmp_path / str(file_format)
        recorder = EpisodeRecorder(strict=True, sender="thread", run_id="seen")
        limits = IngestLimits(format=file_format)
        with RecordingWriter(recorder, folder / "catalog.db", folder, criteria=KEEP_ALL, limits=limits):
            for step, picture in enumerate(pictures()):
                recorder.record_step(1, step, **STEP, extras={"observation": picture, "value": 0.5})
            recorder.finish_episode(1)
        (path,) = folder.glob("seen/*.lz4")
        episode = open_episode(path)
        assert (episode.version, episode.n_steps) == (file_format, N_STEPS)
        assert episode.column("extras.value").tolist() == [0.5] * N_STEPS
        assert episode.has_column("extras.observation") == has_pictures
        if has_pictures:
            np.testing.assert_array_equal(episode.column("extras.observation"), pictures())
            assert path.stat().st_size < 3 * BACKGROUND.nbytes
