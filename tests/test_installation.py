"""Catalog, folder and server are compared by whoever joins them, and noted in those that know of none."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from recorder.catalog import Catalog
from recorder.errors import CatalogError, StreamError
from recorder.installation import MARK_NAME, Installation, Membership, read_mark, read_owner
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream


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


def test_the_first_worker_notes_one_id_in_all_three(tmp_path: Path, redis_url: str) -> None:
    ours = join(tmp_path / "recordings", redis_url)
    mark = read_mark(tmp_path / "recordings")
    assert mark is not None
    assert mark.installation == owner(redis_url) == ours
    assert join(tmp_path / "recordings", redis_url) == ours


def test_another_catalog_is_refused_the_server_and_the_server_keeps_its_owner(tmp_path: Path, redis_url: str) -> None:
    ours = join(tmp_path / "one", redis_url)
    with pytest.raises(StreamError, match="another installation") as caught:
        join(tmp_path / "two", redis_url)
    for part in (str(tmp_path / "one"), str(tmp_path / "two"), "hamlet:installation", "key_prefix"):
        assert part in str(caught.value)
    assert owner(redis_url) == ours


def test_deleting_the_key_that_the_refusal_names_hands_the_server_over(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    join(tmp_path / "one", redis_url)
    redis_client.delete("hamlet:installation")
    assert join(tmp_path / "two", redis_url) == owner(redis_url)
    with pytest.raises(StreamError, match="another installation"):
        join(tmp_path / "one", redis_url)


def test_a_running_worker_notices_that_its_server_was_emptied_and_taken_by_another(
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
def test_a_key_that_is_no_such_note_is_another_s(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, held: bytes
) -> None:
    redis_client.set("hamlet:installation", held)
    with pytest.raises(StreamError, match="an unknown one"):
        join(tmp_path / "one", redis_url)


def test_a_key_of_another_kind_is_set_aside(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    redis_client.rpush("hamlet:installation", b"x")
    ours = join(tmp_path / "one", redis_url)
    assert owner(redis_url) == ours
    assert redis_client.lrange("hamlet:set-aside:installation", 0, -1) == [b"x"]


def test_on_a_full_server_nothing_is_noted_and_workers_go_on(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        ours = join(tmp_path / "one", redis_url)
        assert owner(redis_url) is None
    finally:
        redis_client.config_set("maxmemory", 0)
    assert join(tmp_path / "one", redis_url) == owner(redis_url) == ours


def test_a_catalog_rebuilt_in_the_place_of_a_lost_one_takes_over_folder_and_server(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "recordings"
    lost = join(folder, redis_url)
    (folder / "catalog.db").unlink()
    rebuilt = join(folder, redis_url)
    assert rebuilt.installation_id != lost.installation_id
    assert owner(redis_url) == rebuilt
    (message,) = [record.getMessage() for record in caplog.records if "made anew" in record.getMessage()]
    assert message.count(str(folder)) == 1
    assert "what Redis holds goes into the new one" in message


def test_a_catalog_that_was_moved_into_the_place_of_another_takes_nothing_over(tmp_path: Path, redis_url: str) -> None:
    folder, other = tmp_path / "recordings", tmp_path / "other"
    with EmbeddedServer(tmp_path / "server") as server:
        join(other, server.url)
    join(folder, redis_url)
    folder.rename(tmp_path / "away")
    other.rename(folder)
    with pytest.raises(StreamError, match="another installation"):
        join(folder, redis_url)


def test_a_folder_is_refused_to_another_catalog_until_its_mark_is_deleted(tmp_path: Path, redis_url: str) -> None:
    folder = tmp_path / "recordings"
    with EmbeddedServer(tmp_path / "server") as server:
        join(folder, server.url)
    with pytest.raises(CatalogError, match="belong to another catalog") as caught:
        join(folder, redis_url, database=tmp_path / "other.db")
    assert str(folder / MARK_NAME) in str(caught.value)
    (folder / MARK_NAME).unlink()
    join(folder, redis_url, database=tmp_path / "other.db")


def test_a_folder_whose_catalog_is_gone_may_get_another(
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


def test_a_copied_folder_is_an_installation_of_its_own(tmp_path: Path, redis_url: str) -> None:
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


def test_recordings_copied_to_a_larger_disk_stay_their_catalog_s(tmp_path: Path, redis_url: str) -> None:
    database = tmp_path / "catalog.db"
    ours = join(tmp_path / "one", redis_url, database=database)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert join(tmp_path / "two", redis_url, database=database) == ours


def test_a_server_that_no_longer_runs_on_the_folder_gets_nothing_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    with EmbeddedServer(folder / ".server") as server:
        join(folder, server.url, own=folder / ".server")
        (tmp_path / "other").mkdir()
        with pytest.raises(StreamError, match="doesn't run on this worker's folder"):
            join(tmp_path / "other", server.url, own=tmp_path / "other" / ".server")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\ud800", json.dumps({"installation": "x"})])
def test_a_mark_that_can_not_be_read_is_written_anew(tmp_path: Path, redis_url: str, text: str) -> None:
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


def test_what_is_as_it_was_is_not_told_of(tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        join(tmp_path / "recordings", redis_url)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
