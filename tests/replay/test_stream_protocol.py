"""Streams of chunks: what is sent are the file's bytes, as many as were asked for, and programs can read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import Catalog
from recorder.chunk import decode_chunk
from recorder.episode_file import open_episode
from recorder.errors import RecordingNotFoundError, StreamUnavailableError
from recorder.replay.client import ReplayClient
from recorder.schema import EpisodeSchema
from recorder.storage import episode_path
from replay_server.limits import Limits
from tests.episodes import add_episode, make_columns
from tests.replay.conftest import Connect, Served, connecting, make_app, serving_here


def test_chunks_are_the_files_bytes(connect: Connect, server: Served) -> None:
    viewer = connect()
    viewer.send(type="open", id=7, run_id="long", episode_id=1, credit=10)
    opened = viewer.receive("opened")
    episode = open_episode(server.folder / episode_path("long", 1))
    assert opened["total_steps"] == 1000
    assert opened["content_hash"] == episode.content_hash
    assert [row[:3] for row in opened["chunks"]] == [[r.first_step, r.n_steps, r.n_bytes] for r in episode.chunks]
    assert [row[3] for row in opened["chunks"]] == [0.0, 256.0, 512.0, 768.0]
    for number in range(4):
        assert viewer.receive_chunk(7) == (number, episode.chunk_bytes(number))
    assert viewer.receive("eof")["id"] == 7


def test_chunks_are_sent_only_against_credit(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="open", id=0, run_id="long", episode_id=1, credit=1)
    viewer.receive("opened")
    assert viewer.receive_chunk(0)[0] == 0
    viewer.send(type="list_recordings", limit=0)
    viewer.receive("recordings_list")
    viewer.send(type="credit", id=0, n=2)
    assert [viewer.receive_chunk(0)[0] for _ in range(2)] == [1, 2]
    viewer.send(type="list_recordings", limit=0)
    viewer.receive("recordings_list")


def test_seek_goes_to_the_chunk_that_holds_the_step(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="open", id=1, run_id="long", episode_id=1, credit=1, **{"from": 600})
    assert viewer.receive("opened")["next_chunk"] == 2
    assert viewer.receive_chunk(1)[0] == 2
    viewer.send(type="seek", id=1, step=255)
    assert viewer.receive("seeked") == {"type": "seeked", "id": 1, "step": 255, "next_chunk": 0}
    assert viewer.receive_chunk(1)[0] == 0
    viewer.send(type="seek", id=1, step=999, credit=5)
    viewer.receive("seeked")
    assert viewer.receive_chunk(1)[0] == 3
    viewer.receive("eof")


@pytest.mark.parametrize("run_id", ["demo", "old", "plain", "gaps", "nowhere", "deep"])
def test_every_kind_of_recording_is_streamed_the_same_way(connect: Connect, server: Served, run_id: str) -> None:
    episode_id = 100 if run_id == "demo" else 1
    viewer = connect()
    viewer.send(type="open", id=2, run_id=run_id, episode_id=episode_id, credit=8)
    opened = viewer.receive("opened")
    schema = EpisodeSchema.from_list(opened["schema"])
    chunks = [decode_chunk(viewer.receive_chunk(2)[1], schema) for _ in opened["chunks"]]
    with Catalog(server.folder / "catalog.db", read_only=True) as catalog:
        row = catalog.get_recording(run_id, episode_id)
    episode = open_episode(server.folder / row.file_path)
    for name, values in episode.columns().items():
        sent = [data.values for chunk in chunks if (data := chunk.column(name)) is not None]
        np.testing.assert_array_equal(np.concatenate(sent), values)
    assert [gap[:2] for gap in opened["gaps"]] == ([[16, 32]] if run_id == "gaps" else [])


def test_a_large_chunk_comes_in_parts(tmp_path: Path) -> None:
    columns = {
        **make_columns(40),
        "extras.image": np.random.default_rng(0).integers(0, 256, (40, 64, 64), dtype=np.uint8),
    }
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_episode(catalog, tmp_path, run_id="images", episode_id=1, n_steps=40, columns=columns)
    with serving_here(make_app(tmp_path)) as port, connecting(port) as connect:
        viewer = connect()
        viewer.send(type="open", id=1, episode_id=1)
        opened = viewer.receive("opened")
        _, frame = viewer.receive_chunk(1)
        assert len(frame) > 2 * 64 * 1024
        image = decode_chunk(frame, EpisodeSchema.from_list(opened["schema"])).column("extras.image")
        assert image is not None
        np.testing.assert_array_equal(image.values, columns["extras.image"])


def test_an_outline_marks_notable_steps(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="open", id=1, run_id="long", episode_id=1, credit=0)
    opened = viewer.receive("opened")
    kinds = {marker["kind"] for marker in opened["markers"]}
    assert {"low_meter", "end"} <= kinds
    lows = [marker for marker in opened["markers"] if marker["kind"] == "low_meter"]
    assert all(marker["label"].endswith("%") for marker in lows)
    assert opened["overview"]["index"][-1] == 999
    assert opened["overview"]["cumulative_reward"][-1] == 1000.0
    assert len(opened["overview"]["meters"]) == 8
    for start, stop in opened["dull"]:
        assert stop - start >= 12


def test_streams_are_independent_and_bounded_in_number(connect: Connect) -> None:
    viewer = connect()
    limit = Limits().max_streams
    for stream_id in range(limit):
        viewer.send(type="open", id=stream_id, run_id="long", episode_id=1, credit=0)
        viewer.receive("opened")
    viewer.send(type="open", id=limit, run_id="long", episode_id=1)
    assert viewer.receive("error")["code"] == "too_many"
    viewer.send(type="close", id=3)
    assert viewer.receive("closed") == {"type": "closed", "id": 3}
    viewer.send(type="open", id=limit, run_id="old", episode_id=1)
    viewer.receive("opened")
    assert viewer.receive_chunk(limit)[0] == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "open", "id": 1, "run_id": "long", "episode_id": 1, "from": 1000}, "bad_message"),
        ({"type": "open", "id": 65536, "run_id": "long", "episode_id": 1}, "bad_message"),
        ({"type": "open", "id": 1, "run_id": "long", "episode_id": 1, "credit": 65}, "bad_message"),
        ({"type": "open", "id": 1, "run_id": "long", "episode_id": 2}, "not_found"),
        ({"type": "credit", "id": 1, "n": 1}, "no_episode"),
        ({"type": "follow", "id": 1}, "bad_message"),
    ],
)
def test_an_invalid_stream_message_is_answered_with_an_error(
    connect: Connect, message: dict[str, object], code: str
) -> None:
    viewer = connect()
    viewer.send(**message)
    error = viewer.receive("error")
    assert (error["code"], error["re"]) == (code, message["type"])
    assert error.get("id") == (None if message["id"] == 65536 else 1)


def test_the_python_client_reads_an_episode(server: Served) -> None:
    with ReplayClient(f"http://127.0.0.1:{server.port}/") as client:
        assert client.list_recordings(run_id="long")[0]["n_steps"] == 1000
        episode = client.open(1, "long", start=300, credit=1)
        chunks = list(episode)
        assert [chunk.first_step for chunk in chunks] == [256, 512, 768]
        reward = chunks[-1].column("reward")
        assert reward is not None
        assert reward.values.sum() == 232
        with pytest.raises(RecordingNotFoundError, match=r"^Recording not found"):
            client.open(12345)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library leaves its socket open
def test_the_python_client_reports_that_no_server_answers() -> None:
    with pytest.raises(StreamUnavailableError, match="the replay server can't be reached"):
        ReplayClient("http://127.0.0.1:9/")
