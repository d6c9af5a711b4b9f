"""The sweep: salvage, unfinished runs, and unneeded streams and files."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.episode import EpisodeStatus, Gap
from recorder.step_stream import CHUNK, Flush, Outgoing, RedisStepStream, StepStream
from tests.ingest.rig import LOOK_BACK, RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer
from tests.waiting import wait_until
from worker.ingest import evaluate_run, sweep

LAST_ONE = {"stage_boundaries": {"record_first_n": 0, "record_last_n": 1}}


def test_an_episode_whose_trainer_died_is_kept_with_the_steps_that_arrived(rig: Rig, trainer: Trainer) -> None:
    trainer.send(trainer.chunks(trainer.new_play(1), n_steps=40, is_open=True))
    rig.look_in_vain()
    context = rig.worker({"periodic": {"interval": 1000}})
    work(context)
    work(context)
    episode = rig.episode(1)
    assert (episode.n_steps, episode.metadata.status, episode.reasons) == (40, EpisodeStatus.SALVAGED, ("salvaged",))
    assert episode.gaps == (Gap(40, None, "trainer died"),)
    assert episode.metadata.total_reward == pytest.approx(40.0)
    assert rig.row(1).status == "salvaged"


@pytest.mark.parametrize("goes_on", [True, False], ids=["by one worker", "by one that starts"])
def test_an_episode_that_is_cut_off_takes_the_last_known_stage_of_its_lane(
    rig: Rig, trainer: Trainer, goes_on: bool
) -> None:
    keep_all = {"periodic": {"interval": 1}, "stage_boundaries": {"record_first_n": 9, "record_last_n": 0}}
    context = rig.worker(keep_all)
    trainer.play(0, stage=2)
    trainer.play(1, stage=3, lane=1)
    work(context)
    trainer.play(2, stage=None)
    trainer.play(3, stage=None, status=EpisodeStatus.TRUNCATED)
    trainer.play(4, stage=None, status=EpisodeStatus.TRUNCATED, lane=7)
    trainer.send(trainer.chunks(trainer.new_play(5), lane=1, stage=None, is_open=True))
    rig.look_in_vain()
    if not goes_on:
        context = rig.worker(keep_all)
    work(context)
    work(context)
    expected = {0: 2, 1: 3, 2: None, 3: 2, 4: None, 5: 3}
    assert {number: rig.row(number).curriculum_stage for number in expected} == expected
    assert {number: rig.episode(number).metadata.curriculum_stage for number in expected} == expected
    assert {row["episode_id"]: row["curriculum_stage"] for row in rig.catalog.query_recordings(run=RUN)} == expected
    assert rig.row(5).status == "salvaged"
    assert [rig.row(number).reasons[1:2] for number in (2, 3)] == [(), ("stage_2_first_2",)]


def test_an_episode_of_a_trainer_that_only_pauses_stays_open(rig: Rig, trainer: Trainer) -> None:
    trainer.send(trainer.chunks(trainer.new_play(1), is_open=True, ago_secs=600))
    rig.look_in_vain()
    trainer.beat()
    assert sweep(rig.worker()).n_salvaged == 0
    assert len(rig.stream.open_plays(RUN)) == 1


@pytest.mark.parametrize("ago_secs", [36000.0, -36000.0], ids=["behind", "ahead"])
def test_a_trainers_clock_does_not_decide_whether_it_is_alive(rig: Rig, trainer: Trainer, ago_secs: float) -> None:
    trainer.beat(ago_secs=ago_secs)
    trainer.send(trainer.chunks(trainer.new_play(1), is_open=True, ago_secs=ago_secs))
    other = Trainer(rig.stream, RUN, producer="p2")
    other.close()
    context = rig.worker(abandoned_after_secs=0.003)
    for beat in range(10):
        trainer.beat(ago_secs=ago_secs + beat)
        work(context)
    assert len(rig.stream.open_plays(RUN)) == 1
    assert rig.catalog.get_run(RUN).ended_at is None

    def is_recorded() -> bool:
        work(context)
        return rig.recorded_ids() == [1]

    wait_until(is_recorded, message="salvage of what it left")
    assert rig.row(1).status == "salvaged"


def test_workers_count_missed_heartbeats_together(rig: Rig, trainer: Trainer) -> None:
    trainer.send(trainer.chunks(trainer.new_play(1), is_open=True))
    wait_until(lambda: sweep(rig.worker(abandoned_after_secs=0.003)).n_salvaged == 1, message="salvage")


def test_frequent_sweeps_do_not_count_heartbeats_faster(rig: Rig, trainer: Trainer) -> None:
    trainer.send(trainer.chunks(trainer.new_play(1), is_open=True))
    assert sum(sweep(rig.worker(abandoned_after_secs=1000)).n_salvaged for _ in range(10)) == 0
    assert [it.n_checks for it in rig.stream.run_info(RUN).missed_heartbeats.values()] == [0]


def test_an_episode_is_not_salvaged_before_its_trainers_first_heartbeat_is_due(rig: Rig, trainer: Trainer) -> None:
    trainer.close()
    late = Trainer(rig.stream, RUN, producer="p2", resumed=True, beats=False)
    late.new_play(0)
    play = late.new_play(1)
    late.send(late.chunks(play, is_open=True))
    late.send(late.chunks(late.new_play(2)))
    work(rig.worker())
    assert rig.stream.open_plays(RUN)[0].play == play
    assert rig.decisions() == {}
    late.beat()
    rig.look_in_vain()
    late.beat()
    work(rig.worker())
    assert rig.decisions() == {}
    rig.look_in_vain()
    for _ in range(4):
        work(rig.worker())
    assert rig.recorded_ids() == [1, 2]


def test_a_trainer_without_any_heartbeat_finally_counts_as_dead(rig: Rig, trainer: Trainer) -> None:
    trainer.close()
    late = Trainer(rig.stream, RUN, producer="p2", resumed=True, beats=False)
    late.new_play(0)
    late.send(late.chunks(late.new_play(1), is_open=True))
    work(rig.worker())
    rig.look_in_vain()
    work(rig.worker())
    work(rig.worker())
    assert rig.row(1).status == "salvaged"


def test_a_trainer_that_died_before_its_first_heartbeat_loses_nothing(rig: Rig, trainer: Trainer) -> None:
    assert rig.stream.try_lock("thorough-sweep", secs=1000)
    trainer.send(trainer.chunks(trainer.new_play(1), n_steps=40))
    context = rig.worker()
    work(context)
    assert rig.decisions() == {}
    rig.look_in_vain()
    work(context)
    work(context)
    assert rig.episode(1).n_steps == 40
    assert rig.row(1).status == "salvaged"
    work(context)
    assert rig.catalog.get_run(RUN).ended_at is not None


def test_episodes_with_unread_ends_are_not_salvaged(
    rig: Rig, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    for episode_id in range(3):
        trainer.play(episode_id)
    trainer.close()
    assert sweep(rig.worker()).n_salvaged == 0
    assert rig.n_unread() == 4
    assert caplog.text == ""


def test_a_salvaged_later_play_replaces_the_earlier_play(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(1)
    work(context)
    again = Trainer(rig.stream, RUN, producer="p2", resumed=True)
    again.new_play(0)
    again.send(again.chunks(again.new_play(1), n_steps=20, is_open=True))
    rig.look_in_vain()
    work(context)
    work(context)
    assert (rig.row(1).status, rig.row(1).replaced_plays) == ("salvaged", 1)
    assert rig.episode(1).n_steps == 20
    assert len(rig.files()) == 1


def test_an_episode_that_cannot_be_salvaged_has_a_row_with_the_reason(rig: Rig, trainer: Trainer) -> None:
    play = trainer.new_play(1)
    flush = trainer.chunks(play, is_open=True)
    flush.entries.append(Outgoing(play, 99, CHUNK, b"no chunk"))
    trainer.send(flush)
    rig.look_in_vain()
    work(rig.worker())
    work(rig.worker())
    row = rig.row(1)
    assert (row.status, row.decision) == ("aborted", "skipped")
    assert "nothing could be salvaged" in (row.error or "")
    assert rig.stream.episodes_held(RUN) == []


def test_a_run_ends_when_its_last_trainer_does(rig: Rig, trainer: Trainer) -> None:
    other = Trainer(rig.stream, RUN, producer="p2")
    context = rig.worker(LAST_ONE)
    trainer.play(1)
    trainer.close()
    evaluate_run(context, RUN)
    assert rig.catalog.get_run(RUN).ended_at is None
    other.new_play(0)
    other.play(2)
    other.close()
    work(context)
    assert rig.catalog.get_run(RUN).ended_at is not None
    assert rig.decisions() == {1: ("skipped", ()), 2: ("kept", ("stage_1_last_1",))}
    assert rig.recorded_ids() == [2]


def test_a_run_ends_with_its_last_trainer_even_if_ends_are_read_late(rig: Rig, trainer: Trainer) -> None:
    other = Trainer(rig.stream, RUN, producer="p2")
    trainer.play(1)
    trainer.close()
    other.new_play(0)
    other.play(2)
    other.close()
    evaluate_run(rig.worker(LAST_ONE, batch_episodes=2), RUN)
    assert rig.decisions() == {1: ("skipped", ()), 2: ("kept", ("stage_1_last_1",))}
    assert rig.catalog.get_run(RUN).ended_at is not None


def test_a_run_ends_although_one_of_its_trainers_died(rig: Rig, trainer: Trainer) -> None:
    Trainer(rig.stream, RUN, producer="dead")
    rig.look_in_vain()
    trainer.play(1)
    trainer.close()
    evaluate_run(rig.worker(LAST_ONE), RUN)
    assert rig.catalog.get_run(RUN).ended_at is not None


def test_an_unfinished_run_ends_once_its_trainers_are_silent(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker(LAST_ONE)
    trainer.play(1)
    work(context)
    work(context)
    assert rig.decisions()[1][0] == "held"
    rig.look_in_vain()
    work(context)
    work(context)
    assert rig.recorded_ids() == [1]
    assert rig.n_unread() == 0


def test_a_resumed_run_is_open_again(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(1)
    trainer.close()
    work(context)
    assert rig.catalog.get_run(RUN).ended_at is not None
    again = Trainer(rig.stream, RUN, producer="p2", resumed=True)
    again.new_play(0)
    again.play(2)
    evaluate_run(context, RUN)
    assert rig.catalog.get_run(RUN).ended_at is None


def test_an_ended_run_is_removed_from_redis_after_an_hour(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(1)
    trainer.close()
    work(context)
    trainer.beat(closed=True, ago_secs=3700)
    assert sweep(context).forgotten_runs == [RUN]
    assert rig.stream.runs() == []


def test_a_run_with_unread_ends_is_not_forgotten(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.close()
    work(context)
    trainer.play(1)
    trainer.beat(closed=True, ago_secs=3700)
    assert sweep(context).forgotten_runs == []
    work(context)
    assert rig.recorded_ids() == [1]


def test_a_sweep_ignores_runs_of_other_redis_servers(rig: Rig, trainer: Trainer, stream: StepStream) -> None:
    context = rig.worker()
    trainer.play(1)
    evaluate_run(context, RUN)
    elsewhere = rig.worker(stream=_empty_like(stream))
    for _ in range(5):
        assert sweep(elsewhere).to_write == {}
        rig.late_secs += 100
    rig.late_secs = 0
    work(context)
    assert rig.recorded_ids() == [1]
    assert rig.row(1).attempts == 1


def _empty_like(stream: StepStream) -> StepStream:
    from recorder.step_stream import MemoryStepStream, RedisStepStream

    if isinstance(stream, RedisStepStream):
        return RedisStepStream(stream.url, key_prefix="other:")
    return MemoryStepStream()


def test_ends_that_a_killed_worker_committed_are_trimmed(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    context = rig.worker()
    work(context)
    rig.stream.send(RUN, Flush(finished=flush.finished))
    state = rig.catalog.load_run_state(RUN)
    entry = rig.stream.read_finished(RUN, after=state.cursor, limit=1)[0]
    rig.catalog.commit_evaluation(
        RUN, old_cursor=state.cursor, new_cursor=entry.entry_id, criteria_state=state.criteria_state, new_episodes=[],
        decided=[], at=context.now(),
    )  # fmt: skip
    assert rig.n_unread() == 1
    evaluate_run(context, RUN)
    assert rig.n_unread() == 0
    assert rig.row(1).replaced_plays == 0


def test_old_unfinished_files_of_killed_workers_are_deleted(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(1)
    work(context)
    for name, age_secs in ((".episode_000002.msgpack.lz4.aa", 7200), (".episode_000003.msgpack.lz4.bb", 60)):
        path = rig.folder / RUN / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_secs,) * 2)
    work(context)
    assert rig.files() == [f"{RUN}/.episode_000003.msgpack.lz4.bb", f"{RUN}/episode_000001.msgpack.lz4"]


def test_held_episodes_stay_in_the_stream_until_they_are_decided(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker(LOOK_BACK)
    for episode_id in range(6):
        trainer.play(episode_id)
    work(context)
    assert sorted(rig.stream.episodes_held(RUN)) == [3, 4, 5]
    trainer.play(6, stage=2)
    work(context)
    assert rig.recorded_ids() == [3], "4, 5 and 6 may still come before the next transition"
    trainer.close()
    work(context)
    assert rig.recorded_ids() == [3, 4, 5, 6]
    assert rig.stream.episodes_held(RUN) == []
    assert rig.decisions()[3] == ("kept", ("stage_1_pre_transition",))


def test_a_thorough_sweep_goes_on_where_the_one_before_stopped(
    folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.step_stream.redis_upkeep._SCANNED_KEYS", 10)
    monkeypatch.setattr(sys.modules["worker.ingest.sweep"], "_SCAN_SECS", -1.0)  # a page a sweep
    n_episodes = 60
    stream = RedisStepStream(redis_url)
    with Catalog(folder / "catalog.db") as catalog:
        rig = Rig(stream, catalog, folder)
        trainer = Trainer(stream, RUN)
        flushes = [trainer.play(episode_id, n_steps=1, chunk_steps=1) for episode_id in range(n_episodes)]
        evaluate_run(rig.worker(), RUN)
        write_all(rig.worker())
        for flush in flushes:  # a trainer that sends its last seconds again creates the streams again
            stream.send(RUN, Flush(entries=flush.entries))
        assert len(stream.episodes_held(RUN)) == n_episodes
        workers = [rig.worker(thorough_sweep_secs=1000) for _ in range(2)]  # only the first sweep begins a walk
        n_dropped = []
        while not n_dropped or stream.bookmark("orphans") is not None:
            n_dropped.append(sweep(workers[len(n_dropped) % 2]).n_streams_dropped)
        assert sum(n_dropped) == n_episodes
        assert len([n for n in n_dropped if n]) > 2, n_dropped
        assert stream.episodes_held(RUN) == []
        assert sweep(workers[0]).n_streams_dropped == 0
    stream.close()
