"""Concurrent writers of one PostgreSQL catalog, directly and through a pooler: none blocks another for good."""

from __future__ import annotations

import ast
import inspect
import random
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from recorder.catalog import Catalog
from recorder.errors import RecordingNotFoundError
from tests.catalog.samples import NOW, commit, episode, recording
from tests.pgbouncer import pgbouncer, url_through
from tests.postgres_server import PostgresServer
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres

RUNS = ("run-B", "run-a")  # in the order of code points; most languages sort them the other way round
IDS = range(8)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database that finds a deadlock soon."""
    name = make_url(postgres.new_database()).database
    assert name is not None
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '10ms'")
    return name


def shuffled(chance: random.Random) -> list[int]:
    return chance.sample(IDS, len(IDS))


def evaluate(catalog: Catalog, chance: random.Random) -> None:
    run_id = chance.choice(RUNS)
    state = catalog.load_run_state(run_id)
    rows = [episode(id_, run_id, decision="kept", play_id=chance.randrange(1, 9)) for id_ in shuffled(chance)]
    catalog.commit_evaluation(
        run_id,
        old_cursor=state.cursor,
        new_cursor=f"{chance.randrange(1, 10**9)}-0",
        criteria_state={},
        new_episodes=rows,
        decided=[],
        at=NOW,
    )


def import_files(catalog: Catalog, chance: random.Random) -> None:
    chosen = [(run_id, id_) for run_id in RUNS for id_ in IDS]
    chance.shuffle(chosen)
    catalog.import_recordings(
        (episode(id_, run_id, decision="kept", play_id=chance.randrange(1, 9)), recording(id_, run_id))
        for run_id, id_ in chosen
    )


def prune(catalog: Catalog, chance: random.Random) -> None:
    for id_ in shuffled(chance):
        catalog.delete_recording(chance.choice(RUNS), id_)


def write(catalog: Catalog, chance: random.Random) -> None:
    run_id = chance.choice(RUNS)
    catalog.claim_writes(now=NOW, lease_secs=0, limit=4)
    rows = catalog.start_write(run_id, shuffled(chance), now=NOW, lease_secs=0)
    catalog.postpone_write(run_id, shuffled(chance), not_before=NOW, error="x", count_attempt=True)
    catalog.finish_writes([recording(row.episode_id, run_id, play_id=row.play_id) for row in rows], at=NOW)
    catalog.mark_streams_dropped(run_id, shuffled(chance), NOW)


def upsert(catalog: Catalog, chance: random.Random) -> None:
    catalog.upsert_recordings([recording(id_, run_id) for id_ in shuffled(chance) for run_id in RUNS])


def look_after(catalog: Catalog, chance: random.Random) -> None:
    catalog.mark_runs_seen(chance.sample(RUNS, 2), NOW - timedelta(days=1))
    catalog.park_lost(unseen_since=NOW + timedelta(days=999), now=NOW)
    catalog.retry_parked()


def delete_run(catalog: Catalog, chance: random.Random) -> None:
    catalog.delete_run(chance.choice(RUNS))


def render(catalog: Catalog, chance: random.Random) -> None:
    row, _ = catalog.enqueue_video("run-B", chance.randrange(2), {}, at=NOW)
    spans = [(0, 1), (1, 1), (2, 1)]
    try:
        catalog.claim_videos(now=NOW, lease_secs=0, limit=2)
        catalog.start_video(row.video_id, now=NOW, lease_secs=0, max_attempts=9)
        catalog.plan_segments(row.video_id, spans)
        for index in chance.sample(range(3), 3):
            catalog.claim_segments(now=NOW, lease_secs=0, limit=3)
            segment = catalog.start_segment(row.video_id, index, now=NOW, lease_secs=1, max_attempts=2)
            if segment is not None:
                catalog.report_segment(segment, n_new_frames=1, now=NOW, lease_secs=1)
            catalog.finish_segment(row.video_id, index, file_path="x")
        catalog.cancel_video(row.video_id, at=NOW)
        catalog.retry_video(row.video_id)
    except RecordingNotFoundError:
        pass  # its run was deleted


WRITERS: tuple[Callable[[Catalog, random.Random], None], ...] = (
    evaluate,
    import_files,
    import_files,
    prune,
    prune,
    write,
    write,
    upsert,
    look_after,
    delete_run,
    render,
    render,
)


def test_concurrent_writers_do_not_deadlock(postgres: PostgresServer, database: str) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    with Catalog(postgres.url(database)) as catalog:

        def work(place: int) -> None:
            chance = random.Random(seed + place)
            for _ in range(6):
                WRITERS[place](catalog, chance)

        with ThreadPoolExecutor(len(WRITERS)) as pool:
            list(pool.map(work, range(len(WRITERS))))
    n_found = n_deadlocks(postgres, database)
    assert n_found == 0, (postgres.socket_dir / "log").read_text()


def n_deadlocks(postgres: PostgresServer, database: str) -> int:
    """Deadlocks that the server found and ended; connections report theirs when they close."""
    with postgres.connect() as connection:
        wait_until(lambda: not connection.execute(_OTHERS, [database]).fetchone()[0], message="the connections' end")
        (count,) = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [database]
        ).fetchone()
    return int(count)


_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
_WAITING = f"{_OTHERS} AND wait_event_type = 'Lock'"


def test_a_transaction_that_was_chosen_as_deadlock_victim_is_retried(postgres: PostgresServer, database: str) -> None:
    with (
        Catalog(postgres.url(database)) as catalog,
        postgres.connect(database) as first,
        postgres.connect(database) as other,
    ):
        commit(catalog, [episode(id_, decision="kept") for id_ in range(3)])
        for connection in (first, other):
            connection.autocommit = False
            connection.execute("SET deadlock_timeout = '10min'")  # it is the catalog's that is ended
        lock = "SELECT 1 FROM episodes WHERE episode_id = %s FOR UPDATE"
        first.execute(lock, [1])
        other.execute(lock, [2])

        def wait_for_waiters(n_waiters: int) -> None:
            with postgres.connect() as watcher:
                wait_until(lambda: watcher.execute(_WAITING, [database]).fetchone()[0] == n_waiters)

        with ThreadPoolExecutor(2) as pool:
            postponed = pool.submit(
                catalog.postpone_write, "run-a", iter(range(3)), not_before=NOW, error="no room", count_attempt=False
            )
            wait_for_waiters(1)  # it has episode 0, and waits for 1
            crossed = pool.submit(other.execute, lock, [0])
            wait_for_waiters(2)
            first.rollback()  # it gets 1, and waits for 2: of whose owner it holds 0
            crossed.result(60)
            other.rollback()
            postponed.result(60)
        assert [catalog.get_episode("run-a", id_).error for id_ in range(3)] == ["no room"] * 3
    assert n_deadlocks(postgres, database) == 1


def test_a_transaction_with_a_serialization_failure_is_retried(postgres: PostgresServer, database: str) -> None:
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'")
    with Catalog(postgres.url(database)) as catalog, postgres.connect(database) as other, postgres.connect() as watcher:
        catalog.ensure_run("run-a")
        other.autocommit = False
        other.execute("UPDATE runs SET host = 'there'")
        with ThreadPoolExecutor(1) as pool:
            changed = pool.submit(catalog.ensure_run, "run-a", config={"lr": 1})
            wait_until(lambda: watcher.execute(_WAITING, [database]).fetchone()[0])
            other.commit()
            changed.result(60)
        run = catalog.get_run("run-a")
        assert (run.host, run.config) == ("there", {"lr": 1})


def test_every_writing_operation_is_retried() -> None:
    """One that is not marked would end in an error that its caller can't do anything about."""
    for name, method in inspect.getmembers(Catalog, inspect.isfunction):
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(method)))
        writes = any(
            isinstance(node, ast.Attribute) and node.attr == "_writing" for node in ast.walk(ast.parse(source))
        )
        is_marked = "@write_transaction" in source
        assert writes == is_marked or name == "_prepare_schema", f"put @write_transaction before {method.__qualname__}"


def test_a_catalog_works_behind_a_transaction_pooler(postgres: PostgresServer, database: str) -> None:
    with pgbouncer(postgres) as socket_dir:
        url = url_through(socket_dir, database)
        ready = threading.Barrier(4)

        def work(place: int) -> None:
            ready.wait(60)
            chance = random.Random(place)
            with Catalog(url) as catalog:  # all four find no tables yet
                for _ in range(8):  # the driver would prepare what comes for the sixth time
                    import_files(catalog, chance)
                    write(catalog, chance)
                    render(catalog, chance)
                    assert catalog.query_recordings(reason="periodic_*", limit=3)
                    catalog.learning_curve("run-B")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        with Catalog(url, read_only=True) as reader:
            assert len(reader.query_recordings()) == len(RUNS) * len(IDS)


def test_reading_through_a_pooler_leaves_no_session_state(postgres: PostgresServer, database: str) -> None:
    with pgbouncer(postgres) as socket_dir, Catalog(url_through(socket_dir, database)) as catalog:
        catalog.ensure_run("run-a")
        settings = ("transaction_isolation", "transaction_read_only", "search_path", "timezone")
        for _ in range(4):
            catalog.list_runs()
            catalog.ensure_run("run-a", host="here")
        with psycopg.connect(f"host={socket_dir} port=6432 user=tests dbname={database}") as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone()[0] for name in settings]
        with postgres.connect(database) as direct:
            assert shown == [direct.execute(f"SHOW {name}").fetchone()[0] for name in settings]
