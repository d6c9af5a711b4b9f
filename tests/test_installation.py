"""A worker compares the ids of catalog, folder and Redis, and writes its id where there is none."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from recorder.__main__ import main
from recorder.catalog import Catalog
from recorder.commands.arguments.opening import check_recordings_owner, installation_of
from recorder.commands.checks.installation import check_installation
from recorder.commands.checks.server import FoundRedis
from recorder.errors import CatalogError, StreamError
from recorder.installation import MARK_NAME, Installation, read_mark, read_store_mark
from recorder.installation.membership import Membership
from recorder.installation.ownership import read_owner
from recorder.redis_server.embedded import EmbeddedServer
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream
from recorder.storage import open_storage
from tests.s3_server import S3Server


@contextmanager
def joined(folder: Path, url: str, *, database: Path | None = None, own: Path | None = None) -> Iterator[Installation]:
    """What a worker on the folder is a member of, as long as it is one."""
    folder.mkdir(exist_ok=True)
    stream = RedisStepStream(url)
    with Catalog(database or folder / "catalog.db") as catalog:
        Membership(
            catalog, stream, folder, own_server_dir=own, writes_folder=True, clock=iter(range(99)).__next__
        ).confirm()
        yield catalog.installation()
    stream.close()


def join(folder: Path, url: str, *, database: Path | None = None, own: Path | None = None) -> Installation:
    with joined(folder, url, database=database, own=own) as installation:
        return installation


def owner(url: str) -> Installation | None:
    stream = RedisStepStream(url)
    try:
        return read_owner(stream)
    finally:
        stream.close()


def test_the_first_worker_writes_one_id_to_folder_catalog_and_redis(tmp_path: Path, redis_url: str) -> None:
    ours = join(tmp_path / "recordings", redis_url)
    mark = read_mark(tmp_path / "recordings")
    assert mark is not None
    assert mark.installation == owner(redis_url) == ours
    assert join(tmp_path / "recordings", redis_url) == ours


def test_a_second_catalog_is_refused_and_redis_keeps_its_owner(tmp_path: Path, redis_url: str) -> None:
    ours = join(tmp_path / "one", redis_url)
    with pytest.raises(StreamError, match="another installation") as caught:
        join(tmp_path / "two", redis_url)
    for part in (str(tmp_path / "one"), str(tmp_path / "two"), "hamlet:installation", "key_prefix"):
        assert part in str(caught.value)
    assert owner(redis_url) == ours


def test_deleting_the_named_key_hands_redis_over(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    join(tmp_path / "one", redis_url)
    redis_client.delete("hamlet:installation")
    assert join(tmp_path / "two", redis_url) == owner(redis_url)
    with pytest.raises(StreamError, match="another installation"):
        join(tmp_path / "one", redis_url)


def test_a_running_worker_notices_that_another_took_its_emptied_redis(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    (tmp_path / "one").mkdir()
    stream = RedisStepStream(redis_url)
    with Catalog(tmp_path / "one" / "catalog.db") as catalog:
        place = {"own_server_dir": None, "writes_folder": True}
        membership = Membership(catalog, stream, tmp_path / "one", **place, clock=iter(range(99)).__next__)
        membership.confirm()
        redis_client.flushall()
        membership.confirm()
        assert owner(redis_url) == catalog.installation(), "an emptied server is still its own"
        redis_client.flushall()
        join(tmp_path / "two", redis_url)
        with pytest.raises(StreamError, match="another installation"):
            membership.confirm()
    stream.close()


@pytest.mark.parametrize("held", [b"", b"\xff", b"[]", b"{}", b"null", b'{"installation": 1}'])
def test_an_unreadable_owner_key_counts_as_another_owner(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, held: bytes
) -> None:
    redis_client.set("hamlet:installation", held)
    with pytest.raises(StreamError, match="an unknown one"):
        join(tmp_path / "one", redis_url)


def test_an_owner_key_of_the_wrong_type_is_renamed(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    redis_client.rpush("hamlet:installation", b"x")
    ours = join(tmp_path / "one", redis_url)
    assert owner(redis_url) == ours
    assert redis_client.lrange("hamlet:set-aside:installation", 0, -1) == [b"x"]


def test_a_full_redis_gets_no_owner_key_and_workers_continue(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        ours = join(tmp_path / "one", redis_url)
        assert owner(redis_url) is None
    finally:
        redis_client.config_set("maxmemory", 0)
    assert join(tmp_path / "one", redis_url) == owner(redis_url) == ours


def test_a_rebuilt_catalog_takes_over_folder_and_redis(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "recordings"
    lost = join(folder, redis_url)
    (folder / "catalog.db").unlink()
    rebuilt = join(folder, redis_url)
    assert rebuilt.installation_id != lost.installation_id
    assert owner(redis_url) == rebuilt
    (message,) = [record.getMessage() for record in caplog.records if "recreated" in record.getMessage()]
    assert message.count(str(folder)) == 1
    assert "what Redis holds goes into the new one" in message


def test_a_catalog_moved_into_anothers_place_takes_nothing_over(tmp_path: Path, redis_url: str) -> None:
    folder, other = tmp_path / "recordings", tmp_path / "other"
    with EmbeddedServer(tmp_path / "server") as server:
        join(other, server.url)
    join(folder, redis_url)
    folder.rename(tmp_path / "away")
    other.rename(folder)
    with pytest.raises(StreamError, match="another installation"):
        join(folder, redis_url)


def test_a_folder_refuses_another_catalog_until_its_mark_is_deleted(tmp_path: Path, redis_url: str) -> None:
    folder = tmp_path / "recordings"
    with EmbeddedServer(tmp_path / "server") as server:
        join(folder, server.url)
    with pytest.raises(CatalogError, match="belong to another catalog") as caught:
        join(folder, redis_url, database=tmp_path / "other.db")
    assert str(folder / MARK_NAME) in str(caught.value)
    (folder / MARK_NAME).unlink()
    join(folder, redis_url, database=tmp_path / "other.db")


def test_a_folder_whose_catalog_was_deleted_may_get_a_new_one(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "recordings"
    join(folder, redis_url)
    redis_client.flushall()
    (folder / "catalog.db").unlink()
    ours = join(folder, redis_url, database=tmp_path / "other.db")
    mark = read_mark(folder)
    assert mark is not None
    assert mark.installation == ours
    assert "catalog.db is replaced by" in caplog.text


def test_a_copied_folder_is_a_separate_installation(tmp_path: Path, redis_url: str) -> None:
    ours = join(tmp_path / "one", redis_url)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    mark = read_mark(tmp_path / "two")
    assert mark is not None
    assert mark.is_copied
    with pytest.raises(StreamError, match="another installation"):
        join(tmp_path / "two", redis_url)
    with EmbeddedServer(tmp_path / "two" / ".server") as server:
        copied = join(tmp_path / "two", server.url, own=tmp_path / "two" / ".server")
    assert copied.installation_id != ours.installation_id
    assert join(tmp_path / "one", redis_url) == ours


def test_recordings_copied_to_another_disk_stay_with_their_catalog(tmp_path: Path, redis_url: str) -> None:
    database = tmp_path / "catalog.db"
    ours = join(tmp_path / "one", redis_url, database=database)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert join(tmp_path / "two", redis_url, database=database) == ours


def test_a_redis_that_left_the_folder_gets_nothing_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    with EmbeddedServer(folder / ".server") as server:
        join(folder, server.url, own=folder / ".server")
        (tmp_path / "other").mkdir()
        with pytest.raises(StreamError, match="no longer runs on this worker's folder"):
            join(tmp_path / "other", server.url, own=tmp_path / "other" / ".server")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\ud800", json.dumps({"installation": "x"})])
def test_an_unreadable_mark_is_rewritten(tmp_path: Path, redis_url: str, text: str) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / MARK_NAME).write_bytes(text.encode(errors="surrogatepass"))
    ours = join(folder, redis_url)
    mark = read_mark(folder)
    assert mark is not None
    assert mark.installation == ours


def test_a_worker_that_only_reads_recordings_compares_and_writes_nothing(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "recordings").mkdir()
    stream = RedisStepStream(redis_url)
    with Catalog(tmp_path / "recordings" / "catalog.db") as catalog:
        Membership(catalog, stream, tmp_path / "recordings", own_server_dir=None, writes_folder=False).confirm()
    stream.close()
    assert read_mark(tmp_path / "recordings") is None


def test_an_unchanged_installation_logs_nothing(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        join(tmp_path / "recordings", redis_url)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_copy_at_the_same_path_on_another_machine_is_refused_the_redis_of_the_first(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recordings"
    ours = join(folder, redis_url)
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "first machine")
    (tmp_path / "copy").rename(folder)
    assert join(folder, redis_url) == ours, "a backup that was put back"
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "first machine, again")
    (tmp_path / "copy").rename(folder)
    monkeypatch.setattr("socket.gethostname", lambda: "second-machine")
    mark = read_mark(folder)
    assert mark is not None
    assert mark.is_copied
    with pytest.raises(StreamError, match="another installation") as caught:
        join(folder, redis_url)
    assert f"second-machine:{folder}" in str(caught.value)
    assert owner(redis_url) == ours


def test_processes_in_two_containers_on_one_volume_write_no_mark_against_each_other(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    with Catalog(folder / "catalog.db") as one, Catalog(folder / "catalog.db") as two:
        streams = [RedisStepStream(redis_url), RedisStepStream(redis_url)]
        members = [
            Membership(
                catalog, stream, folder, own_server_dir=None, writes_folder=True, clock=iter(range(0, 99, 5)).__next__
            )
            for catalog, stream in zip((one, two), streams, strict=True)
        ]
        for name, member in zip(("container-a", "container-b"), members, strict=True):
            monkeypatch.setattr("socket.gethostname", lambda name=name: name)
            member.confirm()
        marked, noted = (folder / MARK_NAME).stat(), redis_client.get("hamlet:installation")
        for name, member in zip(("container-a", "container-b"), members, strict=True):
            monkeypatch.setattr("socket.gethostname", lambda name=name: name)
            member.confirm()
        assert (folder / MARK_NAME).stat().st_ino == marked.st_ino
        assert redis_client.get("hamlet:installation") == noted
        for stream in streams:
            stream.close()


@pytest.fixture
def store(s3: S3Server) -> str:
    """The URL of an empty folder in a bucket."""
    return f"s3://{s3.new_bucket()}/runs"


@contextmanager
def joined_at(store: str, database: Path, url: str, *, clock: Callable[[], float]) -> Iterator[Membership]:
    stream = RedisStepStream(url, key_prefix=f"{database.stem}:")
    with Catalog(database) as catalog:
        member = Membership(
            catalog, stream, None, store=open_storage(store), own_server_dir=None, writes_folder=True, clock=clock
        )
        member.confirm()
        yield member
    stream.close()


def test_recordings_in_a_store_belong_to_one_catalog(tmp_path: Path, redis_url: str, store: str, s3: S3Server) -> None:
    with joined_at(store, tmp_path / "one.db", redis_url, clock=time.monotonic):
        mark = read_store_mark(open_storage(store))
        assert mark is not None
        assert mark.installation.catalog.endswith("one.db")
    with joined_at(store, tmp_path / "one.db", redis_url, clock=time.monotonic):
        pass
    with pytest.raises(CatalogError, match="belong to another catalog") as caught:
        join_at_once(store, tmp_path / "two.db", redis_url)
    for part in ("one.db", "two.db", f"delete {store}/{MARK_NAME}"):
        assert part in str(caught.value)
    open_storage(store).delete(MARK_NAME)
    join_at_once(store, tmp_path / "two.db", redis_url)
    assert list(open_storage(store).names()) == []


def join_at_once(store: str, database: Path, url: str) -> None:
    with joined_at(store, database, url, clock=time.monotonic):
        pass


def test_a_running_worker_notices_within_a_minute_that_its_store_was_taken(
    tmp_path: Path, redis_url: str, store: str
) -> None:
    now = [0.0]
    with joined_at(store, tmp_path / "one.db", redis_url, clock=lambda: now[0]) as member:
        open_storage(store).delete(MARK_NAME)
        join_at_once(store, tmp_path / "two.db", redis_url)
        now[0] = 30.0
        member.confirm()
        now[0] = 61.0
        with pytest.raises(CatalogError, match="belong to another catalog"):
            member.confirm()


def test_a_copied_store_is_marked_for_the_catalog_that_uses_the_copy(
    tmp_path: Path, redis_url: str, store: str, s3: S3Server
) -> None:
    join_at_once(store, tmp_path / "one.db", redis_url)
    copy = store.replace("/runs", "/copy")
    open_storage(copy).write_all({MARK_NAME: open_storage(store).read(MARK_NAME, max_bytes=10_000)})
    mark = read_store_mark(open_storage(copy))
    assert mark is not None
    assert mark.is_copied
    join_at_once(copy, tmp_path / "two.db", redis_url)
    mark = read_store_mark(open_storage(copy))
    assert mark is not None
    assert mark.installation.catalog.endswith("two.db")


def test_a_store_that_cant_be_asked_keeps_nobody_from_deciding(
    tmp_path: Path, redis_url: str, s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    join_at_once("s3://no-such-bucket/runs", tmp_path / "one.db", redis_url)
    assert "can't check which installation the recordings belong to" in caplog.text


def test_doctor_compares_the_store_too(tmp_path: Path, redis_url: str, store: str) -> None:
    join_at_once(store, tmp_path / "one.db", redis_url)
    Catalog(tmp_path / "two.db").close()
    settings = Settings(recordings_dir=store, database=str(tmp_path / "two.db"))
    (finding,) = check_installation(settings, FoundRedis())
    assert (finding.verdict, f"belong to another catalog, {socket.gethostname()}" in finding.found) == ("fail", True)
    assert finding.advice.endswith(f"delete {store}/{MARK_NAME}")


def test_the_page_refuses_recordings_of_another_catalog(
    tmp_path: Path, redis_url: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    join_at_once(store, tmp_path / "one.db", redis_url)
    with Catalog(tmp_path / "two.db") as two:
        two.join_installation()
    Catalog(tmp_path / "three.db").close()
    assert main(["serve", "--recordings", store, "--database", str(tmp_path / "two.db"), "--port", "0"]) == 1
    assert f"delete {store}/{MARK_NAME}" in capsys.readouterr().err
    for name, n_notes in (("one", 0), ("three", 1)):
        settings = Settings(recordings_dir=store, database=str(tmp_path / f"{name}.db"))
        check_recordings_owner(settings, installation_of(settings))
        assert capsys.readouterr().err.count("note: these recordings belong to another catalog") == n_notes
    settings = Settings(recordings_dir=store.replace("/runs", "/nothing"), database=str(tmp_path / "two.db"))
    check_recordings_owner(settings, installation_of(settings))
