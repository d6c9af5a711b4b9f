"""A server that was emptied: what was decided and not written ends where people see it, and is tried no more."""

from __future__ import annotations

import pytest

from recorder.catalog.operations.parked import LOST
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from tests.ingest.rig import LOOK_BACK, RUN, Rig, work
from tests.ingest.trainer import Trainer
from worker.ingest import evaluate_run, sweep


def emptied(stream: StepStream) -> StepStream:
    """A server that has nothing of what this one has."""
    if isinstance(stream, RedisStepStream):
        return RedisStepStream(stream.url, key_prefix="emptied:")
    return MemoryStepStream()


@pytest.fixture
def left(rig: Rig, trainer: Trainer) -> list[int]:
    """Episodes of a trainer that has died: one kept, three held; none written."""
    context = rig.worker(LOOK_BACK)
    for episode_id in range(4):
        trainer.play(episode_id, manual=["x"] if episode_id == 0 else [])
    evaluate_run(context, RUN)
    assert [decision for decision, _ in rig.decisions().values()] == ["kept", "held", "held", "held"]
    return [0, 1, 2, 3]


def test_episodes_of_a_run_without_a_redis_are_parked_with_the_reason(rig: Rig, left: list[int]) -> None:
    before = rig.decisions()
    context = rig.worker(LOOK_BACK, stream=emptied(rig.stream))
    assert sweep(context).to_write == {}
    assert list(rig.catalog.iterate_parked()) == [], "its server may only be away"
    rig.late_secs = 700
    for _ in range(3):
        assert sweep(context).to_write == {}
    assert [row.episode_id for row in list(rig.catalog.iterate_parked())] == left
    assert {row.error for row in list(rig.catalog.iterate_parked())} == {LOST}
    assert rig.row(0).attempts == 0
    assert rig.decisions() == before


def test_parked_episodes_are_written_when_their_redis_comes_back(rig: Rig, trainer: Trainer, left: list[int]) -> None:
    elsewhere = rig.worker(LOOK_BACK, stream=emptied(rig.stream))
    rig.late_secs = 700
    sweep(elsewhere)
    assert len(list(rig.catalog.iterate_parked())) == 4
    here = rig.worker(LOOK_BACK)
    work(here)
    assert list(rig.catalog.iterate_parked()) == []
    assert rig.recorded_ids() == [0]
    rig.late_secs = 1300
    work(here)
    sweep(elsewhere)
    assert list(rig.catalog.iterate_parked()) == [], "the other has just seen the run"
    trainer.play(4, stage=2)
    work(here)
    trainer.close()
    work(here)
    assert rig.recorded_ids() == [0, 1, 2, 3, 4]


def test_ends_on_a_redis_with_an_older_clock_are_read(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker(LOOK_BACK)
    trainer.play(0)
    evaluate_run(context, RUN)
    ahead = rig.catalog.load_run_state(RUN)
    future = f"{int(ahead.cursor.partition('-')[0]) * 2}-0"
    assert rig.catalog.commit_evaluation(
        RUN, old_cursor=ahead.cursor, new_cursor=future, criteria_state=ahead.criteria_state, new_episodes=[],
        decided=[], at=context.now(),
    )  # fmt: skip
    trainer.play(1)
    trainer.play(2, stage=2)
    trainer.close()
    work(context)
    assert list(rig.decisions()) == [0, 1, 2]
    work(context)
    assert rig.recorded_ids() == [0, 1, 2]
    assert rig.n_unread() == 0


def test_episodes_lost_by_flushall_are_parked_while_the_trainer_continues(
    rig: Rig, trainer: Trainer, left: list[int]
) -> None:
    after = emptied(rig.stream)
    context = rig.worker(LOOK_BACK, stream=after)
    again = Trainer(after, RUN, producer=trainer.producer)
    again.new_play(0)
    again.play(4, stage=2)
    again.close()
    for _ in range(5):
        work(context)
        rig.late_secs += 10
    assert [row.episode_id for row in list(rig.catalog.iterate_parked())] == left
    assert all("steps are no longer in Redis" in (row.error or "") for row in list(rig.catalog.iterate_parked()))
    assert [row.attempts for row in list(rig.catalog.iterate_parked())] == [3, 3, 3, 3]
    assert rig.catalog.held_episode_ids(RUN) == []
