"""Watching an episode while it is recorded, through a real Redis."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from recorder.chunk import decode_chunk
from recorder.redis_server.embedded import EmbeddedServer
from recorder.replay.client import ReplayClient
from recorder.schema import EpisodeSchema
from recorder.step_stream import RedisStepStream
from tests.replay.conftest import Connect, Served
from tests.replay.trainer import Trainer


@pytest.fixture
def stream(redis_server: EmbeddedServer) -> Iterator[RedisStepStream]:
    stream = RedisStepStream(redis_server.url)
    yield stream
    stream.close()


@pytest.fixture
def run_id() -> str:
    """A run that no other test has."""
    return f"live-{uuid.uuid4()}"


@pytest.fixture
def trainer(stream: RedisStepStream, run_id: str) -> Trainer:
    """A trainer that has sent a header and two chunks of episode 5."""
    trainer = Trainer(stream, run_id, 5)
    trainer.begin()
    trainer.send_chunk(0)
    trainer.send_chunk(1)
    return trainer


def test_a_follower_gets_earlier_chunks_and_then_new_ones(connect: Connect, trainer: Trainer, run_id: str) -> None:
    viewer = connect()
    assert viewer.greeting["live"] is True
    viewer.send(type="follow", id=3, run_id=run_id, episode_id=5, credit=10)
    opened = viewer.receive("opened")
    assert (opened["live"], opened["resumed"], opened["total_steps"]) == (True, False, 32)
    assert [row[:2] for row in opened["chunks"]] == [[0, 16], [16, 16]]
    assert [viewer.receive_chunk(3) for _ in range(2)] == [(n, trainer.chunks[n][2]) for n in range(2)]
    trainer.send_chunk(2)
    grown = viewer.receive("grown")
    assert (grown["total_steps"], grown["last_seq"], grown["gaps"]) == (48, "1-4", [])
    assert grown["chunks"] == [[32, 16, len(trainer.chunks[2][2]), 32.0, 8.0]]
    assert viewer.receive_chunk(3) == (2, trainer.chunks[2][2])
    trainer.end()
    ended = viewer.receive("ended")
    assert (ended["episode_id"], ended["total_steps"]) == (5, 48)
    assert ended["metadata"]["affordance_layout"] == {"Bed": [2, 3], "Job": [5, 6]}


def test_a_follower_scrubs_back_while_the_episode_goes_on(connect: Connect, trainer: Trainer, run_id: str) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, credit=0)
    viewer.receive("opened")
    viewer.send(type="seek", id=1, step=20, credit=1)
    assert viewer.receive("seeked")["next_chunk"] == 1
    assert viewer.receive_chunk(1)[0] == 1
    trainer.send_chunk(2)
    viewer.receive("grown")
    viewer.send(type="seek", id=1, step=0, credit=2)
    viewer.receive("seeked")
    assert [viewer.receive_chunk(1)[0] for _ in range(2)] == [0, 1]


def test_a_lost_chunk_is_a_gap(connect: Connect, trainer: Trainer, run_id: str) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, episode_id=5, credit=0)
    viewer.receive("opened")
    trainer.send_chunk(4)
    grown = viewer.receive("grown")
    assert grown["gaps"] == [[32, 64, "dropped"]]
    assert grown["chunks"][0][:2] == [64, 16]


def test_a_reconnected_follower_continues_after_its_last_chunk(connect: Connect, trainer: Trainer, run_id: str) -> None:
    first = connect()
    first.send(type="follow", id=1, run_id=run_id, episode_id=5, credit=10)
    last_seq = first.receive("opened")["last_seq"]
    first.close()
    trainer.send_chunk(2)
    again = connect()
    again.send(type="follow", id=1, run_id=run_id, episode_id=5, credit=10, last_seq=last_seq)
    opened = again.receive("opened")
    assert (opened["resumed"], opened["next_chunk"]) == (True, 2)
    if opened["total_steps"] == 32:  # read a moment before the third chunk came
        again.receive("grown")
    assert again.receive_chunk(1)[0] == 2


def test_an_episode_that_is_played_again_starts_over(
    connect: Connect, trainer: Trainer, stream: RedisStepStream, run_id: str
) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, episode_id=5, credit=10)
    last_seq = viewer.receive("opened")["last_seq"]
    for _ in range(2):
        viewer.receive_chunk(1)
    second = Trainer(stream, run_id, 5, play_id=2)
    second.begin()
    second.send_chunk(0)
    opened = viewer.skip_to("opened")
    assert (opened["resumed"], opened["last_seq"].partition("-")[0]) == (False, "2")
    late = connect()
    late.send(type="follow", id=1, run_id=run_id, episode_id=5, last_seq=last_seq)
    assert late.receive("opened")["resumed"] is False


def test_following_a_run_moves_from_one_episode_to_the_next(
    connect: Connect, stream: RedisStepStream, run_id: str
) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, credit=64)
    assert viewer.receive("waiting") == {"type": "waiting", "id": 1, "run_id": run_id}
    for episode_id in (1, 2):
        trainer = Trainer(stream, run_id, episode_id, n_chunks=1)
        trainer.begin()
        trainer.send_chunk(0)
        assert viewer.skip_to("opened")["episode_id"] == episode_id
        trainer.end()
        assert viewer.skip_to("ended")["episode_id"] == episode_id


def test_a_lane_can_be_followed(connect: Connect, stream: RedisStepStream, run_id: str) -> None:
    for lane in (0, 1, 2):
        Trainer(stream, run_id, 10 + lane, lane=lane).begin()
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, lane=1)
    assert viewer.receive("opened")["episode_id"] == 11


def test_an_episode_that_a_worker_drops_ends_for_its_followers(connect: Connect, trainer: Trainer, run_id: str) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, episode_id=5, credit=0)
    viewer.receive("opened")
    trainer.drop()
    assert viewer.receive("ended")["total_steps"] == 32


def test_a_finished_episode_is_followed_from_its_file(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id="long", episode_id=1)
    opened = viewer.receive("opened")
    assert (opened["live"], opened["total_steps"]) == (False, 1000)
    assert viewer.receive_chunk(1)[0] == 0
    viewer.send(type="follow", id=1, run_id="long", episode_id=2)
    assert viewer.receive("error")["code"] == "not_found"


def test_the_python_client_follows_to_the_end(server: Served, trainer: Trainer, run_id: str) -> None:
    with ReplayClient(f"http://127.0.0.1:{server.port}/") as client:
        episode = client.follow(run_id)
        numbers = []
        for chunk in episode:
            numbers.append(chunk.first_step)
            if len(numbers) < 6:
                trainer.send_chunk(len(numbers) + 1)
            elif len(numbers) == 6:
                trainer.end()
        assert numbers == [16 * n for n in range(7)]
        assert episode.total_steps == 112
        assert episode.metadata["survival_steps"] == 128


def test_live_chunks_decode_with_the_announced_schema(connect: Connect, trainer: Trainer, run_id: str) -> None:
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, credit=1)
    schema = EpisodeSchema.from_list(viewer.receive("opened")["schema"])
    reward = decode_chunk(viewer.receive_chunk(1)[1], schema).column("reward")
    assert reward is not None
    assert reward.values.tolist() == [1.0] * 16


def test_live_runs_and_episodes_are_listed(server: Served, trainer: Trainer, run_id: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/runs/{run_id}/live") as answer:
        assert b'"episode_id":5' in answer.read()


def test_lanes_that_are_recorded_are_listed_and_a_viewer_can_stay_in_one(
    server: Served, connect: Connect, trainer: Trainer, run_id: str
) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/runs/{run_id}/live?lanes=4") as answer:
        (lane,) = json.load(answer)["lanes"]
    viewer = connect()
    viewer.send(type="follow", id=1, run_id=run_id, lane=lane + 1, waits=True, stays=True)
    viewer.send(type="follow", id=2, run_id=run_id, lane=lane, waits=True, stays=True, credit=0)
    assert viewer.receive("waiting")["id"] == 1
    assert viewer.receive("opened")["id"] == 2
    viewer.send(type="follow", id=3, run_id=run_id, lane=lane + 1, waits=True, credit=0)
    assert viewer.receive("waiting")["id"] == 3
    assert viewer.receive("opened")["id"] == 3, "who does not stay gets another lane, and who stays does not"
