"""Following while episodes follow one another quickly, while the step stream is away, and beside hundreds of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from recorder.settings import load_settings
from recorder.step_stream import CHUNK, Flush, MemoryStepStream, Outgoing
from replay_server import app as app_module
from replay_server.app import create_app
from replay_server.episodes import live as live_module
from replay_server.episodes.live import LiveEpisodes
from replay_server.limits import Limits
from replay_server.socket import follow as follow_module
from tests.episodes import make_columns
from tests.replay.conftest import Connect, connecting, serving_here
from tests.replay.trainer import CHUNK_STEPS, Trainer
from tests.replay.troubled_stream import TroubledStream
from tests.replay.viewer import PART, LazyViewer
from tests.waiting import wait_until


@pytest.fixture
def stream() -> TroubledStream:
    return TroubledStream()


@contextmanager
def serving(folder: Path, stream: TroubledStream, *, limits: Limits | None = None) -> Iterator[int]:
    settings = load_settings(env={}, overrides={"recordings_dir": str(folder)})
    with serving_here(create_app(settings, stream=stream, limits=limits)) as port:
        yield port


@pytest.fixture
def connect(folder: Path, stream: TroubledStream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connects viewers to a server without a cache for live chunks: it fetches each from the stream again."""
    monkeypatch.setattr(app_module, "_LIVE_SHARE", 2**62)
    with serving(folder, stream) as port, connecting(port) as make:
        yield make
        stream.lets_pass.set()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is over as soon as the server is back."""
    monkeypatch.setattr(follow_module, "_RETRY_SECS", 0.02)


def begun(stream: MemoryStepStream, episode_id: int = 1, *, run_id: str = "r", play_id: int = 1) -> Trainer:
    """A trainer that has sent a header and one chunk."""
    trainer = Trainer(stream, run_id, episode_id, play_id=play_id)
    trainer.begin()
    trainer.send_chunk(0)
    return trainer


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_late_chunk_is_not_taken_for_one_of_the_next_episode(
    connect: Connect, stream: TroubledStream, is_dropped: bool
) -> None:
    first = begun(stream, 1)
    stream.lets_pass.clear()
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r", credit=1)
    assert viewer.receive("opened")["episode_id"] == 1
    wait_until(lambda: stream.n_held == 1, message="the fetch of the first episode's chunk")
    first.end()
    if is_dropped:
        first.drop()
    second = begun(stream, 2, play_id=2)
    assert viewer.skip_to("opened")["episode_id"] == 2
    stream.lets_pass.set()
    assert viewer.receive_chunk(3) == (0, second.chunks[0][2])


def test_a_late_chunk_is_not_sent_on_a_reopened_stream(connect: Connect, stream: TroubledStream) -> None:
    trainer = begun(stream)
    stream.lets_pass.clear()
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r", credit=1)
    viewer.receive("opened")
    wait_until(lambda: stream.n_held == 1, message="the fetch of the chunk")
    viewer.send(type="open", id=3, run_id="long", episode_id=1, credit=0)
    assert viewer.receive("opened")["live"] is False
    stream.lets_pass.set()
    viewer.send(type="follow", id=4, run_id="r", credit=1)
    viewer.receive("opened")
    assert viewer.receive_chunk(4) == (0, trainer.chunks[0][2])


def test_a_half_sent_chunk_is_dropped_when_the_episode_is_played_again(folder: Path, stream: TroubledStream) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (CHUNK_STEPS, 512, 1024), dtype=np.uint8)
    columns = {**make_columns(CHUNK_STEPS), "extras.noise": noise}  # more than the system itself would hold
    first = Trainer(stream, "r", 1, play_id=1, columns=columns)
    first.begin()
    first.send_chunk(0)
    limits = Limits(high_water_bytes=64 * 1024)
    with serving(folder, stream, limits=limits) as port, LazyViewer(port) as viewer:
        viewer.send(type="follow", id=1, run_id="r", episode_id=1, credit=2)
        while not (isinstance(message := viewer.receive(), dict) and message["type"] == "opened"):
            pass
        second = begun(stream, play_id=2)
        n_before = stream.n_reads
        # The server polls again after each report; the fourth poll sees the second play.
        wait_until(lambda: stream.n_reads >= n_before + 4, message="the server's looks at the stream")
        while isinstance(message := viewer.receive(), bytes):
            assert not PART.unpack_from(message)[1], "the last part of the first play's chunk"
        assert message["type"] == "opened"
        message = viewer.receive()
        assert isinstance(message, bytes)
        assert PART.unpack_from(message)[4:] == (0, len(second.chunks[0][2]))


def test_each_outage_is_reported_once_and_no_chunk_is_repeated(
    connect: Connect, stream: TroubledStream, hasty: None
) -> None:
    trainer = begun(stream)
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r", credit=9, last_seq="1-1")
    assert viewer.receive("opened")["resumed"] is True
    assert viewer.receive_chunk(3)[0] == 0
    for number in (1, 2):
        stream.is_away = True
        assert viewer.receive("error")["code"] == "unavailable"
        stream.is_away = False
        back = viewer.receive("grown")
        assert (back["chunks"], back["total_steps"]) == ([], number * CHUNK_STEPS)
        trainer.send_chunk(number)
        assert len(viewer.receive("grown")["chunks"]) == 1
        assert viewer.receive_chunk(3) == (number, trainer.chunks[number][2])


def test_a_chunk_that_an_outage_delayed_is_sent_afterwards(
    connect: Connect, stream: TroubledStream, hasty: None
) -> None:
    trainer = begun(stream)
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r", credit=0)
    viewer.receive("opened")
    stream.is_away = True
    assert viewer.receive("error")["code"] == "unavailable"
    viewer.send(type="seek", id=3, step=0, credit=1)
    viewer.receive("seeked")
    assert viewer.receive("error")["code"] == "unavailable"
    stream.is_away = False
    viewer.skip_to("grown")
    assert viewer.receive_chunk(3) == (0, trainer.chunks[0][2])


def test_a_waiting_viewer_is_notified_of_an_outage_and_its_end(
    connect: Connect, stream: TroubledStream, hasty: None
) -> None:
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r")
    viewer.receive("waiting")
    for _ in range(2):
        stream.is_away = True
        assert viewer.receive("error")["code"] == "unavailable"
        stream.is_away = False
        viewer.receive("waiting")


def test_a_corrupt_entry_is_reported_as_unreadable(connect: Connect, stream: TroubledStream) -> None:
    trainer = begun(stream)
    rubbish = Outgoing(trainer.play, 9, CHUNK, b"rubbish")
    stream.send("r", Flush([rubbish], active={trainer.play: time.time()}))
    viewer = connect()
    viewer.send(type="follow", id=3, run_id="r", episode_id=1)
    assert viewer.receive("error")["code"] == "unreadable"


def test_followers_continue_after_the_server_dropped_its_cache(
    connect: Connect, stream: TroubledStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "_MAX_KEPT", 1)
    monkeypatch.setattr(live_module, "_FOLLOWED_SECS", 0.0)
    trainers = [begun(stream, episode_id) for episode_id in (1, 2)]
    viewers = [connect() for _ in trainers]
    for episode_id, viewer in enumerate(viewers, 1):
        viewer.send(type="follow", id=1, run_id="r", episode_id=episode_id, credit=9)
        viewer.receive("opened")
        viewer.receive_chunk(1)
    for number in (1, 2):
        for trainer, viewer in zip(trainers, viewers, strict=True):
            trainer.send_chunk(number)
            assert viewer.receive("grown")["total_steps"] == (number + 1) * CHUNK_STEPS
            assert viewer.receive_chunk(1) == (number, trainer.chunks[number][2])
    for trainer, viewer in zip(trainers, viewers, strict=True):
        trainer.drop()
        assert viewer.receive("ended")["total_steps"] == 3 * CHUNK_STEPS


def test_searching_a_lane_among_hundreds_does_not_disturb_followers(stream: TroubledStream) -> None:
    live = LiveEpisodes(stream, cache_bytes=2**20, clock=lambda: 0.0)
    begun(stream)
    followed = live.refresh("r", 1)
    for lane in range(300):
        Trainer(stream, "big", lane, lane=lane, n_chunks=1).begin()
    assert live.newest("big", 999) is None
    n_reads = stream.n_reads
    assert live.newest("big", 999) is None
    assert stream.n_reads == n_reads, "a lane is looked up once"
    assert live.newest("big", 7) == 7
    assert live.refresh("r", 1) is followed


def test_followed_episodes_stay_cached_and_unused_ones_are_dropped(stream: TroubledStream) -> None:
    now = 0.0
    live = LiveEpisodes(stream, cache_bytes=2**20, clock=lambda: now)
    begun(stream)
    followed = live.refresh("r", 1)
    for episode_id in range(300):
        live.refresh("other", episode_id)
    assert live.refresh("r", 1) is followed
    now = 60.0
    for episode_id in range(300):
        live.refresh("other", episode_id)
    assert live.refresh("r", 1) is not followed
