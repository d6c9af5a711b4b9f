"""The loop: what it sends, when it ends, what it says, and what it leaves in the ring."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder.black_box import Outcome, Ring
from recorder.publish.publisher import Publisher
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from tests.capture.recorded import ends, finished_episodes
from tests.publish.far_stream import FarStream
from tests.publish.scene import LIMITS, Scene, n_steps_there
from tests.publish.trainer import PRODUCER, RUN, Messages, Trainer, block_layout


def publisher_of(trainer: Trainer, stream: StepStream, said: Messages | None = None, **limits: float) -> Publisher:
    return Publisher(
        stream, trainer.ring, None, replace(LIMITS, **limits), on_message=said if said is not None else Messages()
    )


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_run_arrives_and_the_ring_is_empty(kind: str, request: pytest.FixtureRequest) -> None:
    stream = RedisStepStream(request.getfixturevalue("redis_url")) if kind == "redis" else FarStream()
    trainer = Trainer()
    trainer.steps(0, range(600))
    trainer.finish(0)
    for step in range(300):
        trainer.record(block_layout(1, 3), episode_id=np.array([[1, 2, 3]]), step=step)
    trainer.abort(3, "no use")
    trainer.close()
    assert publisher_of(trainer, stream).run()
    found = finished_episodes(stream, RUN)
    assert {key: it.metadata.n_steps for key, it in found.items()} == {0: 600, 1: 300, 2: 300}
    assert ends(stream, RUN)[-1] == {"kind": "run_end", "producer": PRODUCER}
    assert trainer.ring.tail == trainer.ring.head
    assert trainer.ring.outcome is Outcome.ALL_SENT
    assert stream.open_plays(RUN) == []
    info = stream.run_info(RUN)
    assert info.info == {"config": {}}
    assert info.producers[PRODUCER]["n_recorded_steps"] == 1500
    assert info.producers[PRODUCER]["closed"]
    stream.close()


class CountedBeats(FarStream):
    """A stream that counts heartbeats."""

    n_beats = 0

    def beat(self, *args: Any, **options: Any) -> None:
        self.n_beats += 1
        super().beat(*args, **options)


def test_heartbeats_come_between_many_short_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.publish.publisher._READ_SECS", -1.0)  # as on a machine where each episode takes long
    stream = CountedBeats()
    trainer = Trainer()
    for episode_id in range(50):
        trainer.steps(episode_id, range(2))
        trainer.finish(episode_id)
    trainer.close()
    assert publisher_of(trainer, stream, heartbeat_secs=1e-9).run()
    assert len(finished_episodes(stream, RUN)) == 50
    assert stream.n_beats > 50
    stream.close()


def test_a_successor_on_a_real_server_goes_on_where_the_other_was(tmp_path: Path, redis_url: str) -> None:
    scene = Scene(tmp_path, 3)
    scene.stream = RedisStepStream(redis_url)  # type: ignore[assignment]
    for _ in range(5):
        n_turns = iter(range(4))
        scene.send(lambda turns=n_turns: scene.step() or next(turns, None) is None)
    scene.send_all()
    whole = Scene(tmp_path / "whole", 3)
    whole.send_all()
    assert scene.counters() == whole.counters()
    found, expected = finished_episodes(scene.stream, RUN), finished_episodes(whole.stream, RUN)
    assert {key: it.metadata.n_steps for key, it in found.items()} == {
        key: it.metadata.n_steps for key, it in expected.items()
    }
    scene.stream.close()


def test_what_is_not_sent_in_time_stays_in_the_ring_and_counts_as_lost(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0, n_calls=0)
    scene.stream.is_away = True
    scene.trainer.steps(0, range(300))
    scene.trainer.record(block_layout(1, 3), episode_id=np.array([[1, -1, 3]]), step=0)
    scene.trainer.close()
    scene.trainer.ring.close_by = time.time() + 0.2
    assert not scene.send(lambda: False)
    assert scene.trainer.ring.outcome is Outcome.SOMETHING_LEFT
    assert (scene.counters()["recorded_steps"], scene.counters()["lost_steps"]) == (0, 302)
    scene.stream.is_away = False
    scene.trainer.ring.close_by = 0.0
    scene.send_all()
    assert (scene.counters()["recorded_steps"], scene.counters()["lost_steps"]) == (302, 0)
    assert n_steps_there(scene.stream) == 302


def test_a_lane_that_stands_still_does_not_keep_the_others_from_the_ring() -> None:
    stream, trainer = FarStream(), Trainer()
    n_written = 0
    trainer.steps(9, range(3))

    def step() -> bool:
        nonlocal n_written
        while n_written < 40_000 and trainer.writer.room(20_000):
            trainer.steps(0, range(n_written, n_written + 100))
            n_written += 100
            if n_written == 40_000:
                trainer.close()
        return False

    assert publisher_of(trainer, stream, flush_interval_secs=3600.0).run(step)
    assert {key: it.metadata.n_steps for key, it in finished_episodes(stream, RUN).items()} == {0: 40_000, 9: 3}


def test_nothing_more_is_read_than_the_budget_has_room_for() -> None:
    stream, trainer = FarStream(), Trainer()
    stream.is_away = True
    n_turns = 0

    def step() -> bool:
        nonlocal n_turns
        n_turns += 1
        if n_turns < 50:
            trainer.steps(0, range(100 * n_turns, 100 * n_turns + 100))
        elif n_turns == 200:
            stream.is_away = False
            trainer.close()
        assert publisher._outbox.n_pending_bytes < 5_000
        return False

    publisher = publisher_of(trainer, stream, max_pending_bytes=2_000)
    assert publisher.run(step)
    assert finished_episodes(stream, RUN)[0].metadata.n_steps == 4_900


def test_sending_waits_while_the_server_is_full_and_goes_on_at_the_end() -> None:
    stream, trainer, said = MemoryStepStream(max_bytes=1), Trainer(), Messages()
    stream.expect_reader()
    n_turns = 0

    def step() -> bool:
        nonlocal n_turns
        n_turns += 1
        if n_turns <= 30:
            trainer.steps(0, range(20 * n_turns, 20 * n_turns + 20))
        if n_turns == 30:
            n_held.append(len(stream.read_episode(RUN, 0, limit=1000)))
        if n_turns == 60:
            n_held.append(len(stream.read_episode(RUN, 0, limit=1000)))
            trainer.close()
        return False

    n_held: list[int] = []
    assert publisher_of(trainer, stream, said).run(step)
    assert n_held[0] == n_held[1]
    assert [text for _, text in said if "sending waits for workers" in text]
    assert finished_episodes(stream, RUN)[0].metadata.n_steps == 600


def test_a_stream_that_nobody_reads_is_said_while_it_runs_and_at_its_end() -> None:
    stream, trainer, said = MemoryStepStream(), Trainer(), Messages()
    trainer.steps(0, range(5))
    trainer.close()
    assert publisher_of(trainer, stream, said).run()
    texts = [text for _, text in said]
    assert len(texts) == 2
    assert "nobody reads what is recorded in this process" in texts[0]
    assert "what was recorded is not kept (episodes: 1, steps: 5)" in texts[1]


def test_another_program_that_writes_into_the_ring_is_said_and_what_was_read_is_sent(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0, n_calls=0)
    trainer = scene.trainer
    trainer.steps(0, range(10))
    trainer.finish(0)
    spoilt_at = trainer.ring.ring_at + trainer.writer.head
    trainer.steps(1, range(10))
    trainer.ring.memory[spoilt_at : spoilt_at + 8] = b"\xff" * 8
    assert not scene.send(lambda: False)
    assert sorted(finished_episodes(scene.stream, RUN)) == [0]
    assert trainer.ring.outcome is Outcome.SOMETHING_LEFT
    assert [text for _, text in scene.said if "begins no record" in text]


def test_a_journal_of_another_program_is_left_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0, n_calls=0)
    scene.journal.write_bytes(b"somebody's notes, not a journal at all")
    scene.trainer.steps(0, range(10))
    scene.trainer.close()
    assert not scene.send(lambda: False)
    assert scene.journal.read_bytes() == b"somebody's notes, not a journal at all"
    assert scene.trainer.ring.tail == 0
    assert [text for _, text in scene.said if "begins with" in text]


def test_a_server_that_started_again_gets_its_last_seconds_once_more() -> None:
    stream, trainer = FarStream(), Trainer()
    n_turns = 0

    def step() -> bool:
        nonlocal n_turns
        n_turns += 1
        if n_turns == 20:
            trainer.steps(0, range(300))
        elif n_turns == 60:
            stream.flush_all()
            stream.server = "second"
        elif n_turns == 100:
            trainer.close()
        return False

    assert publisher_of(trainer, stream).run(step)
    assert finished_episodes(stream, RUN)[0].metadata.n_steps == 300
    assert trainer.ring.stats()["n_lost_steps"] == 0


def test_the_ring_shows_that_the_sender_lives_and_what_it_has_counted() -> None:
    stream, trainer = FarStream(), Trainer()
    pulses: list[int] = []

    def step() -> bool:
        pulses.append(trainer.ring.pulse)
        if len(pulses) == 20:
            trainer.steps(0, range(10))
        return len(pulses) > 40

    assert not publisher_of(trainer, stream).run(step)
    assert pulses == sorted(set(pulses)), "it grows with each turn"
    assert trainer.ring.read_position == trainer.ring.head
    assert trainer.ring.stats()["n_bytes_waiting"] == 0
    assert isinstance(trainer.ring, Ring)


def test_a_ring_whose_file_was_deleted_is_said_once_and_read_to_its_end(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0, n_calls=0)
    n_turns = 0

    def step() -> bool:
        nonlocal n_turns
        n_turns += 1
        if n_turns == 10:
            scene.trainer.ring.remove()
        elif n_turns == 40:
            scene.trainer.steps(0, range(300))
            scene.trainer.close()
        return False

    assert scene.send(step)
    assert finished_episodes(scene.stream, RUN)[0].metadata.n_steps == 300
    assert len([text for _, text in scene.said if "it was deleted" in text]) == 1
