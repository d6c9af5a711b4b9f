"""Evaluation: repeats, refusals, broken entries, keeps, races, and what a catalog that is away costs."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgpack
import psycopg
import pytest

from recorder.catalog import Catalog
from recorder.errors import CatalogUnavailableError, UsageError
from recorder.step_stream import Flush, StepStream
from tests.ingest.rig import KEEP_ALL, LOOK_BACK, RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer, play_id_of
from tests.postgres_server import PostgresServer
from worker.ingest import evaluate_run

NEVER = {"periodic": {"interval": 1_000_000}}


def test_an_end_delivered_twice_is_decided_once(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    trainer.send(flush)
    context = rig.worker()
    done = evaluate_run(context, RUN)
    assert (done.n_episodes, done.n_kept, done.n_refused) == (1, 1, 0)
    trainer.send(flush)
    assert evaluate_run(context, RUN).n_episodes == 0
    assert write_all(context) == 1
    assert rig.episode(1).n_steps == 30
    assert rig.row(1).replaced_plays == 0


@pytest.mark.parametrize("criteria", [KEEP_ALL, NEVER], ids=["kept", "skipped"])
def test_a_retry_for_a_decided_play_leaves_no_stream(rig: Rig, trainer: Trainer, criteria: dict[str, Any]) -> None:
    flush = trainer.play(1)
    context = rig.worker(criteria)
    work(context)
    assert rig.stream.episodes_held(RUN) == []
    trainer.send(flush)
    assert rig.entries_of(1, play_id_of(flush)) > 1
    evaluate_run(context, RUN)
    assert rig.stream.episodes_held(RUN) == []
    assert rig.n_unread() == 0


def test_a_repeated_header_of_a_dead_trainer_is_swept(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    work(rig.worker())
    trainer.send(Flush(entries=flush.entries[:1]))
    assert rig.stream.episodes_held(RUN) == [1]
    work(rig.worker())
    assert rig.stream.episodes_held(RUN) == []
    assert rig.episode(1).n_steps == 30


def test_steps_of_an_episode_whose_recording_was_deleted_are_not_kept_again(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    context = rig.worker()
    work(context)
    rig.catalog.delete_recording(RUN, 1)
    trainer.send(flush)
    evaluate_run(context, RUN)
    assert rig.stream.episodes_held(RUN) == []
    trainer.send(Flush(entries=flush.entries[:1]))
    work(context)
    assert rig.stream.episodes_held(RUN) == []
    assert rig.decisions() == {1: ("deleted", ("periodic_1",))}


def test_a_repeated_episode_id_is_refused_and_the_first_episode_stays(rig: Rig, trainer: Trainer) -> None:
    first, second = trainer.play(1, seed=1), trainer.play(1, seed=2)
    context = rig.worker()
    done = evaluate_run(context, RUN)
    assert (done.n_episodes, done.n_refused) == (1, 1)
    assert rig.entries_of(1, play_id_of(first)) == 5
    assert rig.entries_of(1, play_id_of(second)) == 0
    write_all(context)
    assert rig.row(1).play_id == play_id_of(first)
    assert rig.catalog.get_run(RUN).n_refused == 1
    assert rig.stream.episodes_held(RUN) == []


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1 not msgpack",
        msgpack.packb([1, 2]),
        msgpack.packb({"kind": "party"}),
        msgpack.packb({"kind": "end", "episode_id": 5}),
        msgpack.packb({"kind": "keep", "episode_id": [], "reason": "x"}),
        msgpack.packb({"kind": "keep", "episode_id": 2**64 - 1, "reason": "x"}),
    ],
    ids=["not-msgpack", "no-map", "unknown-kind", "fields-missing", "id-no-number", "id-too-large"],
)
def test_a_broken_entry_is_refused_and_the_others_are_evaluated(
    rig: Rig, trainer: Trainer, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for episode_id in range(3):
        trainer.play(episode_id)
    rig.stream.send(RUN, Flush(finished=[body]))
    for episode_id in range(3, 6):
        trainer.play(episode_id)
    context = rig.worker()
    evaluate_run(context, RUN)
    write_all(context)
    assert rig.recorded_ids() == [0, 1, 2, 3, 4, 5]
    assert rig.n_unread() == 0
    assert rig.catalog.get_run(RUN).n_refused == 1
    (line,) = [line for line in caplog.records if "is refused" in line.message]
    assert line.exc_info is None, "the reason is enough"


def test_an_end_with_a_number_too_large_for_sql_is_refused_alone(rig: Rig, trainer: Trainer) -> None:
    trainer.play(1)
    broken = msgpack.unpackb(trainer.end(trainer.new_play(2)).finished[0]) | {"env_steps": 2**64 - 1}
    rig.stream.send(RUN, Flush(finished=[msgpack.packb(broken)]))
    trainer.play(3)
    evaluate_run(rig.worker(), RUN)
    assert list(rig.decisions()) == [1, 3]
    assert rig.catalog.get_run(RUN).n_refused == 1


def test_keep_counts_while_the_episode_is_held_and_is_counted_as_late_afterwards(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker(LOOK_BACK)
    trainer.play(0, manual=["early"])
    trainer.play(1)
    trainer.keep(1, "nice")
    evaluate_run(context, RUN)
    repeated = trainer.keep(1, "nice")
    for episode_id in range(2, 8):
        trainer.play(episode_id)
    evaluate_run(context, RUN)
    trainer.send(repeated)
    assert evaluate_run(context, RUN).n_episodes == 0
    assert rig.catalog.get_run(RUN).n_late_keeps == 0, "a keep that is sent twice was in time"
    trainer.keep(2, "too late")
    trainer.keep(99, "never heard of")
    evaluate_run(context, RUN)
    assert rig.catalog.get_run(RUN).n_late_keeps == 2
    decisions = rig.decisions()
    assert decisions[0] == ("kept", ("manual_early",))
    assert decisions[1] == ("kept", ("manual_nice",))
    assert decisions[2] == ("skipped", ())


class LosesItsAnswer(Catalog):
    """Fails once, before the commit."""

    fails = 1

    def commit_evaluation(self, *arguments: Any, **more: Any) -> bool:
        if self.fails:
            self.fails -= 1
            raise CatalogUnavailableError("locked")
        return super().commit_evaluation(*arguments, **more)


def test_a_commit_that_fails_leaves_no_trace_in_the_criteria(rig: Rig, trainer: Trainer) -> None:
    criteria = {"performance": {"history_window": 50}}
    undisturbed = Trainer(rig.stream, "undisturbed")
    with LosesItsAnswer(rig.folder / "catalog.db") as catalog:
        catalog.fails = 0
        context = rig.worker(criteria, catalog=catalog)
        for episode_id in range(30):
            for it in (trainer, undisturbed):
                it.play(episode_id, reward=float(episode_id * 7 % 11))
            catalog.fails = episode_id % 3 == 1
            if catalog.fails:
                with pytest.raises(CatalogUnavailableError):
                    evaluate_run(context, RUN)
            evaluate_run(context, RUN)
        evaluate_run(rig.worker(criteria), "undisturbed")
    states = [rig.catalog.load_run_state(run_id).criteria_state for run_id in (RUN, "undisturbed")]
    for state in states:
        for held in state["pending"]["rows"]:
            held[1] = "a play of its run"
    assert states[0] == states[1]


class LetsAnotherWin(Catalog):
    """Another worker commits the same batch just before this one does."""

    other: Any = None

    def commit_evaluation(self, *arguments: Any, **more: Any) -> bool:
        other, self.other = self.other, None
        if other is not None:
            evaluate_run(other, RUN)
        return super().commit_evaluation(*arguments, **more)


def test_one_of_two_workers_with_the_same_batch_wins(rig: Rig, trainer: Trainer) -> None:
    criteria = {"stage_boundaries": {"record_first_n": 3, "record_last_n": 0}}
    with LetsAnotherWin(rig.folder / "catalog.db") as catalog:
        slow, quick = rig.worker(criteria, catalog=catalog), rig.worker(criteria)
        trainer.play(0)
        catalog.other = quick
        done = evaluate_run(slow, RUN)
        assert done.lost_race
        assert done.n_episodes == 0
        trainer.play(1)
        evaluate_run(slow, RUN)
        trainer.play(2)
        evaluate_run(quick, RUN)
    assert [reasons for _, reasons in rig.decisions().values()] == [(f"stage_1_first_{n}",) for n in (1, 2, 3)]


def test_while_the_catalog_is_locked_nothing_is_lost(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    with Catalog(rig.folder / "catalog.db", busy_timeout_secs=0.05) as impatient:
        context = rig.worker(catalog=impatient)
        other = sqlite3.connect(rig.folder / "catalog.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogUnavailableError):
            evaluate_run(context, RUN)
        assert rig.n_unread() == 1
        assert rig.entries_of(1, play_id_of(flush)) == 5
        other.execute("COMMIT")
        evaluate_run(context, RUN)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogUnavailableError):
            write_all(context)
        other.execute("COMMIT")
        other.close()
        work(context)
    assert rig.episode(1).n_steps == 30


@pytest.mark.postgres
def test_while_postgresql_is_away_nothing_is_lost(rig: Rig, trainer: Trainer, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    name = url.partition("?")[0].rpartition("/")[2]
    with (
        Catalog(url) as catalog,
        psycopg.connect(postgres.url("postgres").replace("+psycopg", ""), autocommit=True) as administrator,
    ):

        def let_in(is_open: bool) -> None:
            administrator.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {is_open}')
            administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        remote = Rig(rig.stream, catalog, rig.folder)
        context = remote.worker()
        trainer.play(1)
        let_in(False)
        for _ in range(2):
            with pytest.raises(CatalogUnavailableError):
                work(context)
        let_in(True)
        evaluate_run(context, RUN)
        let_in(False)
        with pytest.raises(CatalogUnavailableError):
            write_all(context)
        let_in(True)
        work(context)
        assert remote.recorded_ids() == [1]
        assert remote.row(1).attempts == 1


def test_a_broken_state_restarts_the_criteria_and_keeps_undecided_episodes(
    rig: Rig, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    for episode_id in range(5):
        trainer.play(episode_id)
    evaluate_run(rig.worker(LOOK_BACK), RUN)
    state = rig.catalog.load_run_state(RUN)
    assert rig.catalog.held_episode_ids(RUN) == [2, 3, 4]
    broken = {**state.criteria_state, "criteria": {"stage_transitions": {"lanes": "?"}}}
    rig.catalog.commit_evaluation(
        RUN, old_cursor=state.cursor, new_cursor=state.cursor, criteria_state=broken, new_episodes=[], decided=[],
        at=rig.worker().now(),
    )  # fmt: skip
    trainer.play(5)
    context = rig.worker(LOOK_BACK)
    evaluate_run(context, RUN)
    write_all(context)
    assert rig.recorded_ids() == [2, 3, 4]
    assert rig.decisions()[2] == ("kept", ("salvaged",))
    assert rig.decisions()[5][0] == "held"
    assert "start anew, and 3 undecided episodes are kept" in caplog.text


def test_a_state_of_a_newer_version_is_left_alone(rig: Rig, trainer: Trainer) -> None:
    trainer.play(0)
    evaluate_run(rig.worker(LOOK_BACK), RUN)
    state = rig.catalog.load_run_state(RUN)
    rig.catalog.commit_evaluation(
        RUN, old_cursor=state.cursor, new_cursor=state.cursor, criteria_state={**state.criteria_state, "version": 99},
        new_episodes=[], decided=[], at=rig.worker().now(),
    )  # fmt: skip
    trainer.play(1)
    with pytest.raises(UsageError, match="version"):
        evaluate_run(rig.worker(LOOK_BACK), RUN)
    assert rig.n_unread() == 1


def test_new_criteria_after_a_restart_decide_what_the_old_ones_held(rig: Rig, trainer: Trainer) -> None:
    for episode_id in range(3):
        trainer.play(episode_id)
    evaluate_run(rig.worker(LOOK_BACK), RUN)
    assert len(rig.catalog.held_episode_ids(RUN)) == 3
    trainer.play(3)
    context = rig.worker(KEEP_ALL)
    evaluate_run(context, RUN)
    assert rig.catalog.held_episode_ids(RUN) == []
    assert rig.decisions() == {**dict.fromkeys(range(3), ("skipped", ())), 3: ("kept", ("periodic_1",))}
    assert rig.stream.episodes_held(RUN) == [3]


def test_a_run_continues_in_a_new_process_that_records_in_memory(rig: Rig, stream: StepStream) -> None:
    for attempt in range(2):
        memory = type(stream)() if not stream.is_remote else stream
        trainer = Trainer(memory, RUN, resumed=attempt > 0)
        for episode_id in range(3 * attempt, 3 * attempt + 3):
            trainer.play(episode_id)
        context = rig.worker(stream=memory)
        evaluate_run(context, RUN)
        write_all(context)
    assert rig.recorded_ids() == [0, 1, 2, 3, 4, 5]
