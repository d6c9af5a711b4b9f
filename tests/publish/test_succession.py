"""A sender that dies at any flush, and its successor: the stream is the one that a sender without a death would have left."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from recorder.publish.delivery import backlog
from recorder.step_stream import Play
from tests.capture.recorded import ends
from tests.publish.scene import Scene, content, n_steps_there, said_of_ends
from tests.publish.trainer import RUN

SEEDS = range(3)
N_DEATHS = 5
"""Of all flushes of a run, drawn by the seed."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_successor_at_any_flush_leaves_the_stream_of_a_sender_without_a_death(tmp_path: Path, seed: int) -> None:
    whole = Scene(tmp_path / "whole", seed)
    whole.send_all()
    expected, counters, ended = content(whole.stream), whole.counters(), said_of_ends(whole.stream)
    assert sum(counters[name] for name in ("recorded_steps", "refused_steps")) == (whole.trainer.n_steps)
    n_flushes = whole.stream.n_flushes
    whole.close()
    for number in sorted(random.Random(seed).sample(range(1, n_flushes + 1), min(N_DEATHS, n_flushes))):
        for arrives in (False, True):
            scene = Scene(tmp_path / f"{number}{arrives}", seed)
            scene.stream.dies_at, scene.stream.dies_after = {number}, arrives
            scene.send_all()
            assert content(scene.stream) == expected, (number, arrives, scene.said)
            assert said_of_ends(scene.stream) == ended, (number, arrives)
            assert scene.counters() == counters, (number, arrives)
            assert scene.stream.open_plays(RUN) == []
            assert scene.trainer.ring.tail == scene.trainer.ring.head
            scene.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_workers_took_before_a_successor_came_goes_on_as_the_same_play(tmp_path: Path, seed: int) -> None:
    whole = Scene(tmp_path / "whole", seed)
    whole.send_all()
    n_flushes = whole.stream.n_flushes
    whole.close()
    for number in sorted(random.Random(seed).sample(range(1, n_flushes + 1), min(3 * N_DEATHS, n_flushes))):
        scene = Scene(tmp_path / str(number), seed)
        scene.stream.dies_at, scene.stream.dies_after = {number}, True
        assert not scene.send()
        _, page = scene.stream.scan_episodes(0, run_id=RUN)
        taken = {play.episode_id: play.play_id for play in page.get(RUN, [])}
        scene.stream.drop_plays(RUN, [Play(*pair) for pair in taken.items()])
        scene.send_all()
        for body in ends(scene.stream, RUN):
            if body.get("kind") in ("end", "abort"):
                assert body["play_id"] == taken.get(body["episode_id"], body["play_id"]), (number, body)
        scene.close()


@pytest.mark.parametrize("seed", range(6))
def test_senders_that_die_again_and_again_leave_the_same(tmp_path: Path, seed: int) -> None:
    whole = Scene(tmp_path / "whole", seed)
    whole.send_all()
    chance = random.Random(seed)
    scene = Scene(tmp_path / "often", seed)
    scene.stream.dies_at = set(chance.sample(range(1, whole.stream.n_flushes + 1), min(6, whole.stream.n_flushes)))
    scene.stream.dies_after = seed % 2 == 0
    scene.stream.unanswered = set(chance.sample(range(1, whole.stream.n_flushes + 1), 3))
    scene.send_all()
    assert scene.n_senders > 1
    assert content(scene.stream) == content(whole.stream)
    assert set(said_of_ends(scene.stream)) == set(said_of_ends(whole.stream)), "what is repeated is said twice"
    assert scene.counters() == whole.counters()
    assert scene.stream.open_plays(RUN) == []
    scene.close()
    whole.close()


@pytest.mark.parametrize("seed", range(10))
def test_an_emptied_server_and_a_successor_count_exactly_what_is_there(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    scene = Scene(tmp_path / "scene", seed, aborts=False)
    emptied_at = chance.randrange(2, 30)
    died_at = emptied_at + seed % 4
    scene.stream.empty_before = {emptied_at}
    scene.stream.dies_at, scene.stream.dies_after = {died_at, died_at + 1}, seed % 8 > 3
    scene.send_all()
    counters = scene.counters()
    missing = counters["lost_steps"] + counters["refused_steps"]
    assert counters["recorded_steps"] + missing == scene.trainer.n_steps
    assert n_steps_there(scene.stream) == counters["recorded_steps"]
    tally = scene.stream.tally(RUN, "producer")
    assert tally is not None
    assert tally.n_kept == counters["recorded_steps"]
    scene.close()


def test_a_successor_goes_on_building_while_its_flushes_are_halfway_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "FLUSH_PACKETS", 1)
    scene = Scene(tmp_path, 0, n_calls=0)
    scene.trainer.steps(0, range(300))
    scene.stream.dies_at, scene.stream.dies_after = {1}, True
    n_turns = 0
    assert not scene.send(lambda: False)
    scene.stream.dies_at, scene.stream.unanswered = set(), set(range(3, 60, 2))

    def step() -> bool:
        nonlocal n_turns
        n_turns += 1
        if 30 <= n_turns < 50:
            first = 300 + 280 * (n_turns - 30)
            scene.trainer.steps(0, range(first, first + 280))
        elif n_turns == 100:
            scene.trainer.finish(0)
            scene.trainer.close()
        return False

    assert scene.send(step)
    assert content(scene.stream)[0][0] == 300 + 20 * 280
    assert scene.counters()["recorded_steps"] == 300 + 20 * 280
