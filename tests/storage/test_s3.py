"""Recordings on S3: what the store holds is what it is asked for, beside others who write, and nothing is made by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.errors import StorageError
from recorder.recordings.reindex import recording_names, reindex
from recorder.storage import open_storage, read_file
from recorder.storage.url import UrlStorage
from tests.episodes import make_episode_file
from tests.processes import PythonProcess, run_python
from tests.s3_server import S3Server
from tests.waiting import wait_until

WRITER = """
import sys
from recorder.catalog import Catalog
from recorder.recordings.reindex import rows_of
from recorder.storage import episode_path, open_storage
from tests.episodes import make_episode_file

url, database, first, last = sys.argv[1:]
storage = open_storage(url)
with Catalog(database) as catalog:
    for episode_id in range(int(first), int(last)):
        name, data = episode_path("demo", episode_id), make_episode_file(episode_id=episode_id, n_steps=3)
        storage.write_all({name: data})
        catalog.import_recordings([rows_of(name, data)])
"""


def test_no_row_is_forgotten_while_another_process_writes(s3: S3Server, tmp_path: Path) -> None:
    bucket, database = s3.new_bucket(), tmp_path / "catalog.db"
    url = f"s3://{bucket}/runs"

    def writer(first: int, last: int) -> PythonProcess:
        return PythonProcess("-c", WRITER, url, str(database), str(first), str(last))

    storage = open_storage(url)
    with writer(0, 3) as process:
        assert process.wait() == 0, process.output
    with Catalog(database) as catalog:
        listed = recording_names(storage)
        gone = next(iter(listed))

        def meanwhile() -> Iterator[str]:
            yield from listed
            with writer(3, 10) as process:
                assert process.wait() == 0, process.output
            s3.client().delete_object(Bucket=bucket, Key=f"runs/{gone}")

        report = reindex(storage, catalog, meanwhile(), forget_missing=True)
        assert (report.n_files, report.unreadable, report.missing) == (3, {}, [])
        rows = {row["file_path"] for row in catalog.query_recordings()}
        assert rows == set(storage.names()) == {f"demo/episode_{n:06d}.msgpack.lz4" for n in range(1, 10)}
        assert reindex(storage, catalog, recording_names(storage), forget_missing=True).missing == []
        s3.client().delete_object(Bucket=bucket, Key="runs/demo/episode_000001.msgpack.lz4")
        assert len(reindex(storage, catalog, recording_names(storage), forget_missing=True).missing) == 1
        assert len(catalog.query_recordings()) == 8


def test_reindex_succeeds_beside_a_writing_worker(s3: S3Server, tmp_path: Path) -> None:
    url, database = f"s3://{s3.new_bucket()}/runs", tmp_path / "catalog.db"
    with PythonProcess("-c", WRITER, url, str(database), "0", "40") as process:
        wait_until(lambda: len(s3.objects(url.split("/")[2])) > 2, message="the first files")
        status, output = run_python(
            ["-m", "recorder", "reindex", "--recordings", url, "--database", str(database), "--forget-missing"]
        )
        assert status == 0, output
        assert process.wait() == 0, process.output
    with Catalog(database) as catalog:
        assert len(catalog.query_recordings()) == 40


def test_a_row_that_changed_since_it_was_read_is_not_forgotten(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    with Catalog(tmp_path / "catalog.db") as catalog:
        storage.write_all({"demo/episode_000001.msgpack.lz4": make_episode_file(episode_id=1, n_steps=3)})
        reindex(storage, catalog, recording_names(storage))
        as_read = catalog.get_recording("demo", 1)
        reindex(storage, catalog, recording_names(storage))
        assert not catalog.delete_recording("demo", 1, as_of=as_read)
        assert catalog.delete_recording("demo", 1, as_of=catalog.get_recording("demo", 1))


def test_listings_are_never_cached(s3: S3Server) -> None:
    bucket = s3.new_bucket()
    storage = open_storage(f"s3://{bucket}/runs")
    storage.write_all({"r/episode_000000.msgpack": b"old"})
    assert list(storage.names()) == ["r/episode_000000.msgpack"]
    client = s3.client()
    client.put_object(Bucket=bucket, Key="runs/r/episode_000000.msgpack", Body=b"newer")
    client.put_object(Bucket=bucket, Key="runs/r/episode_000001.msgpack", Body=b"x")
    assert storage.read("r/episode_000000.msgpack", max_bytes=9) == b"newer"
    with storage.open("r/episode_000000.msgpack") as file:
        assert file.read() == b"newer"
    assert storage.exists("r/episode_000001.msgpack")
    assert not storage.exists("r")
    assert sorted(storage.names()) == ["r/episode_000000.msgpack", "r/episode_000001.msgpack"]
    client.delete_object(Bucket=bucket, Key="runs/r/episode_000000.msgpack")
    assert not storage.exists("r/episode_000000.msgpack")
    assert not storage.delete("r/episode_000000.msgpack")
    assert read_file(f"s3://{bucket}/runs/r/episode_000001.msgpack", max_bytes=9) == b"x"


def test_a_missing_bucket_is_named_and_never_created(s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"x")
    storage = UrlStorage("s3://mispelt-bucket/runs")
    buckets = s3.buckets()
    for act in (
        lambda: storage.write_all({"r/episode_000000.msgpack": b"x"}),
        lambda: storage.upload(tmp_path / "v.mp4", "r/v.mp4"),
        lambda: list(storage.names()),
        lambda: storage.read("r/episode_000000.msgpack", max_bytes=9),
        lambda: storage.open("r/episode_000000.msgpack"),
        lambda: storage.exists("r/episode_000000.msgpack"),
    ):
        with pytest.raises(StorageError, match="there is no bucket 'mispelt-bucket'; create it") as caught:
            act()
        assert not caught.value.is_missing_file
    assert s3.buckets() == buckets
    status, output = run_python(
        ["-m", "recorder", "reindex", "--recordings", "s3://mispelt-bucket/x", "--database", str(tmp_path / "c.db")]
    )
    assert status != 0
    assert "there is no bucket 'mispelt-bucket'" in output
    assert "Traceback" not in output


def test_the_reason_of_a_store_that_has_several_lines_is_named(s3: S3Server) -> None:
    with pytest.raises(StorageError, match=r"Parameter validation failed: Invalid bucket name"):
        list(open_storage("s3://two words/x").names())


def test_the_root_of_a_bucket_is_a_place_for_recordings(s3: S3Server) -> None:
    storage = open_storage(f"S3://{s3.new_bucket()}")
    assert list(storage.names()) == []
    storage.write_all({"r/episode_000000.msgpack": b"x"})
    assert list(storage.names()) == ["r/episode_000000.msgpack"]


def test_a_worker_names_a_missing_bucket_at_its_start(s3: S3Server, tmp_path: Path, redis_url: str) -> None:
    places = ["--recordings", "s3://mispelt-bucket/x", "--database", str(tmp_path / "catalog.db")]
    status, output = run_python(["-m", "recorder", "worker", "--redis-url", redis_url, *places])
    assert status != 0
    assert "there is no bucket 'mispelt-bucket'" in output
    assert "Traceback" not in output
