"""What a trainer on a real server notices when the server freezes, dies, forgets or fills: nothing. What is lost is counted."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.sender import keeper
from recorder.step_stream import Play, RedisStepStream
from tests.capture.killable_server import KillableServer
from tests.capture.recorded import STEP, assert_adds_up, ends, finished_episodes, record
from tests.processes import PythonProcess
from tests.waiting import DEADLINE_SECS, wait_until

RUN = "run"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KillableServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    with KillableServer(folder) as server:
        yield server


def record_to(server: KillableServer, *, black_box_bytes: int = 2**22, **limits: Any) -> EpisodeRecorder:
    """A recorder that is quick to send and quick to notice."""
    stream = RedisStepStream(server.url, purpose="trainer", socket_timeout_secs=0.2)
    pace = {"flush_interval_secs": 0.01, "heartbeat_secs": 0.05}
    return EpisodeRecorder(
        stream, run_id=RUN, black_box_bytes=black_box_bytes, limits=PublisherLimits(**{**pace, **limits})
    )


def wait_sent(recorder: EpisodeRecorder, n_steps: int) -> None:
    """Wait until so many steps have been encoded and acknowledged."""

    def is_sent() -> bool:
        stats = recorder.stats()
        return stats.n_recorded_steps >= n_steps and stats.is_connected and stats.n_bytes_pending == 0

    wait_until(is_sent, message=f"{n_steps} steps with the server")
    # The counters are written before a flush; the one after them has all of it.
    n_sent = recorder.stats().n_bytes_sent
    wait_until(lambda: recorder.stats().n_bytes_sent == n_sent and is_sent(), message="the last flush")


def assert_whole(server: KillableServer, lengths: dict[int, int]) -> None:
    """These episodes have ended, each once, with every one of their steps."""
    stream = RedisStepStream(server.url)
    with contextlib.closing(stream):
        found = finished_episodes(stream, RUN)
        assert set(found) == set(lengths)
        for episode_id, n_steps in lengths.items():
            assert found[episode_id].gaps == []
            assert found[episode_id].episode.column("reward").tolist() == list(range(n_steps))
        assert {(body["episode_id"], body["play_id"]) for body in ends(stream, RUN) if body["kind"] == "end"} == {
            (ended.body["episode_id"], ended.body["play_id"]) for ended in found.values()
        }, "an end that is sent twice names the same play"


def test_a_server_that_never_answers_makes_no_call_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "CLOSE_GRACE_SECS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        recorder = EpisodeRecorder(
            RedisStepStream(f"redis://127.0.0.1:{port}", purpose="trainer", socket_timeout_secs=60)
        )
        silent.settimeout(DEADLINE_SECS)
        connection, _ = silent.accept()  # the background thread waits for an answer from here on
        with connection:
            n_returned = 0
            for step in range(3000):
                recorder.record_step(7, step, **STEP)
                recorder.record_batch([8, 9], [step, step], None, None, None, [1.0, 1.0])
                n_returned += 1
            recorder.keep(7, "odd")
            recorder.finish_episode(7)
            recorder.abort(8, "why not")
            assert recorder.stats().n_bytes_waiting > 3000 * 80
            assert n_returned == 3000, "and nobody has answered yet"
        assert not recorder.close(timeout_secs=0.1)


def test_a_server_that_freezes_in_mid_run_loses_nothing(server: KillableServer) -> None:
    recorder = record_to(server)
    record(recorder, 1, range(500))
    wait_sent(recorder, 500)
    server.freeze()
    record(recorder, 1, range(500, 1000))
    recorder.finish_episode(1)
    record(recorder, 2, range(700))
    wait_until(lambda: recorder.stats().n_errors >= 2, message="failures to send")
    assert not recorder.stats().is_connected
    record(recorder, 2, range(700, 1000))
    server.thaw()
    recorder.finish_episode(2)
    assert recorder.close()
    assert_whole(server, {1: 1000, 2: 1000})
    stats = recorder.stats()
    assert (stats.n_missing_steps, stats.is_connected) == (0, True)
    assert stats.n_reconnects >= 1


def test_a_server_that_is_killed_and_comes_back_with_its_file_loses_nothing(server: KillableServer) -> None:
    recorder = record_to(server)
    record(recorder, 1, range(500))
    wait_sent(recorder, 500)
    server.kill()
    record(recorder, 1, range(500, 1000))
    recorder.finish_episode(1)
    record(recorder, 2, range(300))
    wait_until(lambda: not recorder.stats().is_connected, message="the loss of the server")
    server.start()
    recorder.finish_episode(2)
    assert recorder.close()
    assert_whole(server, {1: 1000, 2: 300})
    assert recorder.stats().n_missing_steps == 0


def test_a_server_that_forgot_its_last_moments_is_told_them_again(server: KillableServer) -> None:
    recorder = record_to(server)
    record(recorder, 1, range(300))
    wait_sent(recorder, 300)
    known_bytes = server.log_bytes
    record(recorder, 1, range(300, 600))
    recorder.finish_episode(1)
    record(recorder, 2, range(300))
    wait_sent(recorder, 900)
    wait_until(lambda: server.log_bytes > known_bytes, message="the log of the server")
    server.kill()
    server.cut_log(known_bytes)
    wait_until(lambda: not recorder.stats().is_connected, message="the loss of the server")
    server.start()
    record(recorder, 2, range(300, 400))
    recorder.finish_episode(2)
    assert recorder.close()
    with contextlib.closing(RedisStepStream(server.url)) as stream:
        assert stream.open_plays(RUN) == []
    assert_whole(server, {1: 600, 2: 400})


def test_a_restart_between_two_sends_which_no_send_notices_is_noticed_too(server: KillableServer) -> None:
    # No episode is open, so nothing is sent of itself but a heartbeat, which comes after the restart.
    recorder = record_to(server, heartbeat_secs=2.0)
    record(recorder, 1, range(600))
    recorder.finish_episode(1)
    known_bytes = server.log_bytes
    wait_sent(recorder, 600)
    wait_until(lambda: server.log_bytes > known_bytes, message="the log of the server")
    n_sent = recorder.stats().n_bytes_sent
    server.kill()
    server.cut_log(known_bytes)
    server.start()
    wait_until(lambda: recorder.stats().n_bytes_sent > n_sent, message="the repetition")
    assert recorder.close()
    assert_whole(server, {1: 600})


def test_a_server_that_forgot_everything_is_told_again_what_is_still_known(server: KillableServer) -> None:
    recorder = record_to(server)
    record(recorder, 1, range(600))
    wait_sent(recorder, 600)
    server.kill()
    server.lose_everything()
    server.start()
    record(recorder, 1, range(600, 900))
    recorder.finish_episode(1)
    assert recorder.close()
    assert_whole(server, {1: 900})


def test_what_exceeds_the_ring_while_the_server_is_away_is_counted_and_marked(server: KillableServer) -> None:
    recorder = record_to(server, max_pending_bytes=5_000, black_box_bytes=2**20)
    record(recorder, 1, range(100))
    wait_sent(recorder, 100)
    server.kill()
    record(recorder, 1, range(100, 30_000))
    recorder.finish_episode(1)
    record(recorder, 2, range(100))
    recorder.finish_episode(2)
    assert recorder.stats().n_dropped_steps
    server.start()
    wait_until(lambda: recorder.stats().n_bytes_waiting == 0, message="the server")
    record(recorder, 3, range(100))
    recorder.finish_episode(3)
    assert recorder.close()
    stats = recorder.stats()
    with contextlib.closing(RedisStepStream(server.url)) as stream:
        found = finished_episodes(stream, RUN)
    assert_adds_up(stats, 30_200)
    n_read = n_missing = 0
    for ended in found.values():
        assert [step.reward for step in ended.episode.steps()] == ended.episode.step_numbers.tolist()
        assert all(reason == "dropped" for _, _, reason in ended.gaps)
        n_read += ended.episode.n_steps
        n_missing += sum(end - first for first, end, _ in ended.gaps if end is not None)
    assert (n_read, n_missing, stats.n_lost_steps) == (stats.n_recorded_steps, stats.n_dropped_steps, 0)
    assert found[1].episode.n_steps > 5_000, "the ring was used"
    assert found[1].metadata.survival_steps == 30_000
    assert found[3].gaps == []


def test_a_server_that_is_nearly_full_makes_the_recorder_pause_and_recover(server: KillableServer) -> None:
    with contextlib.closing(server.client()) as client, contextlib.closing(RedisStepStream(server.url)) as stream:
        recorder = record_to(server)
        record(recorder, 1, range(300))
        wait_sent(recorder, 300)
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
        wait_until(lambda: recorder.stats().is_server_full, message="the pause")
        record(recorder, 1, range(300, 700))
        recorder.finish_episode(1)
        wait_until(lambda: recorder.stats().n_episodes_finished == 1, message="the end")
        (before,) = stream.runs()
        wait_until(lambda: stream.runs() != [before], message="a heartbeat, which goes on")
        assert ends(stream, RUN) == []
        assert recorder.stats().n_bytes_pending > 0
        client.config_set("maxmemory", 0)
        wait_until(lambda: ends(stream, RUN), message="the end of the pause")
        wait_until(lambda: not recorder.stats().is_server_full, message="the counters of after the pause")
        assert recorder.close()
    assert_whole(server, {1: 700})


def test_a_server_that_refuses_writes_gets_them_when_it_has_room(server: KillableServer) -> None:
    with contextlib.closing(server.client()) as client, contextlib.closing(RedisStepStream(server.url)) as stream:
        # The share that is kept free is no protection from what others write.
        recorder = record_to(server, server_memory_fraction=1000.0)
        record(recorder, 1, range(300))
        wait_sent(recorder, 300)
        client.config_set("maxmemory", 1)
        record(recorder, 1, range(300, 700))
        recorder.finish_episode(1)
        wait_until(lambda: "the server is full" in recorder.stats().last_error, message="a refusal")
        assert ends(stream, RUN) == []
        client.config_set("maxmemory", 0)
        assert recorder.close()
    assert_whole(server, {1: 700})
    assert recorder.stats().n_missing_steps == 0


def test_two_trainers_share_a_run(server: KillableServer) -> None:
    recorders = [record_to(server), record_to(server)]

    def train(number: int) -> None:
        for episode_id in range(number, 20, 2):
            record(recorders[number], episode_id, range(50), lane=number)
            recorders[number].finish_episode(episode_id)

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with contextlib.closing(RedisStepStream(server.url)) as stream:
        wait_until(lambda: len(stream.run_info(RUN).producers) == 2, message="both trainers with the server")
        assert recorders[0].close()
        producers = stream.run_info(RUN).producers
        assert sorted(producer["closed"] for producer in producers.values()) == [False, True]
        assert recorders[1].close()
        assert all(producer["closed"] for producer in stream.run_info(RUN).producers.values())
        assert sum(producer["n_recorded_steps"] for producer in stream.run_info(RUN).producers.values()) == 1000
        assert {number: ended.metadata.lane for number, ended in finished_episodes(stream, RUN).items()} == {
            number: number % 2 for number in range(20)
        }
        # A trainer that had no answer in time sends its end again.
        assert {body["producer"] for body in ends(stream, RUN) if body["kind"] == "run_end"} == set(producers)
    assert_whole(server, dict.fromkeys(range(20), 50))


TRAINER = """
import sys, time
from recorder import EpisodeRecorder
recorder = EpisodeRecorder(sys.argv[1], run_id="run", on_full="block")
step = 0
while True:
    for _ in range(1000):
        recorder.record_step(7, step, (1, 2), (0.5,), 0, float(step))
        step += 1
    print("steps", step, flush=True)
"""


def test_a_trainer_that_is_killed_leaves_an_open_play_with_every_step_that_was_acknowledged(
    server: KillableServer,
) -> None:
    with contextlib.closing(RedisStepStream(server.url)) as stream, PythonProcess("-c", TRAINER, server.url) as trainer:
        wait_until(lambda: stream.episodes_held(RUN), message="the first entry")
        # A play is listed by the transaction that brings its first entry: whenever its trainer dies, someone looks for it.
        (open_play,) = stream.open_plays(RUN)
        trainer.wait_for("steps 5000")
        trainer.kill()
        assert [play.play for play in stream.open_plays(RUN)] == [open_play.play]
        entries = stream.read_plays(RUN, [Play(7, open_play.play.play_id)])[0]
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        (producer,) = stream.run_info(RUN).producers.values()
        assert (producer["closed"], producer["pid"]) == (False, trainer.pid)
        assert len(entries) - 1 >= producer["n_chunks"] - 1 - producer["n_bytes_pending"]


def test_no_connection_is_left_open_after_close(server: KillableServer) -> None:
    recorder = EpisodeRecorder(server.url, run_id=RUN)
    record(recorder, 1, range(10))
    assert recorder.close()
    with contextlib.closing(server.client()) as client:
        wait_until(
            lambda: [it["name"] for it in client.client_list() if it["name"] == "hamlet-trainer"] == [],
            message="their end",
        )
